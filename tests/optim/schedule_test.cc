#include <cmath>
#include <numbers>
#include <vector>

#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

#include <sluice/optim/optimizer.h>
#include <sluice/optim/schedule.h>

namespace sluice::testing {
namespace {

double RateAt(const Schedule& schedule, int64_t step, DType dtype = DType::kF64) {
  Tape tape;
  const Value rate = schedule(tape.Constant(static_cast<double>(step), dtype));
  EXPECT_EQ(rate.dtype(), dtype);
  EXPECT_EQ(rate.shape(), Shape{});
  const absl::StatusOr<double> read = tape.Read(rate);
  EXPECT_TRUE(read.ok()) << read.status();
  return read.ok() ? *read : std::nan("");
}

// Relative to `rate`, in f64 and in f32.
void ExpectRate(const Schedule& schedule, int64_t step, double rate) {
  EXPECT_NEAR(RateAt(schedule, step), rate, 1e-13 * rate) << "step " << step;
  EXPECT_NEAR(RateAt(schedule, step, DType::kF32), rate, 2e-6 * rate) << "step " << step << ", f32";
}

TEST(Schedule, OfANumberIsConstant) {
  for (const int64_t step : {0, 1, 1000}) ExpectRate(3e-3, step, 3e-3);
}

TEST(Schedule, StepDecayFallsAtExactMultiples) {
  for (const int64_t every : {1, 3, 7, 10, 1000}) {
    SCOPED_TRACE(every);
    const Schedule schedule = StepDecay(0.5, every, 0.8);
    for (const int64_t times : {1, 2, 3, 10, 49}) {
      ExpectRate(schedule, times * every - 1, 0.5 * std::pow(0.8, times - 1));
      ExpectRate(schedule, times * every, 0.5 * std::pow(0.8, times));
    }
    ExpectRate(schedule, 0, 0.5);
  }
}

TEST(Schedule, ExponentialDecayFallsAllTheTime) {
  const Schedule schedule = ExponentialDecay(0.5, 10, 0.8);
  for (const int64_t step : {0, 1, 5, 10, 25, 100}) {
    ExpectRate(schedule, step, 0.5 * std::pow(0.8, static_cast<double>(step) / 10));
  }
}

TEST(Schedule, CosineDecayIsHalfACosineThenTheLastRate) {
  const Schedule schedule = CosineDecay(0.5, 40, 0.1);
  for (const int64_t step : {0, 1, 10, 20, 39}) {
    ExpectRate(schedule, step,
               0.1 + 0.4 * (1 + std::cos(std::numbers::pi * static_cast<double>(step) / 40)) / 2);
  }
  for (const int64_t step : {40, 41, 1000}) ExpectRate(schedule, step, 0.1);
  EXPECT_NEAR(RateAt(CosineDecay(0.5, 40), 20), 0.25, 1e-15);
  EXPECT_NEAR(RateAt(CosineDecay(0.5, 40), 60), 0, 1e-15);
}

TEST(Schedule, WarmUpRisesThenHandsOverFromStepZero) {
  const Schedule schedule = WarmUp(4, ExponentialDecay(0.5, 10, 0.8));
  for (const int64_t step : {0, 1, 2, 3}) {
    ExpectRate(schedule, step, 0.5 * static_cast<double>(step + 1) / 4);
  }
  for (const int64_t step : {4, 5, 14}) {
    ExpectRate(schedule, step, 0.5 * std::pow(0.8, static_cast<double>(step - 4) / 10));
  }
  ExpectRate(WarmUp(0, 0.5), 0, 0.5);
}

TEST(Schedule, TakesARuleOfOnesOwn) {
  const Schedule schedule(Schedule::Rule([](Value step) { return step; }));
  ExpectRate(schedule, 7, 7);
}

TEST(Schedule, SeesTheNumberOfUpdatesMade) {
  VariableStore variables({.dtype = DType::kF64});
  Variable& weight = variables.root().Fixed("unused", {});
  Variable& trained = variables.root().Trainable(
      "weight", {}, [](const TensorType& type, RandomKey) { return Tensor(type); });
  const Sgd sgd({.learning_rate = StepDecay(1, 2, 0.1)});
  std::vector<double> seen;
  for (int step = 0; step < 5; ++step) {
    Tape tape;
    sgd.Minimize(tape.Use(trained), variables);  // its gradient is 1
    const double before = trained.value().At(0);
    ASSERT_TRUE(tape.Read(absl::Span<const Value>()).ok());
    seen.push_back(before - trained.value().At(0));
  }
  const double expected[] = {1, 1, 0.1, 0.1, 0.01};
  for (int step = 0; step < 5; ++step) EXPECT_NEAR(seen[step], expected[step], 1e-14);
  EXPECT_EQ(weight.value().At(0), 0);
}

// ---- Plateau ----

TEST(ReduceOnPlateau, FallsAfterReportsWithoutGainInARow) {
  VariableStore variables({.dtype = DType::kF64});
  ReduceOnPlateau plateau(variables,
                          {.rate = 0.8, .factor = 0.5, .patience = 2, .lowest_rate = 0.15});
  const std::pair<double, double> reports[] = {
      {3, 0.8},                           // the first is always a gain
      {3, 0.8},                           // one without
      {2, 0.8},                           // a gain starts the count again
      {2.5, 0.8},                         // one
      {2, 0.4},                           // two: equal is no gain
      {2.1, 0.4},                         // counted from zero again
      {2.1, 0.2}, {5, 0.2},  {5, 0.15},   // never below the lowest
      {5, 0.15},  {5, 0.15}, {1, 0.15}};  // and never up again
  int number = 0;
  for (const auto& [loss, rate] : reports) {
    plateau.Report(loss);
    EXPECT_DOUBLE_EQ(plateau.rate(), rate) << "report " << number;
    EXPECT_DOUBLE_EQ(RateAt(plateau.schedule(), 123), rate);
    ++number;
  }
}

TEST(ReduceOnPlateau, TakesALossThatIsNoNumberForNoGain) {
  VariableStore variables;
  ReduceOnPlateau plateau(variables, {.rate = 1, .factor = 0.5, .patience = 1});
  plateau.Report(std::nan(""));
  EXPECT_EQ(plateau.rate(), 0.5);
}

TEST(ReduceOnPlateau, KeepsItsRateInTheStore) {
  VariableStore variables;
  ReduceOnPlateau plateau(variables, {.rate = 1, .factor = 0.25, .patience = 1});
  const Variable* rate = variables.Find("schedule/plateau_rate");
  ASSERT_NE(rate, nullptr);
  EXPECT_FALSE(rate->trainable());
  EXPECT_EQ(rate->value().At(0), 1);
  plateau.Report(1);
  plateau.Report(1);
  EXPECT_EQ(rate->value().At(0), 0.25);
  // What the store has, such as from a saved model, is where it goes on.
  EXPECT_EQ(ReduceOnPlateau(variables, {.rate = 1}).rate(), 0.25);
}

TEST(ReduceOnPlateau, ReachesATrainingStepThatIsPlannedAlready) {
  VariableStore variables;
  Variable& weight = variables.root().Trainable(
      "weight", {}, [](const TensorType& type, RandomKey) { return Tensor(type); });
  ReduceOnPlateau plateau(variables, {.rate = 1, .factor = 0.5, .patience = 1});
  const Sgd sgd({.learning_rate = plateau.schedule()});
  const auto update = [&] {
    const double before = weight.value().At(0);
    Tape tape;
    sgd.Minimize(tape.Use(weight), variables);
    EXPECT_TRUE(tape.Read(absl::Span<const Value>()).ok());
    return before - weight.value().At(0);
  };
  EXPECT_EQ(update(), 1);
  plateau.Report(1);
  EXPECT_EQ(update(), 1);
  plateau.Report(1);
  EXPECT_EQ(update(), 0.5);
}

}  // namespace
}  // namespace sluice::testing
