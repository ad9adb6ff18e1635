// Functions of primitive ops against plain loops, and their gradients.

#include <cmath>
#include <vector>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/graph/gradients.h>
#include <sluice/graph/random.h>
#include <sluice/ops/composed.h>

#include "support/gradient_check.h"
#include "support/read.h"

namespace sluice::testing {
namespace {

using ::testing::ElementsAre;

constexpr int64_t kRows = 3;
constexpr int64_t kColumns = 5;

Tensor Random(const Shape& shape, uint64_t seed, double scale = 1) {
  RandomStream random(seed);
  Tensor numbers(DType::kF64, shape);
  for (double& number : numbers.values<double>()) number = scale * random.Normal();
  return numbers;
}

std::vector<double> Row(const Tensor& x, int64_t row) {
  std::vector<double> numbers;
  for (int64_t i = 0; i < kColumns; ++i) numbers.push_back(x.At(row * kColumns + i));
  return numbers;
}

double MeanOf(const std::vector<double>& numbers) {
  double sum = 0;
  for (const double number : numbers) sum += number;
  return sum / static_cast<double>(numbers.size());
}

double VarianceOf(const std::vector<double>& numbers) {
  double sum = 0;
  for (const double number : numbers) sum += std::pow(number - MeanOf(numbers), 2);
  return sum / static_cast<double>(numbers.size());
}

double LogSumExpOf(const std::vector<double>& numbers) {
  double sum = 0;
  for (const double number : numbers) sum += std::exp(number);
  return std::log(sum);
}

// Both orders of gradients of a function of one input.
void ExpectExactGradients(const Function& function, absl::Span<const Tensor> inputs) {
  const GradientCheck first = CheckGradient(function, inputs);
  EXPECT_TRUE(first.ok) << "first: " << first.report;
  const GradientCheck second = CheckSecondGradient(function, inputs);
  EXPECT_TRUE(second.ok) << "second: " << second.report;
}

// f(x) of x (3, 5) gives for each row the numbers of reference(row), in f64 and nearly in f32; and
// its gradients are right.
template <typename F, typename ReferenceOfRow>
void ExpectRows(F f, ReferenceOfRow reference) {
  const Tensor x = Random({kRows, kColumns}, 1);
  std::vector<double> expected;
  for (int64_t row = 0; row < kRows; ++row) {
    for (const double number : reference(Row(x, row))) expected.push_back(number);
  }
  for (const DType dtype : {DType::kF64, DType::kF32}) {
    Tape tape;
    const Tensor result = MustRead(f(tape.Feed(x.Cast(dtype))));
    ASSERT_EQ(result.elements(), static_cast<int64_t>(expected.size()));
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(result.At(static_cast<int64_t>(i)), expected[i],
                  dtype == DType::kF64 ? 1e-13 : 1e-6);
    }
  }
  ExpectExactGradients([&](absl::Span<const Value> inputs) { return f(inputs[0]); }, {x});
}

using Numbers = std::vector<double>;

TEST(Mean, OfEachRow) {
  ExpectRows([](Value x) { return Mean(x, {1}); },
             [](const Numbers& row) { return Numbers{MeanOf(row)}; });
}

TEST(Mean, OverAllOrSomeAxes) {
  Tape tape;
  const Value x = tape.Feed(Tensor(Shape{2, 2, 2}, Numbers{1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(MustRead(Mean(x)).At(0), 4.5);
  EXPECT_EQ(Mean(x).shape(), Shape{});
  EXPECT_EQ(Mean(x, {0, 2}, /*keep_axes=*/true).shape(), (Shape{1, 2, 1}));
  EXPECT_EQ(MustRead(Mean(x, {0, 2})).At(1), 5.5);
}

TEST(Variance, OfEachRow) {
  ExpectRows([](Value x) { return Variance(x, {-1}); },
             [](const Numbers& row) { return Numbers{VarianceOf(row)}; });
}

TEST(Norm, OfEachRow) {
  ExpectRows([](Value x) { return Norm(x, {1}); },
             [](const Numbers& row) {
               double sum = 0;
               for (const double number : row) sum += number * number;
               return Numbers{std::sqrt(sum)};
             });
}

TEST(LogSumExp, OfEachRow) {
  ExpectRows([](Value x) { return LogSumExp(x); },
             [](const Numbers& row) { return Numbers{LogSumExpOf(row)}; });
  Tape tape;
  const Value x = tape.Feed(Random({2, 3, 4}, 2));
  EXPECT_EQ(LogSumExp(x).shape(), (Shape{2, 3}));
  EXPECT_EQ(LogSumExp(x, /*keep_axis=*/true).shape(), (Shape{2, 3, 1}));
}

TEST(LogSoftmax, OfEachRow) {
  ExpectRows([](Value x) { return LogSoftmax(x); },
             [](const Numbers& row) {
               Numbers result;
               for (const double number : row) result.push_back(number - LogSumExpOf(row));
               return result;
             });
}

TEST(Softmax, OfEachRow) {
  ExpectRows([](Value x) { return Softmax(x); },
             [](const Numbers& row) {
               Numbers result;
               for (const double number : row) {
                 result.push_back(std::exp(number - LogSumExpOf(row)));
               }
               return result;
             });
}

TEST(OneHot, IsZeroForIdsOutside) {
  Tape tape;
  const Value ids = tape.Feed(Tensor(Shape{2, 2}, std::vector<int32_t>{0, 2, -1, 3}));
  for (const DType dtype : {DType::kF32, DType::kF64, DType::kI32}) {
    const Tensor result = MustRead(OneHot(ids, 3, dtype));
    EXPECT_EQ(result.type(), (TensorType{dtype, {2, 2, 3}}));
    Numbers numbers;
    for (int64_t i = 0; i < 12; ++i) numbers.push_back(result.At(i));
    EXPECT_THAT(numbers, ElementsAre(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0));
  }
}

TEST(LayerNorm, IsThatOfThePaper) {
  const Tensor x = Random({kRows, kColumns}, 3);
  const Tensor gain = Random({kColumns}, 4);
  const Tensor shift = Random({kColumns}, 5);
  Tape tape;
  const Tensor result = MustRead(LayerNorm(tape.Feed(x), tape.Feed(gain), tape.Feed(shift), 1e-3));
  for (int64_t row = 0; row < kRows; ++row) {
    const Numbers numbers = Row(x, row);
    for (int64_t i = 0; i < kColumns; ++i) {
      const double expected =
          (numbers[i] - MeanOf(numbers)) / std::sqrt(VarianceOf(numbers) + 1e-3) * gain.At(i) +
          shift.At(i);
      EXPECT_NEAR(result.At(row * kColumns + i), expected, 1e-13);
    }
  }
  ExpectExactGradients(
      [](absl::Span<const Value> inputs) { return LayerNorm(inputs[0], inputs[1], inputs[2]); },
      {x, gain, shift});
}

TEST(LayerNorm, OfEqualElementsIsTheShift) {
  Tape tape;
  const Value x = tape.Constant(1e4, DType::kF32, {2, 4});
  const Tensor result = MustRead(
      LayerNorm(x, tape.Constant(3, DType::kF32, {4}), tape.Constant(0.5, DType::kF32, {4})));
  for (int64_t i = 0; i < 8; ++i) EXPECT_EQ(result.At(i), 0.5);
}

// ---- Cross-entropy ----

Tensor Ids(const Shape& shape, const std::vector<int32_t>& ids) { return Tensor(shape, ids); }

// h_t = a_t * h_(t-1) + b_t, step by step, of one column.
std::vector<double> Recurrence(const Tensor& a, const Tensor& b, double h, bool backward) {
  const int64_t steps = b.shape()[0];
  std::vector<double> all(steps);
  for (int64_t i = 0; i < steps; ++i) {
    const int64_t t = backward ? steps - 1 - i : i;
    all[t] = h = a.At(t) * h + b.At(t);
  }
  return all;
}

TEST(LinearScan, IsTheRecurrence) {
  for (const int64_t steps : {1, 2, 3, 4, 5, 8, 9, 31, 64}) {
    for (const bool backward : {false, true}) {
      SCOPED_TRACE(absl::StrCat(steps, backward ? " steps, backward" : " steps"));
      const Tensor a = Random({steps, 1}, 1), b = Random({steps, 1}, 2);
      Tape tape;
      const Value initial = tape.Constant(0.7, DType::kF64, {1});
      const Tensor all = MustRead(LinearScan(tape.Feed(a), tape.Feed(b), initial, backward));
      const std::vector<double> expected = Recurrence(a, b, 0.7, backward);
      ASSERT_EQ(all.shape(), b.shape());
      for (int64_t t = 0; t < steps; ++t) {
        EXPECT_NEAR(all.At(t), expected[t], 1e-12 * std::max(1.0, std::abs(expected[t]))) << t;
      }
    }
  }
}

TEST(LinearScan, PassesThroughStepsThatKeepAll) {
  Tape tape;
  const Value kept =
      LinearScan(tape.Constant(1, DType::kF32, {37, 1}), tape.Constant(0, DType::kF32, {37, 3}),
                 tape.Feed(Tensor(Shape{3}, std::vector<float>{1.1F, -2, 0.3F})));
  const Tensor read = MustRead(kept);
  for (int64_t i = 0; i < read.elements(); ++i) {
    EXPECT_EQ(read.values<float>()[i], (std::vector<float>{1.1F, -2, 0.3F})[i % 3]) << i;
  }
}

TEST(LinearScan, GradientsAreRight) {
  for (const bool backward : {false, true}) {
    const auto scan = [&](absl::Span<const Value> x) {
      return LinearScan(x[0], x[1], x[2], backward);
    };
    // The second factor is the same for a whole step.
    const std::vector<Tensor> inputs = {Random({6, 2, 1}, 1), Random({6, 2, 3}, 2),
                                        Random({2, 3}, 3)};
    const GradientCheck first = CheckGradient(scan, inputs);
    EXPECT_TRUE(first.ok) << first.report;
    const GradientCheck second = CheckSecondGradient(scan, inputs);
    EXPECT_TRUE(second.ok) << second.report;
  }
}

TEST(LinearScan, SaysWhichShapesItTakes) {
  Tape tape;
  LinearScan(tape.Constant(1, DType::kF32, {4, 3}), tape.Constant(1, DType::kF32, {5, 3}),
             tape.Constant(1, DType::kF32, {3}));
  EXPECT_EQ(tape.status().message(),
            "linear_scan: b must be (T, ...), a the same or broadcasting to it, initial (...); a "
            "is (4, 3), b is (5, 3), initial is (3)");
}

TEST(CrossEntropy, IsTheMeanOfTargetsThatCount) {
  const Tensor logits = Random({kRows, kColumns}, 6);
  for (const std::vector<int32_t>& ids :
       std::vector<std::vector<int32_t>>{{0, 4, 2}, {3, -1, 1}, {-1, -1, 0}}) {
    Tape tape;
    const Value x = tape.Feed(logits);
    const Value targets = tape.Feed(Ids({kRows}, ids));
    const Tensor each = MustRead(CrossEntropyEach(x, targets));
    double sum = 0;
    double count = 0;
    for (int64_t row = 0; row < kRows; ++row) {
      const Numbers numbers = Row(logits, row);
      const double expected =
          ids[row] < 0 ? 0
                       : -std::log(std::exp(numbers[ids[row]]) / std::exp(LogSumExpOf(numbers)));
      EXPECT_NEAR(each.At(row), expected, 1e-13);
      sum += expected;
      count += ids[row] < 0 ? 0 : 1;
    }
    EXPECT_NEAR(*tape.Read(CrossEntropy(x, targets)), sum / count, 1e-13);
    ExpectExactGradients(
        [](absl::Span<const Value> inputs) { return CrossEntropy(inputs[0], inputs[1]); },
        {logits, Ids({kRows}, ids)});
    ExpectExactGradients(
        [](absl::Span<const Value> inputs) { return CrossEntropyEach(inputs[0], inputs[1]); },
        {logits, Ids({kRows}, ids)});
  }
}

TEST(CrossEntropy, TakesTimeAndBatchAxes) {
  const Tensor logits = Random({2, kRows, kColumns}, 7);
  const Tensor ids = Ids({2, kRows}, {0, 1, -1, 4, 3, 2});
  Tape tape;
  const Value x = tape.Feed(logits);
  const Value targets = tape.Feed(ids);
  const Value each = CrossEntropyEach(x, targets);
  EXPECT_EQ(each.shape(), (Shape{2, kRows}));
  const Value one_hot = OneHot(targets, kColumns, DType::kF64);
  const Value slow = -Sum(LogSoftmax(x) * one_hot, {-1});
  const Tensor a = MustRead(each);
  const Tensor b = MustRead(slow);
  for (int64_t i = 0; i < 2 * kRows; ++i) EXPECT_NEAR(a.At(i), b.At(i), 1e-13);
  EXPECT_NEAR(*tape.Read(CrossEntropy(x, targets)), *tape.Read(Sum(slow)) / 5, 1e-13);
}

TEST(CrossEntropy, IsZeroWhereNothingCounts) {
  for (const DType dtype : {DType::kF32, DType::kF64}) {
    Tape tape;
    const Value logits = tape.Feed(Random({2, 3}, 8).Cast(dtype));
    const Value ids = tape.Feed(Ids({2}, {-1, -1}));
    const Value loss = CrossEntropy(logits, ids);
    EXPECT_EQ(*tape.Read(loss), 0);
    const Tensor gradient = MustRead(Gradients(loss, {logits})[0]);
    for (int64_t i = 0; i < 6; ++i) EXPECT_EQ(gradient.At(i), 0);
  }
}

TEST(BinaryCrossEntropy, IsThatOfTheSigmoid) {
  const Tensor logits = Random({7}, 9);
  const Tensor targets(Shape{7}, Numbers{0, 1, 0.5, 1, 0, 0.25, 1});
  Tape tape;
  const Tensor result = MustRead(BinaryCrossEntropy(tape.Feed(logits), tape.Feed(targets)));
  for (int64_t i = 0; i < 7; ++i) {
    const double s = 1 / (1 + std::exp(-logits.At(i)));
    const double y = targets.At(i);
    EXPECT_NEAR(result.At(i), -(y * std::log(s) + (1 - y) * std::log(1 - s)), 1e-13);
  }
  ExpectExactGradients(
      [](absl::Span<const Value> inputs) { return BinaryCrossEntropy(inputs[0], inputs[1]); },
      {logits, targets});
}

// ---- Stability: f32 at +-10000, where e^x is far beyond its range ----

class FarLogits : public ::testing::TestWithParam<double> {
 protected:
  // Rows with one large element, with equal large ones, and with all but one large.
  Value Logits() {
    const double far = GetParam();
    return tape_.Feed(
        Tensor(Shape{3, 3}, Numbers{far, 0, 1, far, far, far, far, far, 0}).Cast(DType::kF32));
  }
  double Largest(int row) const {
    const double far = GetParam();
    return row == 0 ? std::fmax(far, 1) : row == 1 ? far : std::fmax(far, 0);
  }
  // How many elements of a row share the largest place; e^-10000 is zero.
  double Sharing(int row) const {
    if (row == 1) return 3;
    if (GetParam() > 0) return row == 0 ? 1 : 2;
    return 1;
  }
  void ExpectFinite(Value value) {
    const Tensor tensor = MustRead(value);
    for (int64_t i = 0; i < tensor.elements(); ++i) EXPECT_TRUE(std::isfinite(tensor.At(i))) << i;
  }

  Tape tape_;
};

TEST_P(FarLogits, LogSumExp) {
  const Value x = Logits();
  const Tensor result = MustRead(LogSumExp(x));
  for (int row = 0; row < 3; ++row) {
    // Beside a very negative element, 0 and 1 count both.
    const double expected = row == 0 && GetParam() < 0 ? std::log(1 + std::exp(1))
                                                       : Largest(row) + std::log(Sharing(row));
    EXPECT_NEAR(result.At(row), expected, 2e-3 + 1e-7 * std::fabs(expected)) << row;
  }
  ExpectFinite(Gradients(LogSumExp(x), {x})[0]);
  ExpectFinite(Gradients(Square(Gradients(LogSumExp(x), {x})[0]), {x})[0]);
}

TEST_P(FarLogits, Softmax) {
  const Value x = Logits();
  const Tensor result = MustRead(Softmax(x));
  for (int row = 0; row < 3; ++row) {
    double sum = 0;
    for (int i = 0; i < 3; ++i) sum += result.At(3 * row + i);
    EXPECT_NEAR(sum, 1, 1e-6);
  }
  EXPECT_NEAR(result.At(3), 1. / 3, 1e-7);
  EXPECT_EQ(result.At(8), GetParam() > 0 ? 0 : 1);
  ExpectFinite(Gradients(Softmax(x) * Softmax(x), {x})[0]);
}

TEST_P(FarLogits, LogSoftmax) {
  const Value x = Logits();
  const Tensor result = MustRead(LogSoftmax(x));
  EXPECT_NEAR(result.At(3), -std::log(3), 2e-3);
  EXPECT_NEAR(result.At(8), GetParam() > 0 ? -1e4 - std::log(2) : 0, 2e-3);
  EXPECT_NEAR(result.At(6), GetParam() > 0 ? -std::log(2) : -1e4, 2e-3);
  ExpectFinite(Gradients(Square(LogSoftmax(x)), {x})[0]);
}

TEST_P(FarLogits, CrossEntropy) {
  const Value x = Logits();
  for (const int32_t id : {0, 1, 2}) {
    const Value ids = tape_.Feed(Ids({3}, {id, id, id}));
    const Tensor each = MustRead(CrossEntropyEach(x, ids));
    const Tensor reference = MustRead(LogSoftmax(x));
    for (int row = 0; row < 3; ++row) {
      EXPECT_NEAR(each.At(row), -reference.At(3 * row + id), 2e-3);
      EXPECT_GE(each.At(row), 0);
    }
    ExpectFinite(Gradients(CrossEntropy(x, ids), {x})[0]);
  }
}

TEST_P(FarLogits, BinaryCrossEntropy) {
  const Value x = tape_.Constant(GetParam(), DType::kF32, {2});
  const Value targets = tape_.Feed(Tensor(Shape{2}, std::vector<float>{0, 1}));
  const Tensor result = MustRead(BinaryCrossEntropy(x, targets));
  EXPECT_EQ(result.At(0), GetParam() > 0 ? 1e4 : 0);
  EXPECT_EQ(result.At(1), GetParam() > 0 ? 0 : 1e4);
  const Tensor gradient = MustRead(Gradients(BinaryCrossEntropy(x, targets), {x})[0]);
  EXPECT_EQ(gradient.At(0), GetParam() > 0 ? 1 : 0);
  EXPECT_EQ(gradient.At(1), GetParam() > 0 ? 0 : -1);
}

INSTANTIATE_TEST_SUITE_P(Both, FarLogits, ::testing::Values(1e4, -1e4),
                         [](const ::testing::TestParamInfo<double>& test) {
                           return test.param > 0 ? "Positive" : "Negative";
                         });

// ---- Dropout ----

Tensor Dropped(int32_t step, RandomKey key, double rate, int64_t count = 20000) {
  Tape tape;
  const Value x = tape.Constant(2, DType::kF32, {count});
  return MustRead(Dropout(x, rate, tape.Feed(Tensor::Scalar(step)), key));
}

TEST(Dropout, KeepsTheMean) {
  for (const double rate : {0.1, 0.5, 0.9}) {
    const Tensor result = Dropped(1, 5, rate);
    double sum = 0;
    double zeros = 0;
    for (int64_t i = 0; i < result.elements(); ++i) {
      sum += result.At(i);
      if (result.At(i) == 0) {
        ++zeros;
      } else {
        EXPECT_NEAR(result.At(i), 2 / (1 - rate), 2e-5);
      }
    }
    const double count = static_cast<double>(result.elements());
    // Five standard deviations of a mean of independent draws.
    const double deviation = std::sqrt(rate * (1 - rate) / count);
    EXPECT_NEAR(zeros / count, rate, 5 * deviation);
    EXPECT_NEAR(sum / count, 2, 5 * deviation * 2 / (1 - rate));
  }
}

TEST(Dropout, MaskIsAFunctionOfKeyAndStep) {
  const Tensor mask = Dropped(3, 5, 0.5);
  EXPECT_TRUE(SameBits(mask, Dropped(3, 5, 0.5)));
  EXPECT_FALSE(SameBits(mask, Dropped(4, 5, 0.5)));
  EXPECT_FALSE(SameBits(mask, Dropped(3, 6, 0.5)));
  // An element's draw does not depend on how many there are.
  const Tensor part = Dropped(3, 5, 0.5, 100);
  for (int64_t i = 0; i < 100; ++i) EXPECT_EQ(part.At(i), mask.At(i));
}

TEST(Dropout, OfRateZeroIsTheValueItself) {
  Tape tape;
  const Value x = tape.Feed(Random({4}, 10));
  EXPECT_EQ(Dropout(x, 0, tape.Feed(Tensor::Scalar<int32_t>(0)), 1), x);
}

TEST(Dropout, GradientGoesWhereTheValueWent) {
  ExpectExactGradients(
      [](absl::Span<const Value> inputs) { return Square(Dropout(inputs[0], 0.4, inputs[1], 11)); },
      {Random({20}, 12), Tensor::Scalar<int32_t>(2)});
}

TEST(Normal, HasMeanZeroAndVarianceOne) {
  for (const DType dtype : {DType::kF32, DType::kF64}) {
    Tape tape;
    const Value step = tape.Feed(Tensor::Scalar<int32_t>(0));
    const Value x = Normal(step, 13, dtype, {40000});
    EXPECT_NEAR(*tape.Read(Mean(x)), 0, 5 / std::sqrt(40000));
    EXPECT_NEAR(*tape.Read(Variance(x)), 1, 5 * std::sqrt(2. / 40000));
    const Value u = Uniform(step, 14, dtype, {40000});
    EXPECT_NEAR(*tape.Read(Mean(u)), 0.5, 5 / std::sqrt(12 * 40000));
    EXPECT_LT(*tape.Read(Max(u)), 1);
    EXPECT_GE(-*tape.Read(Max(-u)), 0);
  }
}

}  // namespace
}  // namespace sluice::testing
