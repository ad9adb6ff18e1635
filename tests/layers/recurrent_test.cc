// The time loop: direction, dropout between layers, and errors. What holds for every cell is in
// cell_contract_test.cc.

#include <cmath>
#include <set>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/layers/linear.h>
#include <sluice/layers/recurrent.h>
#include <sluice/ops/composed.h>

#include "layers/cells_under_test.h"
#include "support/read.h"

namespace sluice::testing {
namespace {

Tensor Reversed(const Tensor& x) {
  Tensor result(x.type());
  const int64_t steps = x.shape()[0], width = x.elements() / steps;
  for (int64_t t = 0; t < steps; ++t) {
    std::copy_n(x.data<float>() + t * width, width, result.data<float>() + (steps - 1 - t) * width);
  }
  return result;
}

TEST(Direction, BackwardIsForwardOfTheReversedSequence) {
  VariableStore variables;
  const Recurrent forward(variables.root() / "rnn", {.inputs = 3, .hidden = 4});
  const Recurrent backward(variables.root() / "rnn",
                           {.inputs = 3, .hidden = 4, .direction = Direction::kBackward});
  const Tensor x = RandomTensor(DType::kF32, {5, 2, 3}, 1);
  Tape tape;
  const auto read = tape.Read({backward(tape.Feed(x)), forward(tape.Feed(Reversed(x)))});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(SameBits((*read)[0], Reversed((*read)[1])));
}

TEST(Direction, BothPutsTheForwardOneFirst) {
  VariableStore variables;
  const Recurrent both(variables.root() / "rnn",
                       {.inputs = 3, .hidden = 4, .direction = Direction::kBoth});
  const Tensor x = RandomTensor(DType::kF32, {5, 2, 3}, 1);
  Tape tape;
  const RecurrentOutputs run = both.Run(tape.Feed(x), {});
  ASSERT_EQ(run.final.size(), 2);
  const Value last = Index(run.outputs, 4);
  const Value first = Index(run.outputs, 0);
  const auto read = tape.Read(
      {Slice(last, 1, 0, 4), run.final[0]["h"], Slice(first, 1, 4, 8), run.final[1]["h"]});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(SameBits((*read)[0], (*read)[1])) << "forward ends at the last step";
  EXPECT_TRUE(SameBits((*read)[2], (*read)[3])) << "backward ends at the first step";
}

TEST(Variables, AreNamedByLayerDirectionAndGate) {
  VariableStore variables;
  const Recurrent one(variables.root() / "one", {.inputs = 3, .hidden = 4, .layers = 2});
  const Recurrent both(variables.root() / "both",
                       {.inputs = 3, .hidden = 4, .layers = 2, .direction = Direction::kBoth});
  ASSERT_NE(variables.Find("one/1/update/input_weights"), nullptr);
  EXPECT_EQ(variables.Find("one/1/update/input_weights")->shape(), (Shape{4, 4}));
  ASSERT_NE(variables.Find("both/1/backward/reset/input_weights"), nullptr);
  EXPECT_EQ(variables.Find("both/1/backward/reset/input_weights")->shape(), (Shape{8, 4}));
  EXPECT_EQ(variables.Find("both/0/forward/candidate/recurrent_weights")->shape(), (Shape{4, 4}));
  EXPECT_EQ(one.states(), 2);
  EXPECT_EQ(both.states(), 4);
}

// ---- Dropout ----

// Two layers whose outputs show the mask between them: the first gives tanh(0.3) everywhere, the
// second takes the tanh of what it is given.
class DropoutBetweenLayers : public ::testing::TestWithParam<bool> {
 protected:
  static constexpr int64_t kSteps = 6, kBatch = 4, kHidden = 50;

  struct Model {
    Model(bool variational, uint64_t seed, double rate)
        : variables({.seed = seed}),
          rnn(variables.root() / "rnn", {.cell = "elman",
                                         .inputs = 1,
                                         .hidden = kHidden,
                                         .layers = 2,
                                         .dropout = rate,
                                         .variational = variational}) {
      for (Variable* variable : variables.trainable()) {
        const TensorType type = variable->type();
        variable->value() = ConstantInitializer(0)(type, 0);
        if (variable->path() == "rnn/0/state/bias") {
          variable->value() = ConstantInitializer(0.3)(type, 0);
        }
        if (variable->path() == "rnn/1/state/input_weights") {
          variable->value() = IdentityInitializer()(type, 0);
        }
      }
    }
    Tensor Outputs(bool training = true) {
      Tape tape;
      const Value x = tape.Feed(Tensor(DType::kF32, {kSteps, kBatch, 1}));
      return MustRead(rnn.Run(x, {.training = training}).outputs);
    }
    VariableStore variables;
    Recurrent rnn;
  };
};
INSTANTIATE_TEST_SUITE_P(Both, DropoutBetweenLayers, ::testing::Bool(),
                         [](const ::testing::TestParamInfo<bool>& info) {
                           return info.param ? "Variational" : "EachStep";
                         });

TEST_P(DropoutBetweenLayers, DropsTheShareAndScalesTheRest) {
  const Tensor outputs = Model(GetParam(), 1, 0.25).Outputs();
  const double kept = std::tanh(std::tanh(0.3) / 0.75);
  int64_t dropped = 0;
  for (int64_t i = 0; i < outputs.elements(); ++i) {
    if (outputs.At(i) == 0) {
      ++dropped;
    } else {
      ASSERT_NEAR(outputs.At(i), kept, 1e-6);
    }
  }
  const double share = static_cast<double>(dropped) / static_cast<double>(outputs.elements());
  EXPECT_NEAR(share, 0.25, GetParam() ? 0.1 : 0.05);
}

TEST_P(DropoutBetweenLayers, HasOneMaskForAllStepsWhereVariational) {
  const Tensor outputs = Model(GetParam(), 1, 0.5).Outputs();
  const int64_t step = kBatch * kHidden;
  std::set<std::vector<float>> masks;
  for (int64_t t = 0; t < kSteps; ++t) {
    const auto values = outputs.values<float>().subspan(t * step, step);
    masks.emplace(values.begin(), values.end());
  }
  EXPECT_EQ(masks.size(), GetParam() ? 1 : kSteps);
  // The rows of the batch have masks of their own.
  EXPECT_NE(outputs.values<float>().subspan(0, kHidden),
            outputs.values<float>().subspan(kHidden, kHidden));
}

TEST_P(DropoutBetweenLayers, IsOffWhenNotTraining) {
  const Tensor none = Model(GetParam(), 1, 0).Outputs();
  Model model(GetParam(), 1, 0.5);
  EXPECT_TRUE(SameBits(model.Outputs(/*training=*/false), none));
  EXPECT_FALSE(SameBits(model.Outputs(), none));
}

TEST_P(DropoutBetweenLayers, DependsOnSeedAndStepOnly) {
  Model model(GetParam(), 1, 0.5);
  const Tensor first = model.Outputs();
  EXPECT_TRUE(SameBits(model.Outputs(), first)) << "the same step";
  EXPECT_TRUE(SameBits(Model(GetParam(), 1, 0.5).Outputs(), first)) << "the same seed";
  EXPECT_FALSE(SameBits(Model(GetParam(), 2, 0.5).Outputs(), first)) << "another seed";
  model.variables.step().value() = Tensor::Scalar<int32_t>(1);
  EXPECT_FALSE(SameBits(model.Outputs(), first)) << "another step";
}

TEST_P(DropoutBetweenLayers, TakesARateBelowOneOnly) {
  Model model(GetParam(), 1, 1.5);
  Tape tape;
  model.rnn(tape.Feed({DType::kF32, {kSteps, kBatch, 1}}, "x"));
  EXPECT_EQ(tape.status().message(), "dropout: rate 1.5 is not within 0 and 1; in rnn");
}

// ---- Carried state ----

TEST(CarriedState, OfAnotherBatchSizeIsAnother) {
  VariableStore variables;
  const Recurrent rnn(variables.root() / "rnn", {.cell = "lstm", .inputs = 3, .hidden = 4});
  const auto run = [&](int64_t batch) {
    Tape tape;
    const Tensor x = RandomTensor(DType::kF32, {2, batch, 3}, 1);
    return MustRead(rnn.Run(tape.Feed(x), {.carry = "train"}).outputs);
  };
  const Tensor two = run(2);
  const Tensor three = run(3);
  const Tensor two_again = run(2);
  EXPECT_FALSE(SameBits(two, two_again)) << "the state went on";
  const int64_t parameters = variables.parameters();
  EXPECT_EQ(parameters, 4 * 4 * (3 + 4 + 1)) << "a state is no parameter";
  rnn.ResetState("train");
  EXPECT_TRUE(SameBits(run(2), two));
  EXPECT_TRUE(SameBits(run(3), three));
}

TEST(CarriedState, OfANameThatBeginsAlikeIsNotReset) {
  VariableStore variables;
  const Recurrent rnn(variables.root() / "rnn", {.inputs = 3, .hidden = 4});
  const auto run = [&](const std::string& carry) {
    Tape tape;
    const Tensor x = RandomTensor(DType::kF32, {2, 2, 3}, 1);
    return MustRead(rnn.Run(tape.Feed(x), {.carry = carry}).outputs);
  };
  const Tensor first = run("train_long");
  rnn.ResetState("train");
  EXPECT_FALSE(SameBits(run("train_long"), first));
}

// ---- Errors ----

class RecurrentErrors : public ::testing::Test {
 protected:
  static Value Feed(Tape& tape, const Shape& shape) { return tape.Feed({DType::kF32, shape}, "x"); }

  VariableStore variables_;
  Recurrent rnn_{variables_.root() / "rnn", {.inputs = 4, .hidden = 6}};
};

TEST_F(RecurrentErrors, SayWhichInputsAreTaken) {
  const std::pair<Shape, const char*> wrong[] = {{{5, 3, 6}, "(5, 3, 6)"},
                                                 {{5, 4}, "(5, 4)"},
                                                 {{2, 5, 3, 4}, "(2, 5, 3, 4)"},
                                                 {{0, 3, 4}, "(0, 3, 4)"}};
  for (const auto& [shape, text] : wrong) {
    Tape tape;
    EXPECT_FALSE(rnn_(Feed(tape, shape)).valid());
    EXPECT_EQ(tape.status().message(),
              absl::StrCat("recurrent: inputs must be (T, B, 4) with T of at least 1, got ", text,
                           "; in rnn"));
  }
}

TEST_F(RecurrentErrors, SayWhichMaskIsTaken) {
  Tape tape;
  EXPECT_FALSE(rnn_(Feed(tape, {5, 3, 4}), Feed(tape, {3, 5})).valid());
  EXPECT_EQ(tape.status().message(), "recurrent: the mask must be (5, 3), got (3, 5); in rnn");
}

TEST_F(RecurrentErrors, OfAnInitialStateNameTheGate) {
  Tape tape;
  const RecurrentInputs inputs = {.initial = {State{{"h", Feed(tape, {3, 5})}}}};
  EXPECT_FALSE(rnn_.Run(Feed(tape, {5, 3, 4}), inputs).outputs.valid());
  EXPECT_EQ(tape.status().message(),
            "matmul: inner sizes differ: left is (3, 5), right is (6, 6); in rnn/0/reset");
}

TEST_F(RecurrentErrors, NameTheValuesThatAStateHas) {
  Tape tape;
  const RecurrentInputs inputs = {.initial = {State{{"c", Feed(tape, {3, 6})}}}};
  EXPECT_FALSE(rnn_.Run(Feed(tape, {5, 3, 4}), inputs).outputs.valid());
  EXPECT_EQ(tape.status().message(),
            "recurrent: an initial state has \"c\"; there are h; in rnn/0");
}

TEST_F(RecurrentErrors, KeepTheFirstOneAndNeverRun) {
  Tape tape;
  const RecurrentOutputs run = rnn_.Run(Feed(tape, {5, 3, 6}), {.carry = "train"});
  EXPECT_TRUE(run.final.empty());
  const Value after = rnn_(run.outputs);
  const absl::Status read = tape.Read(Sum(after)).status();
  EXPECT_EQ(read.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(read.message(),
            "recurrent: inputs must be (T, B, 4) with T of at least 1, got (5, 3, 6); in rnn");
}

TEST(RecurrentErrorsOfTheConstructor, AreReturnedByTheFirstTape) {
  const std::pair<RecurrentOptions, const char*> wrong[] = {
      {{.cell = "gur", .inputs = 4, .hidden = 6}, "no cell \"gur\"; did you mean \"gru\"?"},
      {{.cell = "gru:rest=after", .inputs = 4, .hidden = 6},
       "cell gru has no option \"rest\"; did you mean \"reset\"?"},
      {{.hidden = 6}, "recurrent rnn: inputs 0, hidden 6 and layers 1 must be at least 1"},
      {{.inputs = 4}, "recurrent rnn: inputs 4, hidden 0 and layers 1 must be at least 1"},
      {{.inputs = 4, .hidden = 6, .layers = 0},
       "recurrent rnn: inputs 4, hidden 6 and layers 0 must be at least 1"}};
  for (const auto& [options, text] : wrong) {
    VariableStore variables;
    const Recurrent rnn(variables.root() / "rnn", options);
    EXPECT_EQ(rnn.states(), 0);
    Tape tape;
    const Value outputs = rnn(tape.Feed(Tensor(DType::kF32, {2, 3, 4})));
    EXPECT_FALSE(outputs.valid());
    EXPECT_EQ(tape.Read(Sum(outputs)).status().message(), text);
  }
}

}  // namespace
}  // namespace sluice::testing
