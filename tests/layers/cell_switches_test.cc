// The switches that every cell has: what a run drops. How gates start is in gate_start_test.cc.

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

#include <sluice/graph/gradients.h>
#include <sluice/layers/recurrent.h>
#include <sluice/ops/composed.h>

#include "layers/cells_under_test.h"
#include "support/read.h"

namespace sluice::testing {
namespace {

constexpr int64_t kInputs = 5;

// ---- What a run drops ----

enum class Seen : uint8_t { kStateKept, kMemoryKept, kCandidate, kStateOfMatrix, kWeights };

struct Switch {
  const char* name;
  Seen seen;
};

// One step of two LSTM layers both ways, of which is seen what is dropped or kept at each place.
class Switches : public ::testing::TestWithParam<Switch> {
 protected:
  static constexpr int64_t kUnits = 64;
  using Pattern = std::vector<bool>;

  struct Model {
    explicit Model(double rate, uint64_t seed = 1)
        : variables({.seed = seed, .dtype = DType::kF64}),
          rnn(variables.root() / "rnn", {.cell = absl::StrCat("lstm:", GetParam().name, "=", rate),
                                         .inputs = kInputs,
                                         .hidden = kUnits,
                                         .layers = 2,
                                         .direction = Direction::kBoth}) {}
    VariableStore variables;
    Recurrent rnn;
  };

  struct Run {
    std::vector<Tensor> results;   // outputs, and h and c of each place
    std::vector<Pattern> dropped;  // of each place: by layer, then direction
  };
  static bool SameBits(const Run& a, const Run& b) {
    return std::equal(a.results.begin(), a.results.end(), b.results.begin(), b.results.end(),
                      [](const Tensor& x, const Tensor& y) { return sluice::SameBits(x, y); });
  }

  static Run RunOf(Model& model, bool training = true) {
    Tape tape;
    const Tensor h0 = RandomTensor(DType::kF64, {1, kUnits}, 1);
    RecurrentInputs inputs = {.training = training};
    for (int i = 0; i < 4; ++i) inputs.initial.push_back({{"h", tape.Feed(h0)}});  // c is 0
    const Value x = tape.Feed(RandomTensor(DType::kF64, {1, 1, kInputs}, 2));
    const RecurrentOutputs run = model.rnn.Run(x, inputs);
    std::vector<Value> matrices, values = {run.outputs};
    Value loss = Sum(run.outputs);
    for (const char* place : {"0/forward", "0/backward", "1/forward", "1/backward"}) {
      const State& state = run.final[matrices.size()];
      values.push_back(state["h"]);
      values.push_back(state["c"]);
      loss = loss + Sum(state["c"]);
      matrices.push_back(tape.Use(
          *model.variables.Find(absl::StrCat("rnn/", place, "/candidate/recurrent_weights"))));
    }
    for (const Value& gradient : Gradients(loss, matrices)) values.push_back(gradient);
    const absl::StatusOr<std::vector<Tensor>> read = tape.Read(values);
    if (!read.ok()) {
      ADD_FAILURE() << read.status();
      return {};
    }
    Run result{{read->begin(), read->begin() + 9}, {}};
    for (size_t place = 0; place < 4; ++place) {
      result.dropped.push_back(
          Dropped(h0, (*read)[1 + 2 * place], (*read)[2 + 2 * place], (*read)[9 + place]));
    }
    return result;
  }

  static Pattern Dropped(const Tensor& h0, const Tensor& h, const Tensor& c,
                         const Tensor& gradient) {
    Pattern dropped;
    for (int64_t i = 0; i < kUnits; ++i) {
      switch (GetParam().seen) {
        case Seen::kStateKept:
          dropped.push_back(h.At(i) == h0.At(i));
          break;
        case Seen::kMemoryKept:  // the old one is 0
        case Seen::kCandidate:   // c = i * g
          dropped.push_back(c.At(i) == 0);
          break;
        case Seen::kStateOfMatrix: {  // no row of the matrix gets a gradient
          const auto row = gradient.values<double>().subspan(i * kUnits, kUnits);
          dropped.push_back(std::all_of(row.begin(), row.end(), [](double x) { return x == 0; }));
          break;
        }
        case Seen::kWeights:  // each of them by itself
          for (int64_t j = 0; j < kUnits; ++j) {
            dropped.push_back(gradient.At(i * kUnits + j) == 0);
          }
          break;
      }
    }
    return dropped;
  }
};
INSTANTIATE_TEST_SUITE_P(All, Switches,
                         ::testing::Values(Switch{"zoneout", Seen::kStateKept},
                                           Switch{"zoneout_memory", Seen::kMemoryKept},
                                           Switch{"recurrent_dropout", Seen::kCandidate},
                                           Switch{"state_dropout", Seen::kStateOfMatrix},
                                           Switch{"weight_drop", Seen::kWeights}),
                         [](const ::testing::TestParamInfo<Switch>& info) {
                           return std::string(info.param.name);
                         });

TEST_P(Switches, HaveAMaskOfTheirOwnInEachLayerAndDirection) {
  Model model(0.3);
  const Run run = RunOf(model);
  std::set<Pattern> distinct(run.dropped.begin(), run.dropped.end());
  EXPECT_EQ(distinct.size(), 4);
  double share = 0, all = 0;
  for (const Pattern& dropped : run.dropped) {
    share += static_cast<double>(std::count(dropped.begin(), dropped.end(), true));
    all += static_cast<double>(dropped.size());
  }
  // Three deviations.
  EXPECT_NEAR(share / all, 0.3, 3 * std::sqrt(0.3 * 0.7 / all));
}

TEST_P(Switches, DependOnSeedAndStepOnly) {
  Model model(0.5);
  const Run first = RunOf(model);
  EXPECT_EQ(RunOf(model).dropped, first.dropped) << "the same step";
  Model same(0.5), other(0.5, 2);
  EXPECT_EQ(RunOf(same).dropped, first.dropped) << "the same seed";
  EXPECT_NE(RunOf(other).dropped, first.dropped) << "another seed";
  model.variables.step().value() = Tensor::Scalar<int32_t>(1);
  EXPECT_NE(RunOf(model).dropped, first.dropped) << "another step";
}

TEST_P(Switches, DropNothingAtRateZeroOrWhenNotTraining) {
  Model none(0), some(0.5);
  const Run plain = RunOf(none);
  EXPECT_TRUE(SameBits(plain, RunOf(none, /*training=*/false)));
  EXPECT_FALSE(SameBits(plain, RunOf(some)));
  const Run tested = RunOf(some, /*training=*/false);
  for (const Pattern& dropped : tested.dropped) {
    EXPECT_EQ(std::count(dropped.begin(), dropped.end(), true), 0);
  }
  const bool is_zoneout = absl::StartsWith(GetParam().name, "zoneout");
  EXPECT_EQ(SameBits(plain, tested), !is_zoneout) << "zoneout takes its expectation";
}

TEST_P(Switches, LearnNothingMore) {
  Model none(0), some(0.5);
  RunOf(some);
  EXPECT_EQ(some.variables.parameters(), none.variables.parameters());
  EXPECT_EQ(some.variables.trainable().size(), none.variables.trainable().size());
}

// A layer of one cell whose weights a test sets.
struct Layer {
  Layer(const std::string& cell, int64_t hidden)
      : variables({.dtype = DType::kF64}),
        rnn(variables.root() / "rnn", {.cell = cell, .inputs = hidden, .hidden = hidden}) {
    for (Variable* variable : variables.trainable()) Set(*variable, ConstantInitializer(0));
  }
  static void Set(Variable& variable, const Initializer& initializer) {
    variable.value() = initializer(variable.type(), 0);
  }
  void Set(absl::string_view path, const Initializer& initializer) {
    Variable* variable = variables.Find(absl::StrCat("rnn/0/", path));
    ASSERT_NE(variable, nullptr) << path;
    Set(*variable, initializer);
  }

  VariableStore variables;
  Recurrent rnn;
};

// ---- Zoneout ----

// U is 0, so that what a plain run gives is what each step would give anew, whatever came before.
class Zoneout : public ::testing::Test {
 protected:
  static constexpr int64_t kSteps = 4, kBatch = 10, kUnits = 20, kStep = kBatch * kUnits;

  static Tensor Outputs(const std::string& cell, bool training, const Tensor* initial = nullptr) {
    Layer layer(cell, kUnits);
    layer.Set("state/input_weights", IdentityInitializer());
    Tape tape;
    RecurrentInputs inputs = {.training = training};
    if (initial != nullptr) inputs.initial = {{{"h", tape.Feed(*initial)}}};
    const Value x = tape.Feed(RandomTensor(DType::kF64, {kSteps, kBatch, kUnits}, 1));
    return MustRead(layer.rnn.Run(x, inputs).outputs);
  }
};

TEST_F(Zoneout, OfOneKeepsTheStateForEver) {
  const Tensor initial = RandomTensor(DType::kF64, {kBatch, kUnits}, 5);
  for (const bool training : {true, false}) {
    const Tensor outputs = Outputs("elman:zoneout=1", training, &initial);
    for (int64_t i = 0; i < outputs.elements(); ++i) {
      ASSERT_EQ(outputs.At(i), initial.At(i % kStep)) << training;
    }
  }
}

TEST_F(Zoneout, TakesEachElementOldOrNewByAMaskOfEachStep) {
  const Tensor fresh = Outputs("elman", true);
  const Tensor outputs = Outputs("elman:zoneout=0.3", true);
  std::set<std::vector<bool>> masks;
  double kept = 0;
  for (int64_t t = 0; t < kSteps; ++t) {
    std::vector<bool> mask;
    for (int64_t i = t * kStep; i < (t + 1) * kStep; ++i) {
      const double old_value = t == 0 ? 0 : outputs.At(i - kStep);
      mask.push_back(outputs.At(i) == old_value);
      ASSERT_EQ(outputs.At(i), mask.back() ? old_value : fresh.At(i));
      kept += mask.back() ? 1 : 0;
    }
    masks.insert(mask);
  }
  EXPECT_EQ(masks.size(), kSteps);
  constexpr double kElements = kSteps * kStep;
  EXPECT_NEAR(kept / kElements, 0.3, 3 * std::sqrt(0.3 * 0.7 / kElements));
}

TEST_F(Zoneout, IsItsExpectationWhenNotTraining) {
  const Tensor fresh = Outputs("elman", false);
  const Tensor outputs = Outputs("elman:zoneout=0.3", false);
  for (int64_t i = 0; i < outputs.elements(); ++i) {
    const double old_value = i < kStep ? 0 : outputs.At(i - kStep);
    ASSERT_NEAR(outputs.At(i), 0.3 * old_value + 0.7 * fresh.At(i), 1e-15);
  }
}

TEST_F(Zoneout, OfTheMemoryLeavesHAloneAndOtherwise) {
  const auto finals = [](const std::string& cell) {
    VariableStore variables({.dtype = DType::kF64});
    const Recurrent rnn(variables.root() / "rnn", {.cell = cell, .inputs = 5, .hidden = kUnits});
    Tape tape;
    const RecurrentOutputs run =
        rnn.Run(tape.Feed(RandomTensor(DType::kF64, {1, kBatch, 5}, 1)),
                {.initial = {{{"h", tape.Feed(RandomTensor(DType::kF64, {kBatch, kUnits}, 2))},
                              {"c", tape.Feed(RandomTensor(DType::kF64, {kBatch, kUnits}, 3))}}}});
    const State state = run.final[0];
    return *tape.Read({state["h"], state["c"]});
  };
  const std::vector<Tensor> plain = finals("lstm");
  const std::vector<Tensor> of_h = finals("lstm:zoneout=0.5");
  const std::vector<Tensor> of_c = finals("lstm:zoneout_memory=0.5");
  EXPECT_TRUE(SameBits(of_h[1], plain[1]));
  EXPECT_FALSE(SameBits(of_h[0], plain[0]));
  EXPECT_TRUE(SameBits(of_c[0], plain[0]));
  EXPECT_FALSE(SameBits(of_c[1], plain[1]));
}

// c, n and m of the sLSTM make sense together only.
TEST_F(Zoneout, KeepsAllOfTheMemoryOrNone) {
  VariableStore variables({.dtype = DType::kF64});
  const Recurrent rnn(variables.root() / "rnn",
                      {.cell = "slstm:zoneout_memory=0.5", .inputs = 5, .hidden = kUnits});
  Tape tape;
  State initial;
  for (const char* name : {"h", "c", "n", "m"}) {
    initial.Set(name, tape.Constant(9, DType::kF64, {kBatch, kUnits}));
  }
  const State state =
      rnn.Run(tape.Feed(RandomTensor(DType::kF64, {1, kBatch, 5}, 1)), {.initial = {initial}})
          .final[0];
  const auto read = tape.Read({state["c"], state["n"], state["m"]});
  ASSERT_TRUE(read.ok()) << read.status();
  int64_t kept = 0;
  for (int64_t i = 0; i < kStep; ++i) {
    const bool c_kept = (*read)[0].At(i) == 9;
    EXPECT_EQ((*read)[1].At(i) == 9, c_kept);
    EXPECT_EQ((*read)[2].At(i) == 9, c_kept);
    kept += c_kept ? 1 : 0;
  }
  EXPECT_GT(kept, kStep / 4);
  EXPECT_LT(kept, 3 * kStep / 4);
}

// ---- Dropout of candidates, of what matrices see, and of weights ----

// All weights of the gates are 0, so they are 1/2: c' = 1/2 mask x / (1 - rate) + 1/2 c.
TEST(RecurrentDropout, DropsWhatAStepAddsAndNothingOfWhatIsKept) {
  constexpr int64_t kSteps = 4, kBatch = 10, kUnits = 20, kStep = kBatch * kUnits;
  Layer layer("ran:output=identity:recurrent_dropout=0.25", kUnits);
  layer.Set("content/input_weights", IdentityInitializer());
  const Tensor x = RandomTensor(DType::kF64, {kSteps, kBatch, kUnits}, 1);
  Tape tape;
  const Tensor outputs = MustRead(layer.rnn(tape.Feed(x)));
  std::set<std::vector<bool>> masks;
  double share = 0;
  for (int64_t t = 0; t < kSteps; ++t) {
    std::vector<bool> dropped;
    for (int64_t i = t * kStep; i < (t + 1) * kStep; ++i) {
      const double kept = t == 0 ? 0 : 0.5 * outputs.At(i - kStep);
      dropped.push_back(outputs.At(i) == kept);
      share += dropped.back() ? 1.0 / (kSteps * kStep) : 0;
      ASSERT_NEAR(outputs.At(i), kept + (dropped.back() ? 0 : 0.5 * x.At(i) / 0.75), 1e-15);
    }
    masks.insert(dropped);
  }
  EXPECT_EQ(masks.size(), kSteps);
  EXPECT_NEAR(share, 0.25, 3 * std::sqrt(0.25 * 0.75 / (kSteps * kStep)));
}

// h' = (mask_1 c_1 + 1/2 mask_0 c_0) / 2 / (1 - rate) with other c in each layer: all four occur.
TEST(RecurrentDropout, HasAMaskOfItsOwnInEachLayerOfAStep) {
  Layer layer("rhn:depth=2:recurrent_dropout=0.5", 50);
  layer.Set("layer_0/candidate/bias", ConstantInitializer(1));
  layer.Set("layer_1/candidate/bias", ConstantInitializer(2));
  Tape tape;
  const Tensor outputs = MustRead(layer.rnn(tape.Feed(Tensor(DType::kF64, {1, 1, 50}))));
  const auto values = outputs.values<double>();
  EXPECT_EQ(std::set<double>(values.begin(), values.end()).size(), 4);
}

// h' = 1 + mask h / (1 - rate): 1 for ever, or 1 + 2 h.
TEST(StateDropout, HasOneMaskForAllStepsAndOneForEachRow) {
  constexpr int64_t kSteps = 5, kBatch = 10, kUnits = 40, kStep = kBatch * kUnits;
  Layer layer("elman:activation=relu:state_dropout=0.5", kUnits);
  layer.Set("state/bias", ConstantInitializer(1));
  layer.Set("state/recurrent_weights", IdentityInitializer());
  Tape tape;
  const Tensor outputs =
      MustRead(layer.rnn(tape.Feed(Tensor(DType::kF64, {kSteps, kBatch, kUnits}))));
  std::set<std::vector<bool>> rows;
  std::vector<bool> row;
  double share = 0;
  for (int64_t i = 0; i < kStep; ++i) {
    row.push_back(outputs.At(kStep + i) == 1);
    share += row.back() ? 1.0 / kStep : 0;
    for (int64_t t = 1; t < kSteps; ++t) {
      const double before = outputs.At((t - 1) * kStep + i);
      ASSERT_EQ(outputs.At(t * kStep + i), row.back() ? 1 : 1 + 2 * before) << "step " << t;
    }
    if (i % kUnits != kUnits - 1) continue;
    rows.insert(row);
    row.clear();
  }
  EXPECT_EQ(rows.size(), kBatch);
  EXPECT_NEAR(share, 0.5, 3 * std::sqrt(0.25 / kStep));
}

// Rows of the first state are those of the identity: rows of h_1 are those of what is left of U.
TEST(WeightDrop, HasOneMaskForAllStepsAndNoGradientWhereItDrops) {
  constexpr int64_t kUnits = 30, kStep = kUnits * kUnits;
  Layer layer("elman:activation=relu:weight_drop=0.25", kUnits);
  layer.Set("state/recurrent_weights", ConstantInitializer(0.1));
  Tape tape;
  const Tensor identity = IdentityInitializer()({DType::kF64, {kUnits, kUnits}}, 0);
  const Value outputs = layer.rnn
                            .Run(tape.Feed(Tensor(DType::kF64, {2, kUnits, kUnits})),
                                 {.initial = {{{"h", tape.Feed(identity)}}}})
                            .outputs;
  const Value weights = tape.Use(*layer.variables.Find("rnn/0/state/recurrent_weights"));
  const auto read = tape.Read({outputs, Gradients(Sum(outputs), {weights})[0]});
  ASSERT_TRUE(read.ok()) << read.status();
  const Tensor& h = (*read)[0];
  double dropped = 0;
  for (int64_t i = 0; i < kUnits; ++i) {
    for (int64_t j = 0; j < kUnits; ++j) {
      const double left = h.At(i * kUnits + j);
      ASSERT_NEAR(left, left == 0 ? 0 : 0.1 / 0.75, 1e-15);
      dropped += left == 0 ? 1 : 0;
      EXPECT_EQ((*read)[1].At(i * kUnits + j) == 0, left == 0);
      double product = 0;
      for (int64_t k = 0; k < kUnits; ++k) product += h.At(i * kUnits + k) * h.At(k * kUnits + j);
      ASSERT_NEAR(h.At(kStep + i * kUnits + j), product, 1e-14) << "the second step";
    }
  }
  EXPECT_NEAR(dropped / kStep, 0.25, 3 * std::sqrt(0.25 * 0.75 / kStep));
}

// Variables with names of their own, too.
TEST(WeightDrop, AndStateDropoutActOnEveryMatrixOfAText) {
  const std::string text = "{mine: h' = tanh(W x + U_own h)}";
  for (const char* option : {"weight_drop", "state_dropout"}) {
    SCOPED_TRACE(option);
    Layer layer(absl::StrCat(text, ":", option, "=0.5"), 20);
    const std::string path = "rnn/0/U_own";
    Layer::Set(*layer.variables.Find(path), ConstantInitializer(0.1));
    Tape tape;
    const Value ones = tape.Constant(1, DType::kF64, {1, 20});
    const Value outputs =
        layer.rnn.Run(tape.Feed(Tensor(DType::kF64, {1, 1, 20})), {.initial = {{{"h", ones}}}})
            .outputs;
    const Tensor gradient =
        MustRead(Gradients(Sum(outputs), {tape.Use(*layer.variables.Find(path))})[0]);
    const auto values = gradient.values<double>();
    const auto zeros = std::count(values.begin(), values.end(), 0);
    EXPECT_GT(zeros, 100);
    EXPECT_LT(zeros, 300);
  }
}

TEST(SwitchErrors, SayThatThereIsNothingToActOn) {
  constexpr std::pair<const char*, const char*> kWrong[] = {
      {"elman:recurrent_dropout=0.5",
       "cell elman: recurrent_dropout has nothing to drop: its Step names no Candidate(\"name\", "
       "value); in rnn/0"},
      {"mingru:state_dropout=0.5",
       "cell mingru: state_dropout has nothing to drop: it has no recurrent matrix; in rnn/0"},
      {"mingru:weight_drop=0.5",
       "cell mingru: weight_drop has nothing to drop: it has no recurrent matrix; in rnn/0"},
      {"minlstm:weight_drop=0.5",
       "cell minlstm: weight_drop has nothing to drop: it has no recurrent matrix; in rnn/0"},
      {"indrnn:state_dropout=0.5",
       "cell indrnn: state_dropout has nothing to drop: it has no recurrent matrix; in rnn/0"},
      {"sru:weight_drop=0.5",
       "cell sru: weight_drop has nothing to drop: it has no recurrent matrix; in rnn/0"},
      {"qrnn:window=2:state_dropout=0.5",
       "cell qrnn: state_dropout has nothing to drop: it has no recurrent matrix; in rnn/0"},
      {"gru:zoneout_memory=0.5",
       "cell gru: zoneout_memory has nothing to keep: its state is h; in rnn/0"},
      {"{mine: h' = tanh(W_own x + U h)}:layer_norm=yes",
       "cell mine: layer_norm normalises the products of W and U; W_own has a name of its own"},
      {"gru:zoneout=1.5", "cell gru: zoneout is a number from 0 to 1, got \"1.5\""},
      {"gru:weight_drop=1", "cell gru: weight_drop is a number from 0 to 0.99, got \"1\""}};
  for (const auto& [cell, error] : kWrong) EXPECT_EQ(LayerError(cell), error) << cell;
}

// Every other cell with these works.
TEST(SwitchErrors, AreOfTheCellsThatLackSomething) {
  const std::map<std::string, std::set<std::string>> expected = {
      {"keep_bias=1", {"elman", "gru2", "indrnn", "irnn", "lstm97", "mgu2"}},
      {"chrono=9", {"elman", "gru2", "indrnn", "irnn", "lstm97", "mgu2"}},
      {"layer_norm=yes", {}},
      {"zoneout=0.5", {}},
      {"recurrent_dropout=0.5", {"elman", "indrnn", "irnn"}},
      {"state_dropout=0.5", {"indrnn", "mingru", "minlstm", "qrnn", "sru"}},
      {"weight_drop=0.5", {"indrnn", "mingru", "minlstm", "qrnn", "sru"}}};
  for (const auto& [option, cells] : expected) {
    std::set<std::string> wrong;
    for (const std::string& cell : CellRegistry::Global().Names()) {
      if (!LayerError(absl::StrCat(cell, ":", option)).empty()) wrong.insert(cell);
    }
    EXPECT_EQ(wrong, cells) << option;
  }
}

}  // namespace
}  // namespace sluice::testing
