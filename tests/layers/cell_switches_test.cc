// The switches that every cell has: how gates that keep start, and what a run drops.

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

constexpr int64_t kInputs = 5, kHidden = 8;

// What is wrong with a layer of this cell: of its text, of making it, or of a run in training.
std::string ErrorOf(const std::string& cell) {
  VariableStore variables;
  const Recurrent rnn(variables.root() / "rnn",
                      {.cell = cell, .inputs = kInputs, .hidden = kHidden});
  Tape tape;
  rnn(tape.Feed(Tensor(DType::kF32, {2, 3, kInputs})));
  return std::string(tape.status().message());
}

// ---- First biases ----

// First values of every variable of a cell that is called so, below the cell.
struct First {
  explicit First(const std::string& cell, uint64_t seed = 1, int64_t hidden = kHidden)
      : variables({.seed = seed, .dtype = DType::kF64}), cell_spec(ParseCellSpec(cell)) {
    EXPECT_TRUE(cell_spec.ok()) << cell_spec.status();
    if (cell_spec.ok()) MakeCell(*cell_spec, variables.root() / "cell", kInputs, hidden);
  }
  absl::Span<const double> operator[](absl::string_view path) const {
    const Variable* variable = variables.Find(absl::StrCat("cell/", path));
    if (variable != nullptr) return variable->value().values<double>();
    ADD_FAILURE() << "no " << path;
    return {};
  }

  VariableStore variables;
  absl::StatusOr<CellSpec> cell_spec;
};

std::vector<double> Negated(absl::Span<const double> values) {
  std::vector<double> negated(values.begin(), values.end());
  for (double& value : negated) value = -value;
  return negated;
}

TEST(Chrono, StartsEveryGateThatKeepsWithinItsRange) {
  constexpr double kLongest = 20;
  std::set<std::string> started;
  // Every design, where a few stand for all too.
  std::vector<std::string> cells = AllCells();
  const std::vector<std::string> names = CellRegistry::Global().Names();
  cells.insert(cells.end(), names.begin(), names.end());
  for (const std::string& cell : cells) {
    SCOPED_TRACE(cell);
    const std::string text = absl::StrCat(cell, ":chrono=", kLongest);
    if (!ParseCellSpec(text).ok()) continue;
    const First first(text);
    if (!first.variables.status().ok()) continue;
    for (const GateRecord& gate : GatesOf(*first.cell_spec)) {
      if (gate.keeps == Polarity::kNeither) continue;
      for (const Variable* variable : first.variables.trainable()) {
        if (!absl::EndsWith(variable->path(), absl::StrCat("/", gate.name, "/bias")) &&
            !absl::EndsWith(variable->path(), absl::StrCat("/", gate.name, "/input_bias"))) {
          continue;
        }
        std::vector<double> keeps(variable->value().values<double>().begin(),
                                  variable->value().values<double>().end());
        if (gate.keeps == Polarity::kOneMinusGate) keeps = Negated(keeps);
        const auto [low, high] = std::minmax_element(keeps.begin(), keeps.end());
        EXPECT_GE(*low, 0) << variable->path();
        EXPECT_LE(*high, std::log(kLongest - 1)) << variable->path();
        EXPECT_GT(*high, *low + 0.2) << variable->path();
        started.insert(first.cell_spec->record->name);
      }
    }
  }
  const std::set<std::string> expected = {
      "gru",  "gru1", "gru3", "intersection", "janet",  "ligru",   "lngru", "lnlstm",
      "lstm", "mgu",  "mgu1", "mgu3",         "mingru", "minlstm", "mlstm", "mut1",
      "mut2", "mut3", "qrnn", "ran",          "rhn",    "slstm",   "sru",   "ugrnn"};
  for (const std::string& cell : expected) EXPECT_EQ(started.count(cell), 1) << cell;
}

// Many draws at once: no cell's matrix is (H, H) here.
TEST(Chrono, IsTheLogarithmOfAUniformNumber) {
  constexpr int64_t kDraws = 20'000;
  constexpr double kLongest = 50, kRange = kLongest - 2;
  const First first("qrnn:chrono=50", 1, kDraws);
  double mean = 0, square = 0, logarithm = 0;
  for (const double bias : first["forget/bias"]) {
    logarithm += bias / kDraws;
    mean += std::exp(bias) / kDraws;
    square += std::exp(2 * bias) / kDraws;
  }
  // Four deviations of such a mean.
  const double deviation = kRange / std::sqrt(12.0);
  EXPECT_NEAR(mean, kLongest / 2, 4 * deviation / std::sqrt(kDraws));
  EXPECT_NEAR(square - mean * mean, deviation * deviation, 0.02 * deviation * deviation);
  EXPECT_NEAR(logarithm, (kLongest - 1) * std::log(kLongest - 1) / kRange - 1, 0.03);
}

TEST(Chrono, StartsTheInputGateAsMinusTheForgetGate) {
  for (const char* cell : {"lstm", "lstm:coupled=capped", "lstm:preset=fgr", "lstm:preset=keras",
                           "lnlstm", "mlstm", "ran", "minlstm"}) {
    SCOPED_TRACE(cell);
    const First first(absl::StrCat(cell, ":chrono=30"));
    EXPECT_EQ(first["input/bias"], Negated(first["forget/bias"]));
  }
  const First two("lstm:biases=two:chrono=30");
  EXPECT_EQ(two["input/input_bias"], Negated(two["forget/input_bias"]));
  EXPECT_EQ(two["input/recurrent_bias"], std::vector<double>(kHidden));
  EXPECT_EQ(two["forget/recurrent_bias"], std::vector<double>(kHidden));
  EXPECT_EQ(two["output/input_bias"], std::vector<double>(kHidden));
  EXPECT_EQ(two["candidate/input_bias"], std::vector<double>(kHidden));
}

TEST(Chrono, DrawsOtherNumbersForEachSeedLayerAndDirection) {
  const auto biases = [](uint64_t seed) {
    VariableStore variables({.seed = seed});
    const Recurrent rnn(variables.root() / "rnn", {.cell = "lstm:chrono=30",
                                                   .inputs = kInputs,
                                                   .hidden = kHidden,
                                                   .layers = 2,
                                                   .direction = Direction::kBoth});
    std::set<std::vector<float>> all;
    for (const char* place : {"0/forward", "0/backward", "1/forward", "1/backward"}) {
      const auto values =
          variables.Find(absl::StrCat("rnn/", place, "/forget/bias"))->value().values<float>();
      all.emplace(values.begin(), values.end());
    }
    EXPECT_EQ(all.size(), 4);
    return all;
  };
  std::set<std::vector<float>> two_seeds = biases(1);
  EXPECT_EQ(two_seeds, biases(1));
  two_seeds.merge(biases(2));
  EXPECT_EQ(two_seeds.size(), 8);
}

TEST(KeepBias, IsAddedTowardsKeeping) {
  struct Shift {
    const char* cell;
    const char* bias;
    double expected;
  };
  constexpr Shift kShifts[] = {{"gru", "update/bias", 2},
                               {"gru", "reset/bias", 0},
                               {"gru", "candidate/bias", 0},
                               {"gru:update=new", "update/bias", -2},
                               {"gru:biases=two", "update/input_bias", 2},
                               {"gru:biases=two", "update/recurrent_bias", 0},
                               {"lstm", "forget/bias", 2},
                               {"lstm", "input/bias", 0},
                               {"lstm", "output/bias", 0},
                               {"lstm:preset=keras", "forget/bias", 3},
                               {"lstm:coupled=yes", "input/bias", -2},
                               {"mgu", "forget/bias", -2},
                               {"mgu3", "forget/bias", -2},
                               {"ugrnn", "gate/bias", 2},
                               {"ugrnn:forget_bias=1", "gate/bias", 3},
                               {"janet", "forget/bias", 3},
                               {"minlstm", "forget/bias", 2},
                               {"minlstm", "input/bias", 0},
                               {"mingru", "update/bias", -2},
                               {"qrnn", "forget/bias", 2},
                               {"qrnn:forget=new", "forget/bias", -2},
                               {"ligru", "update/bias", 2},
                               {"intersection", "gate/bias", 2},
                               {"intersection", "up/bias", 0},
                               {"rhn", "layer_0/transform/bias", -2},
                               {"rhn", "layer_1/transform/bias", -2}};
  for (const Shift& shift : kShifts) {
    SCOPED_TRACE(absl::StrCat(shift.cell, " ", shift.bias));
    const First first(absl::StrCat(shift.cell, ":keep_bias=2"));
    EXPECT_EQ(first[shift.bias], std::vector<double>(kHidden, shift.expected));
  }
}

TEST(KeepBias, IsAddedToWhatTheBiasStartsAs) {
  for (const char* cell : {"lstm:init=pytorch", "lstm:chrono=30", "slstm"}) {
    SCOPED_TRACE(cell);
    const First plain(cell), kept(absl::StrCat(cell, ":keep_bias=2"));
    for (int64_t i = 0; i < kHidden; ++i) {
      EXPECT_DOUBLE_EQ(kept["forget/bias"][i], plain["forget/bias"][i] + 2);
    }
    EXPECT_EQ(kept["input/bias"], plain["input/bias"]);
  }
}

// What a step does to a change of the memory (c, what else there is, or h): 1 keeps it, 0 does not.
// Mean of the units.
double KeptByAStep(const std::string& cell) {
  VariableStore variables({.dtype = DType::kF64});
  const Recurrent rnn(variables.root() / "rnn",
                      {.cell = cell, .inputs = kInputs, .hidden = kHidden});
  const std::vector<std::string> names =
      MakeCell(rnn.cell(), Scope(&variables, "rnn/0"), kInputs, kHidden)->StateNames();
  std::string memory = "h";
  for (const std::string& name : names) {
    if (memory == "h" || name == "c") memory = name;
  }
  constexpr double kChange = 1e-3;
  const auto next = [&](double change) {
    Tape tape;
    State state;
    for (size_t i = 0; i < names.size(); ++i) {
      const Value value = tape.Feed(RandomTensor(DType::kF64, {4, kHidden}, 2 + i));
      // n is a sum of weights, by which the cell divides.
      state.Set(names[i], names[i] == "n"      ? value + 2
                          : names[i] == memory ? value + change
                                               : value);
    }
    const Value x = tape.Feed(RandomTensor(DType::kF64, {1, 4, kInputs}, 1));
    return MustRead(Mean(rnn.Run(x, {.initial = {state}}).final[0][memory])).At(0);
  };
  return (next(kChange) - next(0)) / kChange;
}

// By what the cell does, whatever its records say.
TEST(KeepBias, MakesEveryCellThatHasItKeepMore) {
  int cells = 0;
  for (const std::string& cell : AllCells()) {
    if (!ErrorOf(absl::StrCat(cell, ":keep_bias=6")).empty()) continue;
    EXPECT_GT(KeptByAStep(absl::StrCat(cell, ":keep_bias=6")),
              KeptByAStep(absl::StrCat(cell, ":keep_bias=-6")) + 0.3)
        << cell;
    ++cells;
  }
  EXPECT_GT(cells, static_cast<int>(AllCells().size()) / 3);
}

TEST(FirstBiasErrors, SayWhatACellLacks) {
  constexpr std::pair<const char*, const char*> kWrong[] = {
      {"elman:chrono=10",
       "cell elman: chrono sets the bias of a gate that keeps; there is no such gate"},
      {"elman:keep_bias=1",
       "cell elman: keep_bias sets the bias of a gate that keeps; there is no such gate"},
      {"lstm97:chrono=10",
       "cell lstm97: chrono sets the bias of a gate that keeps; there is no such gate"},
      {"lstm:drop=forget:keep_bias=1",
       "cell lstm: keep_bias sets the bias of a gate that keeps; there is no such gate"},
      {"gru:biases=none:chrono=10",
       "cell gru: chrono sets the bias of a gate that keeps; with biases=none there is no bias"},
      {"lstm:biases=none:keep_bias=-1",
       "cell lstm: keep_bias sets the bias of a gate that keeps; with biases=none there is no "
       "bias"},
      {"mgu2:keep_bias=1",
       "cell mgu2: keep_bias sets the bias of a gate that keeps; forget has none"},
      {"gru2:chrono=10", "cell gru2: chrono sets the bias of a gate that keeps; update has none"},
      {"{mine: f = sigmoid(W x); h' = f * h + (1 - f) * tanh(W x + b); gates f(keeps: f)}:chrono=9",
       "cell mine: chrono sets the bias of a gate that keeps; f has none"},
      {"gru:chrono=2", "cell gru: chrono is 0 or a memory of more than 2 steps, got 2"},
      {"gru:chrono=0.5", "cell gru: chrono is 0 or a memory of more than 2 steps, got 0.5"},
      {"gru:chrono=-3", "cell gru: chrono is a number of at least 0, got \"-3\""}};
  for (const auto& [cell, error] : kWrong) EXPECT_EQ(ErrorOf(cell), error) << cell;
  EXPECT_EQ(ErrorOf("gru:chrono=2.5"), "");
}

// Not once more in the recurrent product's bias.
TEST(FirstBias, OfACellsOwnStandsInOneOfTwoBiases) {
  for (const auto& [cell, gate] : {std::pair("slstm", "forget"),
                                   {"lstm97:input_bias=-1", "input"},
                                   {"lstm97:output_bias=-2", "output"},
                                   {"janet", "forget"},
                                   {"{mine: h' = tanh(W x + U h + b); init b = 1}", "h"}}) {
    SCOPED_TRACE(cell);
    const First one(cell), two(absl::StrCat(cell, ":biases=two"));
    EXPECT_EQ(two[absl::StrCat(gate, "/input_bias")], one[absl::StrCat(gate, "/bias")]);
    EXPECT_NE(one[absl::StrCat(gate, "/bias")], std::vector<double>(kHidden));
    EXPECT_EQ(two[absl::StrCat(gate, "/recurrent_bias")], std::vector<double>(kHidden));
  }
}

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
  for (const auto& [cell, error] : kWrong) EXPECT_EQ(ErrorOf(cell), error) << cell;
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
      if (!ErrorOf(absl::StrCat(cell, ":", option)).empty()) wrong.insert(cell);
    }
    EXPECT_EQ(wrong, cells) << option;
  }
}

// ---- Layer norm ----

void ScaleWeights(VariableStore& variables, absl::string_view name, double factor) {
  for (Variable* variable : variables.trainable()) {
    if (!absl::EndsWith(variable->path(), name)) continue;
    for (double& element : variable->value().values<double>()) element *= factor;
  }
}

// The numbers of a row are far above epsilon, which is what is left of their scale.
TEST(LayerNorm, MakesEveryCellBlindToTheScaleOfItsMatrices) {
  const Tensor x = RandomTensor(DType::kF64, {4, 3, kInputs}, 1);
  for (const std::string& cell : StandardCells()) {
    SCOPED_TRACE(cell);
    for (const char* norm : {"yes", "no"}) {
      VariableStore variables({.dtype = DType::kF64});
      const Recurrent rnn(
          variables.root() / "rnn",
          {.cell = absl::StrCat(cell, ":layer_norm=", norm), .inputs = kInputs, .hidden = kHidden});
      uint64_t seed = 1;
      for (Variable* variable : variables.trainable()) {
        variable->value() = RandomTensor(DType::kF64, variable->shape(), seed++);
      }
      const bool normalised = absl::string_view(norm) == "yes";
      const auto outputs = [&](const char* name, double factor) {
        ScaleWeights(variables, name, factor);
        Tape tape;
        return MustRead(rnn(tape.Feed(x)));
      };
      const auto difference = [](const Tensor& a, const Tensor& b) {
        double largest = 0;
        for (int64_t i = 0; i < a.elements(); ++i) {
          largest = std::max(largest, std::abs(a.At(i) - b.At(i)));
        }
        return largest;
      };
      if (!normalised) {
        const Tensor before = outputs("", 1);
        if (cell.substr(0, 2) == "ln" || cell == "ligru") continue;  // normalised as it is
        EXPECT_GT(difference(before, outputs("input_weights", 4)), 1e-2);
        continue;
      }
      const Tensor before = outputs("weights", 1e5);
      EXPECT_LT(difference(before, outputs("input_weights", 4)), 1e-7);
      EXPECT_LT(difference(before, outputs("recurrent_weights", 0.25)), 1e-7);
    }
  }
}

TEST(LayerNorm, LearnsAsManyNumbersAsTheFormulaSays) {
  std::vector<std::string> cells = AllCells();
  cells.emplace_back("{mine: z = sigmoid(W x + U h + b); h' = z * h + (1 - z) * tanh(W x)}");
  for (const std::string& cell : cells) {
    SCOPED_TRACE(cell);
    const absl::StatusOr<CellSpec> spec = ParseCellSpec(absl::StrCat(cell, ":layer_norm=yes"));
    ASSERT_TRUE(spec.ok()) << spec.status();
    VariableStore variables;
    MakeCell(*spec, variables.root() / "cell", kInputs, kHidden);
    ASSERT_TRUE(variables.status().ok()) << variables.status();
    EXPECT_EQ(CountParameters(*spec, kInputs, kHidden)->Of(kInputs, kHidden),
              variables.parameters());
  }
}

}  // namespace
}  // namespace sluice::testing
