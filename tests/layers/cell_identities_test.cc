// Identities between designs and between conventions.

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
#include "support/read.h"

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

// One part's weights and bias.
void CopyPart(const Model& from, const std::string& source, Model& to, const std::string& target) {
  for (const char* what : {"input_weights", "recurrent_weights", "bias"}) {
    const Variable* variable = from.variables.Find(absl::StrCat("rnn/0/", source, "/", what));
    ASSERT_NE(variable, nullptr) << source << "/" << what;
    to.at(absl::StrCat(target, "/", what)) = variable->value().Clone();
  }
}

void Negate(Tensor& tensor) {
  for (double& element : tensor.values<double>()) element = -element;
}

// Weights and bias of a part.
void NegatePart(Model& model, const std::string& part) {
  for (const char* what : {"input_weights", "recurrent_weights", "bias"}) {
    Negate(model.at(absl::StrCat(part, "/", what)));
  }
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
    NegatePart(take, "update");
    ExpectNear(keep.Run(), take.Run(), 1e-14);
  }
}

TEST(GruIdentities, ByItsOwnNameIsNormalisedAsByTheSwitch) {
  for (const char* reset : {"before", "after"}) {
    SCOPED_TRACE(reset);
    Model own(absl::StrCat("lngru:reset=", reset));
    Model by_switch(absl::StrCat("gru:layer_norm=yes:reset=", reset));
    Randomise(own);
    CopyVariables(own, by_switch);
    ExpectSameBits(own.Run(), by_switch.Run());
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

TEST(LstmIdentities, WithoutPeepholesIsThePlainOne) {
  Model np("lstm:preset=np");
  Model plain("lstm");
  ExpectSameBits(np.Run(), plain.Run());
}

// Both have a gate of the input and one of the output.
TEST(LstmIdentities, WithoutItsForgetGateIsThatOf1997) {
  Model dropped("lstm:drop=forget");
  Model old("lstm97");
  Randomise(dropped);
  CopyVariables(dropped, old);
  ASSERT_EQ(dropped.variables.parameters(), old.variables.parameters());
  ExpectNear(dropped.Run().outputs, old.Run().outputs, 0);
  ExpectNear(dropped.Run(), old.Run(), 1e-14);
}

TEST(LstmIdentities, CappedIsCoupledWhereTheInputGateIsOpen) {
  Model capped("lstm:coupled=capped");
  Model free("lstm");
  Randomise(capped);
  const auto set_input_gate = [&](double bias) {
    capped.at("input/bias") = ConstantInitializer(bias)({DType::kF64, {kHidden}}, 0);
    CopyVariables(capped, free);
  };
  // 1 - f is above s(-30) and below s(30).
  set_input_gate(-30);
  ExpectSameBits(capped.Run(), free.Run());
  set_input_gate(30);
  EXPECT_GT(LargestDifference(capped.Run().outputs, free.Run().outputs), 0.1);
  Model coupled("lstm:coupled=yes");  // f = 1 - i, so i = s(-(forget gate's sum))
  CopyVariables(capped, coupled);
  CopyPart(capped, "forget", coupled, "input");
  NegatePart(coupled, "input");
  ExpectNear(capped.Run(), coupled.Run(), 1e-12);
}

TEST(LstmIdentities, ATruncatedGradientIsOfTheSameValues) {
  for (const char* cell : {"lstm97", "lstm97:block=2:gate_recurrence=full:squashing=logistic"}) {
    SCOPED_TRACE(cell);
    Model full(cell);
    Model truncated(absl::StrCat(cell, ":gradient=truncated"));
    Randomise(full);
    CopyVariables(full, truncated);
    const SequenceRun a = full.Run(), b = truncated.Run();
    EXPECT_TRUE(SameBits(a.outputs, b.outputs));
    ASSERT_EQ(a.finals.size(), b.finals.size());
    for (size_t i = 0; i < a.finals.size(); ++i) EXPECT_TRUE(SameBits(a.finals[i], b.finals[i]));
    EXPECT_GT(LargestDifference(a.x_gradient, b.x_gradient), 1e-2);
  }
}

// Before the last step the gradient comes through c alone: an output's gradient by an earlier x is
// that of o * tanh(c) with c a sum, which no recurrent weight is part of.
TEST(LstmIdentities, ATruncatedGradientKnowsNoRecurrentWeights) {
  const auto x_gradient = [](const char* cell) {
    Model model(cell);
    Randomise(model);
    Tape tape;
    const Value x = tape.Feed(RandomTensor(DType::kF64, {2, 1, kInputs}, 1));
    const Value c = model.rnn.Run(x, {}).final[0]["c"];
    // d c_2 / d x_1 = d (i_1 g_1) / d x_1 = d c_1 / d x_1.
    const Value first = model.rnn.Run(Slice(x, 0, 0, 1), {}).final[0]["c"];
    const auto read =
        tape.Read({Index(Gradients(Sum(c), {x})[0], 0), Index(Gradients(Sum(first), {x})[0], 0)});
    EXPECT_TRUE(read.ok()) << read.status();
    return LargestDifference((*read)[0], (*read)[1]);
  };
  EXPECT_LT(x_gradient("lstm97:gradient=truncated"), 1e-15);
  EXPECT_GT(x_gradient("lstm97:gradient=full"), 1e-2);
}

// m = (W x) * (U h) with W x = 1, from an input that is always 1, and U the identity.
TEST(LstmIdentities, MultiplicativeWithMAsHIsThePlainOne) {
  Model multiplicative("mlstm");
  Model plain("lstm");
  Randomise(multiplicative);
  Tensor& input = multiplicative.at("intermediate/input_weights");
  input = Tensor(input.type());
  for (int64_t j = 0; j < kHidden; ++j) input.data<double>()[j] = 1;  // of the first input
  Tensor& recurrent = multiplicative.at("intermediate/recurrent_weights");
  recurrent = IdentityInitializer()(recurrent.type(), 0);
  CopyVariables(multiplicative, plain);
  Tensor x = RandomTensor(DType::kF64, {kSteps, kBatch, kInputs}, 1);
  for (int64_t i = 0; i < x.elements(); i += kInputs) x.data<double>()[i] = 1;
  Tape tape;
  const Value fed = tape.Feed(x);
  const auto read = tape.Read({multiplicative.rnn(fed), plain.rnn(fed)});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(SameBits((*read)[0], (*read)[1]));
  EXPECT_GT(LargestDifference(multiplicative.Run().outputs, plain.Run().outputs), 0.1)
      << "with other inputs";
}

// All weights of the sums c and n grow alike.
TEST(StabilisedLstmIdentities, TheSameMoreInAllInputGatesChangesNoOutput) {
  Model model("slstm");
  Randomise(model);
  const Tensor before = model.Run().outputs;
  const auto add = [&](const char* part, double number) {
    for (double& bias : model.at(absl::StrCat(part, "/bias")).values<double>()) bias += number;
  };
  for (const double number : {30.0, -50.0, 700.0}) {
    add("input", number);
    ExpectNear(model.Run().outputs, before, 1e-12);
  }
  add("forget", 1);
  EXPECT_GT(LargestDifference(model.Run().outputs, before), 1e-2);
}

TEST(StabilisedLstmIdentities, HeadsAreABlockDiagonalMatrix) {
  Model heads("slstm:heads=2");
  Model one("slstm");
  Randomise(heads);
  CopyVariables(heads, one);
  constexpr int64_t kUnits = kHidden / 2;
  for (const char* part : {"input", "forget", "candidate", "output"}) {
    Tensor& whole = one.at(absl::StrCat(part, "/recurrent_weights"));
    whole = Tensor(whole.type());
    for (int64_t head = 0; head < 2; ++head) {
      const Tensor& block = heads.at(absl::StrCat(part, "/head_", head, "/recurrent_weights"));
      for (int64_t i = 0; i < kUnits * kUnits; ++i) {
        const int64_t row = head * kUnits + i / kUnits, column = head * kUnits + i % kUnits;
        whole.data<double>()[row * kHidden + column] = block.At(i);
      }
    }
  }
  ExpectNear(heads.Run(), one.Run(), 1e-14);
}

TEST(HighwayIdentities, JanetWithoutBetaIsTheUpdateGateNetwork) {
  Model janet("janet:beta=0");
  Model ugrnn("ugrnn");
  Randomise(janet);
  CopyPart(janet, "candidate", ugrnn, "candidate");
  CopyPart(janet, "forget", ugrnn, "gate");
  EXPECT_TRUE(SameBits(janet.Run().outputs, ugrnn.Run().outputs));
  ExpectNear(janet.Run(), ugrnn.Run(), 1e-14);  // gradients add up in another order
  Model standard("janet");
  CopyVariables(janet, standard);
  EXPECT_GT(LargestDifference(standard.Run().outputs, ugrnn.Run().outputs), 1e-2);
}

TEST(HighwayIdentities, OneHighwayLayerIsTheUpdateGateNetworkTurnedOver) {
  Model highway("rhn:depth=1");
  Model ugrnn("ugrnn");
  Randomise(highway);
  CopyPart(highway, "layer_0/candidate", ugrnn, "candidate");
  CopyPart(highway, "layer_0/transform", ugrnn, "gate");
  EXPECT_GT(LargestDifference(highway.Run().outputs, ugrnn.Run().outputs), 0.1);
  NegatePart(ugrnn, "gate");
  ExpectNear(highway.Run(), ugrnn.Run(), 1e-14);
}

TEST(ElmanIdentities, IrnnIsOneOfRectifiersThatStartsAsTheIdentity) {
  Model irnn("irnn");
  Model elman("elman:activation=relu:init=irnn");
  ExpectSameBits(irnn.Run(), elman.Run());
  Model tanh("elman:init=irnn");
  EXPECT_GT(LargestDifference(irnn.Run().x_gradient, tanh.Run().x_gradient), 1e-9);
}

TEST(MguIdentities, ABiasAloneIsAFixedLeak) {
  Model model("mgu3");
  Randomise(model);
  const Tensor &w = model.at("candidate/input_weights"),
               &u = model.at("candidate/recurrent_weights");
  const Tensor x = RandomTensor(DType::kF64, {kSteps, 1, kInputs}, 1);
  std::vector<double> h(kHidden), f(kHidden), c(kHidden);
  for (int64_t j = 0; j < kHidden; ++j) f[j] = 1 / (1 + std::exp(-model.at("forget/bias").At(j)));
  Tape tape;
  const Tensor outputs = MustRead(model.rnn(tape.Feed(x)));
  for (int64_t t = 0; t < kSteps; ++t) {
    for (int64_t j = 0; j < kHidden; ++j) {
      c[j] = model.at("candidate/bias").At(j);
      for (int64_t i = 0; i < kInputs; ++i) c[j] += x.At(t * kInputs + i) * w.At(i * kHidden + j);
      for (int64_t k = 0; k < kHidden; ++k) c[j] += f[k] * h[k] * u.At(k * kHidden + j);
    }
    for (int64_t j = 0; j < kHidden; ++j) {
      h[j] = (1 - f[j]) * h[j] + f[j] * std::tanh(c[j]);
      EXPECT_NEAR(outputs.At(t * kHidden + j), h[j], 1e-14) << "step " << t;
    }
  }
}

// Input j counts at step t with i_j f_(j+1) ... f_t, gates as the run names them.
TEST(RanIdentities, TheStateIsAWeightedSumOfInputs) {
  Model model("ran:output=identity");
  Randomise(model);
  const Tensor& w = model.at("content/input_weights");
  const Tensor x = RandomTensor(DType::kF64, {kSteps, kBatch, kInputs}, 1);
  Tape tape;
  std::vector<Value> values = {model.rnn(tape.Feed(x))};
  std::vector<size_t> inputs, forgets;
  for (const Tag& tag : tape.tags()) {
    (tag.name == "input" ? inputs : forgets).push_back(values.size());
    values.emplace_back(&tape, tag.node);
  }
  ASSERT_EQ(inputs.size(), kSteps);
  ASSERT_EQ(forgets.size(), kSteps);
  const auto read = tape.Read(values);
  ASSERT_TRUE(read.ok()) << read.status();
  constexpr int64_t kStep = kBatch * kHidden;
  for (int64_t t = 0; t < kSteps; ++t) {
    for (int64_t element = 0; element < kStep; ++element) {
      double sum = 0, left = 1;
      for (int64_t j = t; j >= 0; --j) {
        double content = 0;
        for (int64_t k = 0; k < kInputs; ++k) {
          content += x.At((j * kBatch + element / kHidden) * kInputs + k) *
                     w.At(k * kHidden + element % kHidden);
        }
        sum += (*read)[inputs[j]].At(element) * left * content;
        left *= (*read)[forgets[j]].At(element);
      }
      ASSERT_NEAR((*read)[0].At(t * kStep + element), sum, 1e-14) << "step " << t;
    }
  }
}

TEST(QrnnIdentities, TurningTheForgetGateOverIsAChangeOfSign) {
  for (const char* window : {"1", "2"}) {
    SCOPED_TRACE(window);
    Model keep(absl::StrCat("qrnn:forget=keep:window=", window));
    Model take(absl::StrCat("qrnn:forget=new:window=", window));
    Randomise(keep);
    CopyVariables(keep, take);
    EXPECT_GT(LargestDifference(keep.Run().outputs, take.Run().outputs), 0.1);
    for (Variable* variable : take.variables.trainable()) {
      if (absl::StrContains(variable->path(), "/forget/")) Negate(variable->value());
    }
    const SequenceRun a = keep.Run(), b = take.Run();
    ExpectNear(a.outputs, b.outputs, 1e-14);
    ExpectNear(a.finals[1], b.finals[1], 1e-14);  // c
    // A window's state holds a product of the gate, which the loss sees, with the other sign.
    if (absl::string_view(window) == "1") ExpectNear(a.x_gradient, b.x_gradient, 1e-14);
  }
}

TEST(QrnnIdentities, AWindowOfTwoWithoutItsSecondMatrixIsOneOfOne) {
  Model two("qrnn:window=2");
  Model one("qrnn");
  Randomise(two);
  CopyVariables(two, one);
  EXPECT_GT(LargestDifference(two.Run().outputs, one.Run().outputs), 0.1);
  for (const char* part : {"candidate", "forget", "output"}) {
    Tensor& before = two.at(absl::StrCat(part, "/previous_input_weights"));
    before = Tensor(before.type());
  }
  ExpectNear(two.Run().outputs, one.Run().outputs, 1e-15);
}

TEST(InputOnlyIdentities, NoMatrixMultipliesTheState) {
  for (const char* cell : {"qrnn", "qrnn:window=2", "mingru", "minlstm", "sru", "indrnn"}) {
    SCOPED_TRACE(cell);
    Model model(cell);
    EXPECT_EQ(CountParameters(model.rnn.cell(), kInputs, kHidden)->recurrent, 0);
    for (const Variable* variable : model.variables.trainable()) {
      EXPECT_NE(variable->shape(), (Shape{kHidden, kHidden})) << variable->path();
    }
  }
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

}  // namespace
}  // namespace sluice::testing
