// Identities between conventions, and published counts of parameters.

#include <algorithm>
#include <cmath>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <gtest/gtest.h>

#include <sluice/graph/gradients.h>
#include <sluice/layers/recurrent.h>
#include <sluice/ops/composed.h>

#include "layers/cells_under_test.h"

namespace sluice::testing {
namespace {

constexpr int64_t kSteps = 7, kBatch = 4, kInputs = 5, kHidden = 6;

struct Model {
  explicit Model(const std::string& cell)
      : rnn(variables.root() / "rnn", {.cell = cell, .inputs = kInputs, .hidden = kHidden}) {}
  SequenceRun Run() {
    return RunSequence(rnn, variables,
                       RandomSequence(DType::kF64, kSteps, kBatch, kInputs, kHidden, 1));
  }
  Tensor& at(absl::string_view path) {
    return variables.Find(absl::StrCat("rnn/0/", path))->value();
  }

  VariableStore variables{{.dtype = DType::kF64}};
  Recurrent rnn;
};

// Every variable uniform in [-1, 1): biases too.
void Randomise(Model& model) {
  uint64_t seed = 10;
  for (Variable* variable : model.variables.trainable()) {
    variable->value() = RandomTensor(DType::kF64, variable->shape(), seed++);
  }
}

void CopyVariables(const Model& from, Model& to) {
  for (Variable* variable : to.variables.trainable()) {
    if (const Variable* source = from.variables.Find(variable->path())) {
      variable->value() = source->value().Clone();
    }
  }
}

void Negate(Tensor& tensor) {
  for (double& element : tensor.values<double>()) element = -element;
}

void ExpectNear(const Tensor& a, const Tensor& b, double tolerance) {
  ASSERT_EQ(a.shape(), b.shape());
  for (int64_t i = 0; i < a.elements(); ++i) ASSERT_NEAR(a.At(i), b.At(i), tolerance) << i;
}

// Outputs, states, and the gradient by x.
void ExpectNear(const SequenceRun& a, const SequenceRun& b, double tolerance) {
  ExpectNear(a.outputs, b.outputs, tolerance);
  ExpectNear(a.x_gradient, b.x_gradient, tolerance);
  ASSERT_EQ(a.finals.size(), b.finals.size());
  for (size_t i = 0; i < a.finals.size(); ++i) ExpectNear(a.finals[i], b.finals[i], tolerance);
}

double LargestDifference(const Tensor& a, const Tensor& b) {
  double largest = 0;
  for (int64_t i = 0; i < a.elements(); ++i) {
    largest = std::max(largest, std::abs(a.At(i) - b.At(i)));
  }
  return largest;
}

// To rounding only: s(-a) and 1 - s(a) differ in the last bit where s(-a) is small.
TEST(GruIdentities, TurningTheUpdateGateOverIsAChangeOfSign) {
  for (const char* reset : {"before", "after"}) {
    SCOPED_TRACE(reset);
    Model keep(absl::StrCat("gru:update=keep:reset=", reset));
    Model take(absl::StrCat("gru:update=new:reset=", reset));
    Randomise(keep);
    CopyVariables(keep, take);
    EXPECT_GT(LargestDifference(keep.Run().outputs, take.Run().outputs), 0.1);
    for (const char* what : {"input_weights", "recurrent_weights", "bias"}) {
      Negate(take.at(absl::StrCat("update/", what)));
    }
    ExpectNear(keep.Run(), take.Run(), 1e-14);
  }
}

TEST(GruIdentities, WhereTheResetGateActsIsTheSameForADiagonalMatrixWithoutBias) {
  Model before("gru:reset=before:biases=two");
  Model after("gru:reset=after:biases=two");
  Randomise(before);
  const Tensor zeros(DType::kF64, {kHidden});
  before.at("candidate/recurrent_bias") = zeros.Clone();
  CopyVariables(before, after);
  EXPECT_GT(LargestDifference(before.Run().outputs, after.Run().outputs), 1e-2);

  Tensor& recurrent = before.at("candidate/recurrent_weights");
  for (int64_t i = 0; i < recurrent.elements(); ++i) {
    if (i / kHidden != i % kHidden) recurrent.data<double>()[i] = 0;
  }
  CopyVariables(before, after);
  ExpectNear(before.Run(), after.Run(), 1e-14);

  // The bias that is inside r * (U h + b) of one is outside of the other's gate.
  before.at("candidate/recurrent_bias") = RandomTensor(DType::kF64, {kHidden}, 1);
  CopyVariables(before, after);
  EXPECT_GT(LargestDifference(before.Run().outputs, after.Run().outputs), 1e-2);
}

TEST(LstmIdentities, CoupledIsAForgetGateOfNegatedInputWeights) {
  Model coupled("lstm:coupled=yes");
  Model free("lstm");
  Randomise(coupled);
  CopyVariables(coupled, free);
  for (const char* what : {"input_weights", "recurrent_weights", "bias"}) {
    Tensor& forget = free.at(absl::StrCat("forget/", what));
    forget = coupled.at(absl::StrCat("input/", what)).Clone();
    Negate(forget);
  }
  ExpectNear(coupled.Run(), free.Run(), 1e-12);
}

TEST(LstmIdentities, PeepholesOfZeroAreNone) {
  Model with("lstm:peepholes=diagonal");  // peepholes start at zero
  Model without("lstm");
  CopyVariables(with, without);
  ExpectNear(with.Run(), without.Run(), 0);
}

TEST(BiasIdentities, TwoBiasesAreTheirSumWhereTheyStandTogether) {
  for (const char* cell : {"elman", "gru:reset=before", "lstm"}) {
    SCOPED_TRACE(cell);
    Model two(absl::StrCat(cell, ":biases=two"));
    Model one(cell);
    Randomise(two);
    CopyVariables(two, one);
    for (Variable* variable : one.variables.trainable()) {
      if (!absl::EndsWith(variable->path(), "/bias")) continue;
      for (const char* part : {"/input_bias", "/recurrent_bias"}) {
        const Variable* addend =
            two.variables.Find(absl::StrReplaceAll(variable->path(), {{"/bias", part}}));
        ASSERT_NE(addend, nullptr);
        if (absl::string_view(part) == "/input_bias") {
          variable->value() = addend->value().Clone();
          continue;
        }
        for (int64_t i = 0; i < kHidden; ++i) {
          variable->value().data<double>()[i] += addend->value().At(i);
        }
      }
    }
    ExpectNear(two.Run(), one.Run(), 1e-14);
  }
}

// ---- Parameters ----

int64_t Parameters(const RecurrentOptions& options) {
  VariableStore variables;
  const Recurrent rnn(variables.root() / "rnn", options);
  EXPECT_TRUE(variables.status().ok()) << variables.status();
  return variables.parameters();
}
int64_t Parameters(const std::string& cell, int64_t inputs, int64_t hidden) {
  return Parameters({.cell = cell, .inputs = inputs, .hidden = hidden});
}

TEST(Parameters, AreThoseOfChungEtAl2014) {
  EXPECT_EQ(Parameters("lstm:peepholes=diagonal", 20, 195), 169'065);
  EXPECT_EQ(Parameters("gru", 20, 227), 168'888);
  EXPECT_EQ(Parameters("elman", 20, 400), 168'400);
}

TEST(Parameters, AreThoseOfCamposEtAl2018) {
  EXPECT_EQ(Parameters("lstm", 1, 110), 4 * 110 * 112);
  EXPECT_EQ(Parameters("gru", 1, 110), 3 * 110 * 112);
}

TEST(Parameters, FollowTheFormulasOfEachConvention) {
  constexpr int64_t kI = 13, kH = 17;
  EXPECT_EQ(Parameters("elman", kI, kH), kH * (kI + kH + 1));
  EXPECT_EQ(Parameters("elman:activation=relu:init=irnn", kI, kH), kH * (kI + kH + 1));
  EXPECT_EQ(Parameters("gru:reset=after", kI, kH), 3 * kH * (kI + kH + 1));
  EXPECT_EQ(Parameters("gru:preset=cho2014", kI, kH), 3 * kH * (kI + kH));
  EXPECT_EQ(Parameters("lstm", kI, kH), 4 * kH * (kI + kH + 1));
  EXPECT_EQ(Parameters("lstm:peepholes=diagonal", kI, kH), 4 * kH * (kI + kH + 1) + 3 * kH);
  EXPECT_EQ(Parameters("lstm:coupled=yes", kI, kH), 3 * kH * (kI + kH + 1));
  EXPECT_EQ(Parameters("lstm:coupled=yes:peepholes=diagonal", kI, kH),
            3 * kH * (kI + kH + 1) + 2 * kH);
}

TEST(Parameters, AreThoseOfPyTorchWithTwoBiases) {
  constexpr int64_t kI = 13, kH = 17;
  EXPECT_EQ(Parameters("elman:preset=pytorch", kI, kH), kH * (kI + kH + 2));
  EXPECT_EQ(Parameters("gru:preset=pytorch", kI, kH), 3 * kH * (kI + kH + 2));
  EXPECT_EQ(Parameters("lstm:preset=pytorch", kI, kH), 4 * kH * (kI + kH + 2));
}

TEST(Parameters, OfAStackBothWaysAddUp) {
  constexpr int64_t kI = 13, kH = 17;
  EXPECT_EQ(
      Parameters(
          {.cell = "gru", .inputs = kI, .hidden = kH, .layers = 3, .direction = Direction::kBoth}),
      2 * 3 * kH * (kI + kH + 1) + 4 * 3 * kH * (2 * kH + kH + 1));
}

// A gate without a recurrent product has no recurrent bias that nothing would read.
TEST(Parameters, AreAllReadByAStep) {
  for (const std::string& cell : AllCells()) {
    SCOPED_TRACE(cell);
    VariableStore variables;
    const Recurrent rnn(variables.root() / "rnn", {.cell = cell, .inputs = 3, .hidden = 4});
    Tape tape;
    rnn(tape.Feed(RandomTensor(DType::kF32, {2, 2, 3}, 1)));
    for (const Variable* variable : variables.trainable()) {
      EXPECT_NE(tape.ReadOf(*variable), kNoNode) << variable->path();
    }
  }
}

}  // namespace
}  // namespace sluice::testing
