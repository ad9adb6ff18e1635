#include <algorithm>
#include <cmath>
#include <memory>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/ops/composed.h>
#include <sluice/optim/optimizer.h>

namespace sluice::testing {
namespace {

using ::testing::ElementsAre;

Initializer Values(std::vector<double> values) {
  return [values](const TensorType& type, RandomKey) {
    return Tensor(type.shape, values).Cast(type.dtype);
  };
}

std::vector<double> ValuesOf(const Variable& variable) {
  std::vector<double> values;
  for (int64_t i = 0; i < variable.value().elements(); ++i) {
    values.push_back(variable.value().At(i));
  }
  return values;
}

// ---- Which variables, which losses ----

TEST(Minimize, TrainsOnlyWhatTheTapeReads) {
  VariableStore variables;
  const Scope root = variables.root();
  Variable& read = root.Trainable("read", {2}, Values({1, 2}));
  Variable& other = root.Trainable("other", {2}, Values({3, 4}));
  Variable& fixed = root.Fixed("fixed", {2});
  Tape tape;
  const Value loss = Sum(tape.Use(read) + tape.Use(fixed));
  Adam({.learning_rate = 0.5}).Minimize(loss, variables);
  ASSERT_TRUE(tape.Read(loss).ok());
  EXPECT_THAT(ValuesOf(read),
              ElementsAre(::testing::DoubleNear(0.5, 1e-6), ::testing::DoubleNear(1.5, 1e-6)));
  EXPECT_THAT(ValuesOf(other), ElementsAre(3, 4));
  EXPECT_THAT(ValuesOf(fixed), ElementsAre(0, 0));
  EXPECT_NE(variables.Find("optimizer/adam/read/mean"), nullptr);
  EXPECT_NE(variables.Find("optimizer/adam/read/mean_square"), nullptr);
  EXPECT_EQ(variables.Find("optimizer/adam/other/mean"), nullptr);
  EXPECT_EQ(variables.parameters(), 4) << "slots are no parameters";
}

TEST(Minimize, ReadsTheLossBeforeTheUpdate) {
  VariableStore variables;
  Variable& weight = variables.root().Trainable("weight", {}, Values({3}));
  Tape tape;
  const Value loss = Square(tape.Use(weight));
  Sgd({.learning_rate = 0.5}).Minimize(loss, variables);
  EXPECT_EQ(*tape.Read(loss), 9);
  EXPECT_THAT(ValuesOf(weight), ElementsAre(0));
}

TEST(Minimize, CountsUpdates) {
  VariableStore variables;
  Variable& weight = variables.root().Trainable("weight", {}, Values({3}));
  const Sgd sgd({.learning_rate = 0});
  for (int updates = 0; updates < 3; ++updates) {
    EXPECT_EQ(variables.step().value().At(0), updates);
    Tape tape;
    const Value loss = Square(tape.Use(weight));
    sgd.Minimize(loss, variables);
    ASSERT_TRUE(tape.Read(loss).ok());
  }
  EXPECT_EQ(variables.step().value().At(0), 3);
  EXPECT_FALSE(variables.step().trainable());
}

TEST(Minimize, TakesALossOfOneNumber) {
  VariableStore variables;
  Variable& weight = variables.root().Trainable("weight", {3}, Values({1, 2, 3}));
  Tape tape;
  const Value norm = Sgd({}).Minimize(tape.Use(weight), variables);
  EXPECT_FALSE(norm.valid());
  EXPECT_EQ(tape.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(tape.status().message(), "minimize: the loss must be one number, got f32 (3)");
}

TEST(Minimize, SaysThatThereIsNothingToTrain) {
  VariableStore variables;
  variables.root().Trainable("weight", {3}, Values({1, 2, 3}));
  Tape tape;
  Sgd({}).Minimize(Sum(tape.Feed(Tensor(DType::kF32, {3}))), variables);
  EXPECT_EQ(tape.status().message(),
            "minimize: the tape reads no trainable variable of this store");
}

TEST(Minimize, LeavesAnEarlierErrorAlone) {
  VariableStore variables;
  Tape tape;
  tape.Fail("first");
  Sgd({}).Minimize(Value(&tape, kNoNode), variables);
  EXPECT_EQ(tape.status().message(), "first");
  EXPECT_FALSE(Sgd({}).Minimize(Value(), variables));
}

// ---- Clipping ----

class Clipping : public ::testing::Test {
 protected:
  // One update by SGD with rate 1 from zero with gradients (3, 4) and (12): their norm is 13.
  double Update(const MinimizeOptions& options) {
    Tape tape;
    const Value loss = Sum(tape.Use(a_) * tape.Feed(Tensor(Shape{2}, std::vector<double>{3, 4}))) +
                       tape.Use(b_) * 12;
    const absl::StatusOr<double> norm =
        tape.Read(Sgd({.learning_rate = 1}).Minimize(loss, variables_, options));
    EXPECT_TRUE(norm.ok()) << norm.status();
    return norm.ok() ? *norm : 0;
  }

  VariableStore variables_{{.dtype = DType::kF64}};
  Variable& a_ = variables_.root().Trainable("a", {2}, Values({0, 0}));
  Variable& b_ = variables_.root().Trainable("b", {}, Values({0}));
};

TEST_F(Clipping, ByNormScalesAllGradientsTogether) {
  EXPECT_DOUBLE_EQ(Update({.clip_norm = 6.5}), 13) << "the norm before clipping";
  const double scale = 6.5 / (13 + 1e-6);
  EXPECT_THAT(ValuesOf(a_),
              ElementsAre(::testing::DoubleEq(-3 * scale), ::testing::DoubleEq(-4 * scale)));
  EXPECT_THAT(ValuesOf(b_), ElementsAre(::testing::DoubleEq(-12 * scale)));
}

TEST_F(Clipping, ByNormLeavesSmallGradientsAsTheyAre) {
  Update({.clip_norm = 13.1});
  EXPECT_THAT(ValuesOf(a_), ElementsAre(-3, -4));
  EXPECT_THAT(ValuesOf(b_), ElementsAre(-12));
}

TEST_F(Clipping, ByValueKeepsEachElementWithin) {
  EXPECT_DOUBLE_EQ(Update({.clip_value = 3.5}), 13);
  EXPECT_THAT(ValuesOf(a_), ElementsAre(-3, -3.5));
  EXPECT_THAT(ValuesOf(b_), ElementsAre(-3.5));
}

TEST_F(Clipping, ByValueComesAfterByNorm) {
  Update({.clip_norm = 6.5, .clip_value = 1.75});
  EXPECT_THAT(ValuesOf(a_), ElementsAre(::testing::DoubleNear(-1.5, 1e-6), -1.75));
  EXPECT_THAT(ValuesOf(b_), ElementsAre(-1.75));
}

TEST_F(Clipping, IsOffByDefault) {
  Update({});
  EXPECT_THAT(ValuesOf(a_), ElementsAre(-3, -4));
  EXPECT_THAT(ValuesOf(b_), ElementsAre(-12));
}

TEST(ClippingOfZeroGradients, ChangesNothing) {
  VariableStore variables;
  Variable& weight = variables.root().Trainable("weight", {}, Values({2}));
  Tape tape;
  const Value norm = Sgd({}).Minimize(tape.Use(weight) * 0, variables, {.clip_norm = 1});
  EXPECT_EQ(*tape.Read(norm), 0);
  EXPECT_THAT(ValuesOf(weight), ElementsAre(2));
}

// ---- Rules ----

class AnyOptimizer : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Registered, AnyOptimizer,
                         ::testing::ValuesIn(OptimizerRegistry::Global().Names()),
                         [](const ::testing::TestParamInfo<std::string>& info) {
                           return info.param;
                         });

TEST_P(AnyOptimizer, MinimisesAQuadraticAtItsStandardRate) {
  const OptimizerRecord& record = **OptimizerRegistry::Global().Find(GetParam());
  const std::unique_ptr<Optimizer> optimizer = record.make(record.standard_rate);
  VariableStore variables;
  Variable& weight = variables.root().Trainable("weight", {4}, Values({1, -1, 0.5, -2}));
  const Tensor curvature(Shape{4}, std::vector<float>{1, 0.5, 0.25, 0.125});
  const Tensor least(Shape{4}, std::vector<float>{0.25, 0.5, -0.5, -1});
  double first = 0, last = 0;
  for (int step = 0; step < 2000; ++step) {
    Tape tape;
    const Value loss =
        0.5 * Sum(tape.Feed(curvature) * Square(tape.Use(weight) - tape.Feed(least)));
    optimizer->Minimize(loss, variables);
    const absl::StatusOr<double> read = tape.Read(loss);
    ASSERT_TRUE(read.ok()) << read.status();
    if (step == 0) first = *read;
    last = *read;
  }
  EXPECT_LT(last, 1e-3 * first);
}

TEST_P(AnyOptimizer, TakesASchedule) {
  const OptimizerRecord& record = **OptimizerRegistry::Global().Find(GetParam());
  const std::unique_ptr<Optimizer> optimizer = record.make(StepDecay(0.1, 2, 1e-30));
  VariableStore variables;
  Variable& weight = variables.root().Trainable("weight", {}, Values({1}));
  std::vector<double> values = {1};
  for (int step = 0; step < 3; ++step) {
    Tape tape;
    const Value loss = Square(tape.Use(weight));
    optimizer->Minimize(loss, variables);
    ASSERT_TRUE(tape.Read(loss).ok());
    values.push_back(weight.value().At(0));
  }
  EXPECT_LT(values[1], values[0]);
  EXPECT_LT(values[2], values[1]);
  EXPECT_EQ(values[3], values[2]) << "the rate is nothing from step 2 on";
}

TEST(OptimizerRegistry, HasItsNames) {
  EXPECT_THAT(OptimizerRegistry::Global().Names(),
              ElementsAre("adagrad", "adam", "adamw", "momentum", "nesterov", "rmsprop", "sgd"));
  EXPECT_EQ(OptimizerRegistry::Global().Find("adma").status().message(),
            "no optimizer \"adma\"; did you mean \"adam\"?");
}

TEST(Sgd, WithoutMomentumKeepsNoSlots) {
  VariableStore variables;
  Variable& weight = variables.root().Trainable("weight", {}, Values({1}));
  Tape tape;
  const Value loss = Square(tape.Use(weight));
  Sgd({.learning_rate = 0.25}).Minimize(loss, variables);
  ASSERT_TRUE(tape.Read(loss).ok());
  EXPECT_THAT(ValuesOf(weight), ElementsAre(0.5));
  EXPECT_EQ(variables.variables().size(), 2) << "the weight and the step";
}

// With a constant gradient both corrected means are exact at every step, so that each update is
// rate * sign(g): 1 - beta^t may not lose digits, of which f32 has few, when t is small.
TEST(Adam, CorrectsItsMeansExactlyInF32) {
  for (const double gradient : {1e-3, 0.37, 25.0}) {
    VariableStore variables;
    Variable& weight = variables.root().Trainable("weight", {}, Values({0}));
    const Adam adam({.learning_rate = 0.125});
    for (int step = 1; step <= 40; ++step) {
      weight.value() = Tensor(weight.type());
      Tape tape;
      adam.Minimize(tape.Use(weight) * gradient, variables);
      ASSERT_TRUE(tape.Read(absl::Span<const Value>()).ok());
      const double exact = -0.125 * gradient / (gradient + 1e-8);
      EXPECT_NEAR(weight.value().At(0) / exact, 1, 1e-6)
          << "gradient " << gradient << ", step " << step;
    }
  }
}

TEST(AdamW, DecaysTheWeightNotTheGradient) {
  VariableStore variables({.dtype = DType::kF64});
  Variable& weight = variables.root().Trainable("weight", {}, Values({2}));
  Tape tape;
  // No gradient: all that happens is the decay.
  Adam({.learning_rate = 0.1, .weight_decay = 0.5}).Minimize(tape.Use(weight) * 0, variables);
  ASSERT_TRUE(tape.Read(absl::Span<const Value>()).ok());
  EXPECT_DOUBLE_EQ(weight.value().At(0), 2 * (1 - 0.1 * 0.5));
  EXPECT_NE(variables.Find("optimizer/adamw/weight/mean"), nullptr);
}

}  // namespace
}  // namespace sluice::testing
