// The options of every cell that change how it starts and what it drops while training.

#include <algorithm>
#include <cmath>
#include <map>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/graph/gradients.h>
#include <sluice/layers/recurrent.h>
#include <sluice/ops/composed.h>
#include <sluice/ops/movement.h>

#include "layers/cells_under_test.h"
#include "support/gradient_check.h"
#include "support/read.h"

namespace sluice::testing {
namespace {

using ::testing::Each;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

// ---- How gates start ----

std::vector<double> FirstBias(const std::string& cell, absl::string_view path, int64_t hidden = 40,
                              uint64_t seed = 1) {
  VariableStore variables({.seed = seed, .dtype = DType::kF64});
  const absl::StatusOr<CellSpec> spec = ParseCellSpec(cell);
  EXPECT_TRUE(spec.ok()) << spec.status();
  if (!spec.ok()) return {};
  MakeCell(*spec, variables.root() / "cell", 3, hidden);
  const Variable* variable = variables.Find(absl::StrCat("cell/", path));
  EXPECT_NE(variable, nullptr) << cell << " " << path;
  if (variable == nullptr) return {};
  const auto values = variable->value().values<double>();
  return {values.begin(), values.end()};
}

std::string ErrorOf(absl::string_view cell) {
  return std::string(ParseCellSpec(cell).status().message());
}

double MeanOf(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

struct KeepingGate {
  const char* cell;
  const char* bias;
  double sign;  // of a bias that keeps
};
const KeepingGate kKeepingGates[] = {{"gru", "update/bias", 1},
                                     {"gru:update=new", "update/bias", -1},
                                     {"lstm", "forget/bias", 1},
                                     {"lstm:coupled=yes", "input/bias", -1},
                                     {"mgu", "forget/bias", -1},
                                     {"ugrnn", "gate/bias", 1},
                                     {"minlstm", "forget/bias", 1},
                                     {"mingru", "update/bias", -1},
                                     {"rhn", "layer_1/transform/bias", -1},
                                     {"gru:biases=two", "update/input_bias", 1}};

TEST(KeepBias, MovesTheGatesThatKeepTowardsKeeping) {
  for (const auto& [cell, bias, sign] : kKeepingGates) {
    EXPECT_THAT(FirstBias(absl::StrCat(cell, ":keep_bias=1.5"), bias, 20), Each(1.5 * sign))
        << cell;
    EXPECT_THAT(FirstBias(cell, bias, 20), Each(0)) << cell;
  }
  EXPECT_THAT(FirstBias("gru:keep_bias=1.5", "reset/bias"), Each(0));
  EXPECT_THAT(FirstBias("lstm:keep_bias=1.5", "input/bias"), Each(0));
  EXPECT_THAT(FirstBias("lstm:keep_bias=1.5:forget_bias=1", "forget/bias"), Each(2.5));
}

// ln of a number that is uniform between 1 and T - 1 has the mean (u ln u - u + 1) / (u - 1) with
// u = T - 1.
TEST(Chrono, DrawsTheTimesThatGatesKeep) {
  constexpr double kLongest = 100, kLast = kLongest - 1;
  const double mean = (kLast * std::log(kLast) - kLast + 1) / (kLast - 1);
  for (const auto& [cell, bias, sign] : kKeepingGates) {
    SCOPED_TRACE(cell);
    std::vector<double> draws = FirstBias(absl::StrCat(cell, ":chrono=100:init=d2l"), bias, 1000);
    for (double& draw : draws) {
      draw *= sign;
      ASSERT_GE(draw, 0);
      ASSERT_LE(draw, std::log(kLast));
    }
    EXPECT_NEAR(MeanOf(draws), mean, 0.1);
    EXPECT_GT(*std::max_element(draws.begin(), draws.end()), 0.98 * std::log(kLast));
  }
}

TEST(Chrono, GivesAnInputGateTheOppositeOfTheForgetGate) {
  for (const char* cell : {"lstm", "mlstm", "lnlstm", "ran", "minlstm"}) {
    for (const char* biases : {"one", "two"}) {
      const std::string spec = absl::StrCat(cell, ":chrono=50:biases=", biases);
      // Without a recurrent product there is one bias, whatever it is called.
      const char* name = absl::StrContains(spec, "two") ? "input_bias" : "bias";
      std::vector<double> forget = FirstBias(spec, absl::StrCat("forget/", name));
      const std::vector<double> input = FirstBias(spec, absl::StrCat("input/", name));
      for (double& bias : forget) bias = -bias;
      EXPECT_THAT(input, ElementsAreArray(forget)) << spec;
    }
  }
  EXPECT_THAT(FirstBias("lstm:chrono=50", "output/bias"), Each(0));
}

TEST(Chrono, DependsOnTheSeedAndTheGate) {
  EXPECT_EQ(FirstBias("gru:chrono=50", "update/bias"), FirstBias("gru:chrono=50", "update/bias"));
  EXPECT_NE(FirstBias("gru:chrono=50", "update/bias"),
            FirstBias("gru:chrono=50", "update/bias", 40, 2));
  EXPECT_NE(FirstBias("rhn:chrono=50", "layer_0/transform/bias"),
            FirstBias("rhn:chrono=50", "layer_1/transform/bias"));
}

TEST(GateStart, NeedsAGateThatKeepsAndABias) {
  EXPECT_EQ(ErrorOf("elman:chrono=10"),
            "cell elman: chrono sets the bias of a gate that keeps; there is no such gate");
  EXPECT_EQ(ErrorOf("lstm:drop=forget:keep_bias=1"),
            "cell lstm: keep_bias sets the bias of a gate that keeps; there is no such gate");
  EXPECT_EQ(ErrorOf("gru:biases=none:keep_bias=1"),
            "cell gru: keep_bias sets the bias of a gate that keeps; with biases=none there is no "
            "bias");
  EXPECT_EQ(ErrorOf("gru:chrono=1.5"),
            "cell gru: chrono is 0 or a memory of more than 2 steps, got 1.5");
  EXPECT_THAT(ErrorOf("gru:chrono=-3"), HasSubstr("chrono is a number of at least 0, got \"-3\""));
  EXPECT_THAT(ErrorOf("gru:zoneout=1.5"), HasSubstr("from 0 to 1, got \"1.5\""));
}

// ---- What is dropped ----

constexpr int64_t kSteps = 6, kBatch = 5, kInputs = 3, kHidden = 40;

// A layer in f64 whose variables are all random, and what it makes of one input.
class Dropping {
 public:
  explicit Dropping(const std::string& cell, int layers = 1,
                    Direction direction = Direction::kForward)
      : rnn_(variables_.root() / "rnn", {.cell = cell,
                                         .inputs = kInputs,
                                         .hidden = kHidden,
                                         .layers = layers,
                                         .direction = direction}) {
    uint64_t seed = 10;
    for (Variable* variable : variables_.trainable()) {
      variable->value() = RandomTensor(DType::kF64, variable->shape(), seed++);
    }
  }

  struct Result {
    std::vector<double> outputs;              // (T, B, H)
    std::map<std::string, Tensor> gradients;  // by variable
  };
  Result Run(bool training, int64_t step = 0, int64_t steps = kSteps) {
    variables_.step().value().data<int32_t>()[0] = static_cast<int32_t>(step);
    Tape tape;
    const Value x = tape.Feed(RandomTensor(DType::kF64, {steps, kBatch, kInputs}, 1));
    const Value outputs = rnn_.Run(x, {.training = training}).outputs;
    std::vector<Value> fetches = {outputs};
    std::vector<Value> by;
    for (Variable* variable : variables_.trainable()) by.push_back(tape.Use(*variable));
    const std::vector<Value> gradients = Gradients(Sum(Square(outputs)), by);
    fetches.insert(fetches.end(), gradients.begin(), gradients.end());
    const absl::StatusOr<std::vector<Tensor>> read = tape.Read(fetches);
    Result result;
    EXPECT_TRUE(read.ok()) << read.status();
    if (!read.ok()) return result;
    const auto values = read->front().values<double>();
    result.outputs.assign(values.begin(), values.end());
    for (size_t i = 0; i < by.size(); ++i) {
      result.gradients[variables_.trainable()[i]->path()] = (*read)[i + 1];
    }
    return result;
  }

  std::string Error() {
    Tape tape;
    const Value x = tape.Feed(RandomTensor(DType::kF64, {kSteps, kBatch, kInputs}, 1));
    rnn_(x);
    return std::string(tape.status().message());
  }

  VariableStore& variables() { return variables_; }
  const Recurrent& rnn() const { return rnn_; }

 private:
  VariableStore variables_{{.seed = 3, .dtype = DType::kF64}};
  Recurrent rnn_;
};

// The share of elements that are exactly as one step before.
double ShareKept(const std::vector<double>& outputs) {
  constexpr int64_t kRow = kBatch * kHidden;
  int64_t kept = 0;
  for (size_t i = kRow; i < outputs.size(); ++i) kept += outputs[i] == outputs[i - kRow];
  return static_cast<double>(kept) / static_cast<double>(outputs.size() - kRow);
}

class Switch : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(All, Switch,
                         ::testing::Values("zoneout=0.3", "zoneout_memory=0.3",
                                           "recurrent_dropout=0.3", "state_dropout=0.3",
                                           "weight_drop=0.3"),
                         [](const auto& info) {
                           return info.param.substr(0, info.param.find('='));
                         });

TEST_P(Switch, ActsWhileTrainingByTheStoresStepAndSeed) {
  Dropping with(absl::StrCat("lstm:", GetParam()));
  Dropping without("lstm");
  EXPECT_EQ(with.Run(true).outputs, with.Run(true).outputs);
  EXPECT_NE(with.Run(true, 0).outputs, with.Run(true, 1).outputs);
  EXPECT_NE(with.Run(true).outputs, without.Run(true).outputs);
  const bool expects = absl::StartsWith(GetParam(), "zoneout");  // not the plain cell, its average
  EXPECT_EQ(with.Run(false).outputs == without.Run(false).outputs, !expects);
  EXPECT_EQ(with.Run(false, 0).outputs, with.Run(false, 1).outputs);
}

TEST_P(Switch, DropsNothingAtZero) {
  const std::string off = absl::StrCat(GetParam().substr(0, GetParam().find('=')), "=0");
  EXPECT_EQ(Dropping(absl::StrCat("lstm:", off)).Run(true).outputs,
            Dropping("lstm").Run(true).outputs);
}

TEST_P(Switch, HasMasksOfItsOwnInEachLayerAndDirection) {
  // With the same weights in both directions of a sequence that reads the same both ways, the
  // outputs are mirror images, unless something else is dropped.
  const auto is_mirrored = [](const std::string& cell) {
    Dropping model(cell, 1, Direction::kBoth);
    for (Variable* variable : model.variables().trainable()) {
      std::string path = variable->path();
      const size_t at = path.find("/backward/");
      if (at == std::string::npos) continue;
      variable->value() =
          model.variables().Find(path.replace(at, 10, "/forward/"))->value().Clone();
    }
    Tape tape;
    const Tensor row = RandomTensor(DType::kF64, {1, kBatch, kInputs}, 1);
    const Value x = tape.Feed(row);
    const Tensor outputs =
        MustRead(model.rnn()(Concat(std::vector<Value>{x, x}, 0)));  // (2, B, 2 H)
    // The second step that each direction takes.
    for (int64_t b = 0; b < kBatch; ++b) {
      for (int64_t h = 0; h < kHidden; ++h) {
        const int64_t forward = (kBatch + b) * 2 * kHidden + h;
        const int64_t backward = b * 2 * kHidden + kHidden + h;
        if (outputs.At(forward) != outputs.At(backward)) return false;
      }
    }
    return true;
  };
  EXPECT_TRUE(is_mirrored("lstm"));
  EXPECT_FALSE(is_mirrored(absl::StrCat("lstm:", GetParam())));
}

TEST_P(Switch, GradientsAreRight) {
  Dropping model(absl::StrCat("lstm:", GetParam()), 2);
  Variable* weights = model.variables().Find("rnn/0/forget/recurrent_weights");
  ASSERT_NE(weights, nullptr);
  const std::vector<Tensor> inputs = {RandomTensor(DType::kF64, {3, 2, kInputs}, 1),
                                      RandomTensor(DType::kF64, weights->shape(), 2)};
  const GradientCheck check = CheckGradient(
      [&](absl::Span<const Value> values) {
        values[0].tape()->Write(*weights, values[1]);
        return model.rnn()(values[0]);
      },
      inputs);
  EXPECT_TRUE(check.ok) << check.report;
}

TEST(Zoneout, KeepsItsShareOfTheStateAndAllOfItAtOne) {
  EXPECT_EQ(ShareKept(Dropping("gru:zoneout=0").Run(true).outputs), 0);
  EXPECT_NEAR(ShareKept(Dropping("gru:zoneout=0.4").Run(true).outputs), 0.4, 0.05);
  const std::vector<double> all = Dropping("gru:zoneout=1").Run(true).outputs;
  EXPECT_THAT(all, Each(0));
}

TEST(Zoneout, IsItsExpectationWithoutTraining) {
  Dropping plain("gru"), zoned("gru:zoneout=0.25");
  const std::vector<double> one = plain.Run(false, 0, 1).outputs;
  const std::vector<double> expected = zoned.Run(false, 0, 1).outputs;
  for (size_t i = 0; i < one.size(); ++i) ASSERT_NEAR(expected[i], 0.75 * one[i], 1e-15);
}

TEST(Zoneout, OfTheMemoryLeavesTheOutputToFollowIt) {
  // c stays 0 for ever, and so does h = o * tanh(c).
  EXPECT_THAT(Dropping("lstm:zoneout_memory=1").Run(true).outputs, ::testing::Not(Each(0)));
  EXPECT_THAT(Dropping("lstm:zoneout=1").Run(true).outputs, Each(0));
}

TEST(WeightDrop, GivesDroppedWeightsNoGradient) {
  Dropping model("gru:weight_drop=0.4");
  const Tensor gradient = model.Run(true).gradients.at("rnn/0/update/recurrent_weights");
  int64_t zeros = 0;
  for (int64_t i = 0; i < gradient.elements(); ++i) zeros += gradient.At(i) == 0;
  EXPECT_NEAR(static_cast<double>(zeros) / static_cast<double>(gradient.elements()), 0.4, 0.05);
}

TEST(StateDropout, HidesTheSameUnitsFromTheMatricesInAllSteps) {
  // A single row of a batch, so that a hidden unit is hidden in all there is.
  VariableStore variables({.seed = 3, .dtype = DType::kF64});
  const Recurrent rnn(variables.root() / "rnn",
                      {.cell = "gru:state_dropout=0.4", .inputs = kInputs, .hidden = kHidden});
  Tape tape;
  const Value x = tape.Feed(RandomTensor(DType::kF64, {kSteps, 1, kInputs}, 1));
  Variable* weights = variables.Find("rnn/0/update/recurrent_weights");
  ASSERT_NE(weights, nullptr);
  const Value gradient = Gradients(Sum(rnn(x)), {tape.Use(*weights)})[0];
  const Tensor read = MustRead(gradient);
  int64_t hidden = 0;
  for (int64_t unit = 0; unit < kHidden; ++unit) {
    double largest = 0;
    for (int64_t i = 0; i < kHidden; ++i) {
      largest = std::max(largest, std::abs(read.At(unit * kHidden + i)));
    }
    hidden += largest == 0;
  }
  EXPECT_GT(hidden, kHidden / 5);
  EXPECT_LT(hidden, kHidden * 3 / 5);
}

TEST(Switches, ThatFindNothingToActOnAreErrors) {
  EXPECT_THAT(
      Dropping("mingru:state_dropout=0.2").Error(),
      HasSubstr("cell mingru: state_dropout has nothing to drop: it has no recurrent matrix"));
  EXPECT_THAT(Dropping("mingru:weight_drop=0.2").Error(),
              HasSubstr("weight_drop has nothing to drop"));
  EXPECT_THAT(Dropping("elman:recurrent_dropout=0.2").Error(),
              HasSubstr("recurrent_dropout has nothing to drop"));
  EXPECT_THAT(Dropping("gru:zoneout_memory=0.2").Error(),
              HasSubstr("zoneout_memory has nothing to keep"));
  for (const std::string& cell : StandardCells()) {
    if (cell == "elman" || cell == "irnn" || cell == "indrnn") continue;
    EXPECT_EQ(Dropping(absl::StrCat(cell, ":recurrent_dropout=0.2")).Error(), "") << cell;
  }
}

TEST(LayerNormOfGates, DoesNotSeeTheScaleOfWeights) {
  Dropping model("gru:layer_norm=yes:biases=none");
  const std::vector<double> before = model.Run(false).outputs;
  for (Variable* variable : model.variables().trainable()) {
    if (!absl::EndsWith(variable->path(), "weights")) continue;
    for (double& weight : variable->value().values<double>()) weight *= 8;
  }
  const std::vector<double> after = model.Run(false).outputs;
  for (size_t i = 0; i < before.size(); ++i) ASSERT_NEAR(before[i], after[i], 0.01) << i;
}

}  // namespace
}  // namespace sluice::testing
