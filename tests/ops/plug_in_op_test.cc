// Ops that a user registers: a right one works like the library's, a wrong gradient is found.

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/graph/gradients.h>
#include <sluice/graph/registry.h>
#include <sluice/ops/elementwise.h>
#include <sluice/ops/reduction.h>

#include "support/gradient_check.h"

namespace sluice::testing {
namespace {

template <typename T, T (*kFunction)(T)>
void Tile(int64_t n, const void* const* inputs, double, void* output) {
  const T* in = static_cast<const T*>(inputs[0]);
  T* out = static_cast<T*>(output);
  for (int64_t i = 0; i < n; ++i) out[i] = kFunction(in[i]);
}

template <typename T>
T TanhOf(T x) {
  return std::tanh(x);
}
template <typename T>
T ArctanOf(T x) {
  return std::atan(x);
}

Op Unary(const char* name, const char* formula, TileFunctions tiles, GradientRule gradient) {
  return {.name = name,
          .kind = OpKind::kElementwise,
          .formula = formula,
          .arity = 1,
          .type = ElementwiseType,
          .kernel = RunElementwise,
          .gradient = std::move(gradient),
          .tiles = tiles,
          .flops = [](absl::Span<const TensorType>, const TensorType& output) {
            return 20 * static_cast<double>(output.shape.elements());
          }};
}

const TileFunctions kTanhTiles{Tile<float, TanhOf<float>>, Tile<double, TanhOf<double>>};
const TileFunctions kArctanTiles{Tile<float, ArctanOf<float>>, Tile<double, ArctanOf<double>>};

const RegisterOps kOps({
    // The derivative is 1 - y^2; this one forgets the square.
    Unary("test_wrong_tanh", "tanh(x)", kTanhTiles,
          [](const GradientArguments& arguments) {
            return InputGradients{arguments.gradient * (1 - arguments.output)};
          }),
    // Right in value, wrong only in the second derivative: the gradient's own gradient is cut.
    Unary("test_once_tanh", "tanh(x)", kTanhTiles,
          [](const GradientArguments& arguments) {
            return InputGradients{arguments.gradient *
                                  (1 - Square(StopGradient(arguments.output)))};
          }),
    // Wrong in one element of many: the first row's gradient is 1 % too large.
    Unary("test_nearly_tanh", "tanh(x)", kTanhTiles,
          [](const GradientArguments& arguments) {
            const Value x = arguments.inputs[0];
            const Value excess = 0.01 * Equal(x, Max(x)) + NumberLike(1, x);
            return InputGradients{arguments.gradient * (1 - Square(arguments.output)) * excess};
          }),
    Unary("test_arctan", "arctan(x)", kArctanTiles,
          [](const GradientArguments& arguments) {
            return InputGradients{arguments.gradient / (1 + Square(arguments.inputs[0]))};
          }),
});

Function Recorded(absl::string_view name) {
  const Op* op = OpRegistry::Global().Find(name);
  return [op](absl::Span<const Value> inputs) { return inputs[0].tape()->Record(*op, inputs); };
}

Tensor Numbers() {
  Tensor numbers(DType::kF64, {4, 5});
  for (int64_t i = 0; i < 20; ++i) numbers.data<double>()[i] = 0.17 * static_cast<double>(i) - 1.6;
  return numbers;
}

TEST(GradientCheck, FindsWrongGradient) {
  const GradientCheck check = CheckGradient(Recorded("test_wrong_tanh"), {Numbers()});
  EXPECT_FALSE(check.ok);
  EXPECT_GT(check.worst_error, 0.5);
  EXPECT_EQ(check.report.find("input 0, element ("), 0U) << check.report;
}

TEST(GradientCheck, FindsWrongSecondGradient) {
  EXPECT_TRUE(CheckGradient(Recorded("test_once_tanh"), {Numbers()}).ok);
  const GradientCheck check = CheckSecondGradient(Recorded("test_once_tanh"), {Numbers()});
  EXPECT_FALSE(check.ok);
  EXPECT_GT(check.worst_error, 0.5);
}

TEST(GradientCheck, FindsOneWrongElementAndNamesIt) {
  const GradientCheck check = CheckGradient(Recorded("test_nearly_tanh"), {Numbers()});
  EXPECT_FALSE(check.ok);
  EXPECT_NEAR(check.worst_error, 0.01, 1e-3);
  EXPECT_EQ(check.report.find("input 0, element (3, 4) of (4, 5): analytic "), 0U) << check.report;
}

TEST(GradientCheck, DoesNotPassWhereNothingIsCompared) {
  const GradientCheck no_floats =
      CheckGradient([](absl::Span<const Value> inputs) { return Cast(inputs[0], DType::kF64); },
                    {Tensor::Scalar<int32_t>(1)});
  EXPECT_FALSE(no_floats.ok);
  EXPECT_EQ(no_floats.report, "there is no float input to compare");
  const GradientCheck f32 = CheckGradient(
      [](absl::Span<const Value> inputs) { return Tanh(inputs[0]); }, {Tensor::Scalar(1.0F)});
  EXPECT_FALSE(f32.ok);
  EXPECT_EQ(f32.report, "an input is f32; use f64");
  const GradientCheck error = CheckGradient(
      [](absl::Span<const Value> inputs) { return Sum(inputs[0], {7}); }, {Numbers()});
  EXPECT_FALSE(error.ok);
  EXPECT_EQ(error.report, "sum: axis 7 is not an axis of (4, 5)");
}

TEST(GradientCheck, NotANumberFails) {
  const GradientCheck check = CheckGradient(
      [](absl::Span<const Value> inputs) { return Sqrt(inputs[0]); }, {Tensor::Scalar(-1.0)});
  EXPECT_FALSE(check.ok);
  EXPECT_EQ(check.worst_error, std::numeric_limits<double>::infinity());
}

TEST(PlugInOp, WorksLikeTheLibrarysOwn) {
  ASSERT_TRUE(RegistrationStatus().ok());
  EXPECT_TRUE(CheckGradient(Recorded("test_arctan"), {Numbers()}).ok);
  EXPECT_TRUE(CheckSecondGradient(Recorded("test_arctan"), {Numbers()}).ok);

  // Broadcast into, computed in place, differentiated along with the library's ops, in f32.
  Tape tape;
  const Op& arctan = *OpRegistry::Global().Find("test_arctan");
  const Value x = tape.Feed(Numbers().Cast(DType::kF32));
  const Value y = Tanh(tape.Record(arctan, {2 * x}));
  const absl::StatusOr<std::vector<Tensor>> read = tape.Read({y, Gradients(y, {x})[0]});
  ASSERT_TRUE(read.ok()) << read.status();
  for (int64_t i = 0; i < 20; ++i) {
    const double number = Numbers().At(i);
    const double expected = std::tanh(std::atan(2 * number));
    EXPECT_NEAR((*read)[0].At(i), expected, 1e-6);
    EXPECT_NEAR((*read)[1].At(i), (1 - expected * expected) * 2 / (1 + 4 * number * number), 2e-6);
  }
}

}  // namespace
}  // namespace sluice::testing
