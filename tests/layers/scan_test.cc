// Recurrences run by parallel scan are those run step by step, to rounding.

#include <algorithm>
#include <cmath>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <gtest/gtest.h>

#include <sluice/graph/gradients.h>
#include <sluice/layers/recurrent.h>
#include <sluice/ops/composed.h>

#include "layers/cells_under_test.h"
#include "support/read.h"

namespace sluice::testing {
namespace {

constexpr int64_t kBatch = 4, kInputs = 5, kHidden = 6;

struct Setting {
  int64_t steps;
  int layers = 1;
  Direction direction = Direction::kForward;
  bool masked = false;
  bool initial = false;
  bool training = true;
  DType dtype = DType::kF64;
};

// Some columns count in all steps, some end early, one begins late, one never counts.
Tensor MaskWithHoles(DType dtype, int64_t steps) {
  Tensor mask = MaskOf(DType::kF64, steps, {steps, std::max<int64_t>(1, steps / 2), steps, 0});
  mask.data<double>()[2] = 0;
  if (steps > 4) mask.data<double>()[3 * kBatch + 2] = 0;
  return mask.Cast(dtype);
}

// Outputs, final states, and the gradients by x, the initial states and all variables.
std::vector<Tensor> ResultsOf(const std::string& cell, const Setting& setting) {
  VariableStore variables({.seed = 3, .dtype = setting.dtype});
  const Recurrent rnn(variables.root() / "rnn", {.cell = cell,
                                                 .inputs = kInputs,
                                                 .hidden = kHidden,
                                                 .layers = setting.layers,
                                                 .direction = setting.direction});
  uint64_t seed = 10;
  for (Variable* variable : variables.trainable()) {
    variable->value() = RandomTensor(setting.dtype, variable->shape(), seed++);
  }
  Tape tape;
  const auto random = [&](const Shape& shape) {
    return tape.Feed(RandomTensor(setting.dtype, shape, seed++));
  };
  const Value x = random({setting.steps, kBatch, kInputs});
  RecurrentInputs inputs{.training = setting.training};
  if (setting.masked) inputs.mask = tape.Feed(MaskWithHoles(setting.dtype, setting.steps));
  std::vector<Value> by = {x};
  if (setting.initial) {
    const absl::StatusOr<CellSpec> spec = ParseCellSpec(cell);
    const std::vector<std::string> names =
        MakeCell(*spec, variables.root() / "names", kInputs, kHidden)->StateNames();
    inputs.initial.resize(rnn.states());
    for (State& state : inputs.initial) {
      for (const std::string& name : names) {
        by.push_back(random({kBatch, kHidden}));
        state.Set(name, by.back());
      }
    }
  }
  const RecurrentOutputs run = rnn.Run(x, inputs);
  EXPECT_TRUE(tape.status().ok()) << tape.status();
  std::vector<Value> fetches = {run.outputs};
  for (const State& state : run.final) {
    for (const State::Entry& entry : state.entries()) fetches.push_back(entry.value);
  }
  Value loss;
  for (const Value& value : fetches) {
    const Value part = Sum(value * random(value.shape()));
    loss = loss ? loss + part : part;
  }
  for (Variable* variable : variables.trainable()) {
    if (tape.ReadOf(*variable) != kNoNode) by.push_back(tape.Use(*variable));
  }
  for (const Value& gradient : Gradients(loss, by)) fetches.push_back(gradient);
  absl::StatusOr<std::vector<Tensor>> read = tape.Read(fetches);
  EXPECT_TRUE(read.ok()) << read.status();
  return read.ok() ? *std::move(read) : std::vector<Tensor>();
}

// Largest difference, relative to the largest element of its tensor.
double RelativeDifference(const std::vector<Tensor>& expected, const std::vector<Tensor>& actual) {
  EXPECT_EQ(expected.size(), actual.size());
  double worst = 0;
  for (size_t i = 0; i < std::min(expected.size(), actual.size()); ++i) {
    double largest = 0, difference = 0;
    for (int64_t k = 0; k < expected[i].elements(); ++k) {
      largest = std::max(largest, std::abs(expected[i].At(k)));
      difference = std::max(difference, std::abs(expected[i].At(k) - actual[i].At(k)));
    }
    EXPECT_TRUE(std::isfinite(largest)) << "result " << i;
    if (difference > 0) worst = std::max(worst, difference / largest);
  }
  return worst;
}

double Difference(const std::string& cell, const Setting& setting) {
  return RelativeDifference(ResultsOf(cell, setting),
                            ResultsOf(absl::StrCat(cell, ":scan=parallel"), setting));
}

// A scan that is none would pass every comparison.
TEST(Scan, HasNoStepsOnTheTape) {
  const auto nodes_of_steps = [](const std::string& cell) {
    VariableStore variables;
    const Recurrent rnn(variables.root() / "rnn",
                        {.cell = cell, .inputs = kInputs, .hidden = kHidden});
    Tape tape;
    rnn(tape.Feed(RandomTensor(DType::kF32, {8, kBatch, kInputs}, 1)));
    int64_t nodes = 0;
    for (NodeId id = 0; id < tape.size(); ++id) nodes += tape.nodes()[id].step >= 0;
    return nodes;
  };
  for (const char* cell : {"mingru", "minlstm", "qrnn"}) {
    EXPECT_GT(nodes_of_steps(cell), 0) << cell;
    EXPECT_EQ(nodes_of_steps(absl::StrCat(cell, ":scan=parallel")), 0) << cell;
  }
}

class ScannedCell : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(
    All, ScannedCell,
    ::testing::Values("mingru", "mingru:state=positive", "mingru:layer_norm=yes:biases=none",
                      "minlstm", "minlstm:state=positive", "qrnn", "qrnn:forget=new",
                      "mingru:zoneout=0.3", "minlstm:recurrent_dropout=0.3",
                      "qrnn:zoneout=0.3:zoneout_memory=0.2:recurrent_dropout=0.4"),
    [](const ::testing::TestParamInfo<std::string>& info) {
      return absl::StrReplaceAll(info.param, {{":", "_"}, {"=", "_"}, {".", "_"}});
    });

TEST_P(ScannedCell, GivesTheSameForwardAndBackward) {
  for (const int64_t steps : {1, 2, 7, 16, 33}) {
    for (const Direction direction :
         {Direction::kForward, Direction::kBackward, Direction::kBoth}) {
      for (const bool masked : {false, true}) {
        for (const bool initial : {false, true}) {
          SCOPED_TRACE(absl::StrCat(steps, " steps, direction ", static_cast<int>(direction),
                                    masked ? ", masked" : "", initial ? ", initial" : ""));
          EXPECT_LE(
              Difference(
                  GetParam(),
                  {.steps = steps, .direction = direction, .masked = masked, .initial = initial}),
              1e-12);
        }
      }
    }
  }
}

TEST_P(ScannedCell, GivesTheSameInStacksAndWithoutTraining) {
  for (const bool training : {true, false}) {
    EXPECT_LE(Difference(GetParam(), {.steps = 11,
                                      .layers = 3,
                                      .direction = Direction::kBoth,
                                      .masked = true,
                                      .initial = true,
                                      .training = training}),
              1e-12);
  }
}

TEST_P(ScannedCell, LosesNothingOverAThousandSteps) {
  EXPECT_LE(Difference(GetParam(), {.steps = 1000, .masked = true, .initial = true}), 1e-12);
}

// In f32, the scan is as near to the truth as the steps are.
TEST(Scan, IsAsExactAsSteps) {
  for (const char* cell : {"mingru", "minlstm", "qrnn"}) {
    Setting setting{.steps = 1000, .initial = true};
    const std::vector<Tensor> exact = ResultsOf(cell, setting);
    setting.dtype = DType::kF32;
    const double steps = RelativeDifference(exact, ResultsOf(cell, setting));
    const double scan =
        RelativeDifference(exact, ResultsOf(absl::StrCat(cell, ":scan=parallel"), setting));
    EXPECT_LE(scan, 2 * steps) << cell;
    EXPECT_LE(steps, 1e-4) << cell;
  }
}

TEST(Scan, CarriesItsStateOn) {
  for (const char* cell : {"mingru", "minlstm", "qrnn"}) {
    const auto chunks = [&](const std::string& scanned) {
      VariableStore variables({.seed = 3, .dtype = DType::kF64});
      const Recurrent rnn(variables.root() / "rnn",
                          {.cell = scanned, .inputs = kInputs, .hidden = kHidden, .layers = 2});
      std::vector<Tensor> outputs;
      for (const uint64_t chunk : {1, 2, 3}) {
        Tape tape;
        const Value x = tape.Feed(RandomTensor(DType::kF64, {5, kBatch, kInputs}, chunk));
        outputs.push_back(MustRead(rnn.Run(x, {.carry = "train"}).outputs));
      }
      return outputs;
    };
    EXPECT_LE(RelativeDifference(chunks(cell), chunks(absl::StrCat(cell, ":scan=parallel"))), 1e-14)
        << cell;
  }
}

TEST(Scan, OfWhatCarriesTheStepBeforeIsAnError) {
  EXPECT_EQ(ParseCellSpec("qrnn:window=2:scan=parallel").status().message(),
            "cell qrnn: window=2 carries the step before, which takes scan=sequential");
  EXPECT_TRUE(ParseCellSpec("qrnn:window=1:scan=parallel").ok());
}

TEST(Scan, OfSwitchesThatFindNothingIsAnErrorToo) {
  for (const char* cell : {"mingru:state_dropout=0.1", "mingru:zoneout_memory=0.1"}) {
    VariableStore variables;
    const Recurrent rnn(
        variables.root() / "rnn",
        {.cell = absl::StrCat(cell, ":scan=parallel"), .inputs = kInputs, .hidden = kHidden});
    Tape tape;
    rnn(tape.Feed(RandomTensor(DType::kF32, {3, kBatch, kInputs}, 1)));
    EXPECT_FALSE(tape.status().ok()) << cell;
  }
}

TEST(Scan, OfACellWithoutARecurrenceOfAllStepsIsAnError) {
  VariableStore variables;
  Tape tape;
  MakeCell(*ParseCellSpec("gru"), variables.root() / "cell", kInputs, kHidden)
      ->RecurrenceOf(tape.Feed(RandomTensor(DType::kF32, {3, kBatch, kInputs}, 1)));
  EXPECT_EQ(tape.status().message(),
            "cell: scan=parallel needs a RecurrenceOf, which this cell has not");
}

}  // namespace
}  // namespace sluice::testing
