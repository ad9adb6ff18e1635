// Empty sizes, ties, NaN, signed zeros, casts: where an op's formula alone does not say what
// happens.

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/graph/gradients.h>
#include <sluice/graph/random.h>
#include <sluice/ops/composed.h>
#include <sluice/ops/random.h>

#include "support/gradient_check.h"
#include "support/read.h"

namespace sluice::testing {
namespace {

using ::testing::ElementsAre;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

Tensor F64(const Shape& shape, const std::vector<double>& numbers) {
  return Tensor(shape, numbers);
}

std::vector<double> Numbers(Value value) {
  const Tensor tensor = MustRead(value);
  std::vector<double> numbers;
  for (int64_t i = 0; i < tensor.elements(); ++i) numbers.push_back(tensor.At(i));
  return numbers;
}

TEST(MatMul, OverNoElementsIsZero) {
  for (const bool left : {false, true}) {
    Tape tape;
    const Value x = tape.Feed(Tensor(DType::kF64, left ? Shape{0, 2} : Shape{2, 0}));
    const Value w = tape.Feed(Tensor(DType::kF64, {0, 3}));
    // Sevens in the memory that the product then gets.
    const Value sevens = tape.Feed(F64({2, 3}, std::vector<double>(6, 7)));
    const Value used = Sum(Square(sevens));
    const Value product = MatMul(x, w, {.transpose_left = left});
    const absl::StatusOr<std::vector<Tensor>> read = tape.Read({used, product});
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_TRUE(SameBits((*read)[1], Tensor(DType::kF64, {2, 3})));
    const std::vector<Value> gradients = Gradients(product, {x, w});
    ASSERT_TRUE(tape.status().ok()) << tape.status();
    EXPECT_EQ(gradients[0].shape(), x.shape());
    EXPECT_EQ(gradients[1].shape(), w.shape());
  }
}

TEST(EmptyTensors, GoThroughEveryKindOfOp) {
  Tape tape;
  const Value x = tape.Feed(Tensor(DType::kF64, {0, 3}));
  EXPECT_EQ(MustRead(Tanh(x) + 1).shape(), (Shape{0, 3}));
  EXPECT_THAT(Numbers(Sum(x, {0})), ElementsAre(0, 0, 0));
  EXPECT_THAT(Numbers(Sum(x)), ElementsAre(0));
  EXPECT_EQ(MustRead(Sum(x, {1})).shape(), Shape{0});
  EXPECT_EQ(MustRead(Transpose(x, {1, 0})).shape(), (Shape{3, 0}));
  EXPECT_EQ(MustRead(Slice(x, 1, 1, 1)).shape(), (Shape{0, 0}));
  EXPECT_EQ(MustRead(Concat({x, tape.Feed(F64({1, 3}, {1, 2, 3}))}, 0)).shape(), (Shape{1, 3}));
  EXPECT_EQ(MustRead(BroadcastTo(x, {2, 0, 3})).shape(), (Shape{2, 0, 3}));
  const Value no_ids = tape.Feed(Tensor(DType::kI32, {0}));
  EXPECT_EQ(MustRead(Gather(tape.Feed(F64({1, 3}, {1, 2, 3})), no_ids)).shape(), (Shape{0, 3}));
  EXPECT_THAT(Numbers(ScatterAdd(no_ids, x, 1)), ElementsAre(0, 0, 0));
  EXPECT_EQ(MustRead(MatMul(x, tape.Feed(Tensor(DType::kF64, {3, 2})))).shape(), (Shape{0, 2}));
  EXPECT_EQ(MustRead(Gradients(Sum(Square(x)), {x})[0]).shape(), (Shape{0, 3}));
}

TEST(Ties, ShareTheGradient) {
  Tape tape;
  const Value a = tape.Feed(F64({3}, {1, 2, 3}));
  const Value b = tape.Feed(F64({3}, {1, 3, 2}));
  EXPECT_THAT(Numbers(Gradients(Maximum(a, b), {a})[0]), ElementsAre(0.5, 0, 1));
  EXPECT_THAT(Numbers(Gradients(Maximum(a, b), {b})[0]), ElementsAre(0.5, 1, 0));
  EXPECT_THAT(Numbers(Gradients(Minimum(a, b), {a})[0]), ElementsAre(0.5, 1, 0));
  const Value x = tape.Feed(F64({2, 4}, {5, 1, 5, 2, 3, 3, 3, 0}));
  EXPECT_THAT(Numbers(Gradients(Max(x, {1}), {x})[0]),
              ElementsAre(0.5, 0, 0.5, 0, 1. / 3, 1. / 3, 1. / 3, 0));
  EXPECT_THAT(Numbers(Gradients(Max(x), {x})[0]), ElementsAre(0.5, 0, 0.5, 0, 0, 0, 0, 0));
}

TEST(Kinks, HaveGradientZero) {
  Tape tape;
  const Value x = tape.Feed(F64({3}, {-1, 0, 2}));
  EXPECT_THAT(Numbers(Gradients(Abs(x), {x})[0]), ElementsAre(-1, 0, 1));
  EXPECT_THAT(Numbers(Gradients(Relu(x), {x})[0]), ElementsAre(0, 0, 1));
}

TEST(NotANumber, WinsInEveryMaximum) {
  for (const DType dtype : {DType::kF32, DType::kF64}) {
    Tape tape;
    const Value nan = tape.Feed(F64({1}, {kNan}).Cast(dtype));
    const Value one = tape.Feed(F64({1}, {1}).Cast(dtype));
    for (const Value result : {Maximum(nan, one), Maximum(one, nan), Minimum(nan, one),
                               Minimum(one, nan), Relu(nan), Max(nan)}) {
      EXPECT_TRUE(std::isnan(Numbers(result)[0]));
    }
    // Reduced along either axis, at every place.
    for (int64_t place = 0; place < 5; ++place) {
      Tensor column(DType::kF64, {5, 2});
      column.data<double>()[2 * place] = kNan;
      const Value x = tape.Feed(column.Cast(dtype));
      EXPECT_TRUE(std::isnan(Numbers(Max(x, {0}))[0])) << place;
      EXPECT_EQ(Numbers(Max(x, {0}))[1], 0) << place;
      EXPECT_TRUE(std::isnan(Numbers(Max(Transpose(x, {1, 0}), {1}))[0])) << place;
      EXPECT_TRUE(std::isnan(Numbers(Max(x))[0])) << place;
    }
  }
}

// The way to keep a function away from where it has no gradient.
TEST(Select, StopsInfiniteGradientsOfTheBranchNotTaken) {
  Tape tape;
  const Value x = tape.Feed(F64({2}, {0, 4}));
  const Value is_zero = Equal(x, NumberLike(0, x));
  const Value safe = Select(is_zero, NumberLike(1, x), x);
  EXPECT_THAT(Numbers(Gradients(Select(is_zero, NumberLike(0, x), Sqrt(safe)), {x})[0]),
              ElementsAre(0, 0.25));
  // An infinite gradient arrives in the branch that was taken only.
  const Value a = tape.Feed(F64({2}, {1, 1}));
  const Value chosen = Select(is_zero, x, a);
  EXPECT_THAT(Numbers(Gradients(Sqrt(chosen), {a})[0]), ElementsAre(0, 0.5));
  EXPECT_THAT(Numbers(Gradients(Sqrt(chosen), {x})[0]), ElementsAre(kInfinity, 0));
}

TEST(SignedZero, IsAConstantOfItsOwn) {
  Tape tape;
  const Value zero = tape.Constant(0.0, DType::kF64, {1});
  const Value minus_zero = tape.Constant(-0.0, DType::kF64, {1});
  EXPECT_THAT(Numbers(Concat({Reciprocal(zero), Reciprocal(minus_zero)}, 0)),
              ElementsAre(kInfinity, -kInfinity));
}

TEST(SignedZero, HasMagnitudeZero) {
  for (const DType dtype : {DType::kF32, DType::kF64}) {
    Tape tape;
    const Value x = tape.Feed(F64({20}, std::vector<double>(20, -0.0)).Cast(dtype));
    for (const double number : Numbers(Abs(x))) EXPECT_FALSE(std::signbit(number));
    for (const double number : Numbers(Relu(x))) EXPECT_TRUE(std::signbit(number));
  }
}

TEST(Cast, ConvertsEveryPairOfDTypes) {
  const Tensor numbers = F64({5}, {-2.75, -1, 0, 1.5, 7});
  for (const DType from : {DType::kF32, DType::kF64, DType::kI32}) {
    for (const DType to : {DType::kF32, DType::kF64, DType::kI32}) {
      Tape tape;
      const Tensor given = numbers.Cast(from);
      const Tensor got = MustRead(Cast(tape.Feed(given), to));
      ASSERT_EQ(got.dtype(), to);
      for (int64_t i = 0; i < 5; ++i) {
        EXPECT_EQ(got.At(i), to == DType::kI32 ? std::trunc(given.At(i)) : given.At(i));
      }
    }
  }
}

TEST(Cast, PassesGradientsBetweenFloats) {
  Tape tape;
  const Value x = tape.Feed(F64({2}, {1.5, -2}));
  const Value gradient = Gradients(Square(Cast(x, DType::kF32)), {x})[0];
  EXPECT_EQ(gradient.dtype(), DType::kF64);
  EXPECT_THAT(Numbers(gradient), ElementsAre(3, -4));
  EXPECT_THAT(Numbers(Gradients(Cast(Cast(x, DType::kI32), DType::kF64), {x})[0]),
              ElementsAre(0, 0));
}

TEST(Slice, OverlappingRangesAddTheirGradients) {
  const Function function = [](absl::Span<const Value> inputs) {
    const Value x = inputs[0];
    return Concat({Square(Slice(x, 0, 0, 3)), Exp(Slice(x, 0, 1, 4)), Tanh(Slice(x, 0, 1, 4)),
                   Reshape(Sin(Slice(x, 1, 0, 1)), {2, 2}), Slice(x, 0, 4, 4)},
                  0);
  };
  const Tensor x = F64({4, 2}, {0.1, -0.4, 0.7, 1.1, -0.9, 0.3, 0.5, -1.3});
  const GradientCheck first = CheckGradient(function, {x});
  EXPECT_TRUE(first.ok) << first.report;
  const GradientCheck second = CheckSecondGradient(function, {x});
  EXPECT_TRUE(second.ok) << second.report;
}

TEST(Gather, RowsReadManyTimesAddTheirGradients) {
  const Function function = [](absl::Span<const Value> inputs) {
    return Exp(Gather(inputs[0], inputs[1])) * Square(Gather(inputs[0], inputs[2]));
  };
  const std::vector<Tensor> inputs = {F64({3, 2}, {0.1, -0.4, 0.7, 1.1, -0.9, 0.3}),
                                      Tensor(Shape{4}, std::vector<int32_t>{1, 1, 0, 1}),
                                      Tensor(Shape{4}, std::vector<int32_t>{2, 1, 1, 2})};
  const GradientCheck first = CheckGradient(function, inputs);
  EXPECT_TRUE(first.ok) << first.report;
  const GradientCheck second = CheckSecondGradient(function, inputs);
  EXPECT_TRUE(second.ok) << second.report;
}

TEST(ScatterAdd, GivesBackWhatGatherTook) {
  Tape tape;
  const Value ids = tape.Feed(Tensor(Shape{4}, std::vector<int32_t>{2, 0, 2, 2}));
  const Value values = tape.Feed(F64({4, 2}, {1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_THAT(Numbers(ScatterAdd(ids, values, 4)), ElementsAre(3, 4, 0, 0, 13, 16, 0, 0));
}

TEST(MatMul, TakesLeadingAxesAsRows) {
  Tape tape;
  const Value x = tape.Feed(F64({2, 1, 2}, {1, 2, 3, 4}));
  const Value w = tape.Feed(F64({2, 3}, {1, 0, 1, 0, 1, 1}));
  const Value product = MatMul(x, w);
  EXPECT_EQ(product.shape(), (Shape{2, 1, 3}));
  EXPECT_THAT(Numbers(product), ElementsAre(1, 2, 3, 3, 4, 7));
}

// Wherever it stands: kernels look for it apart from the largest number.
// A row that NaN is looked for in, though there is none.
TEST(Max, OfInfinitiesOfBothSignsIsInfinity) {
  for (const DType dtype : {DType::kF32, DType::kF64}) {
    for (const int64_t columns : {5, 100, 300, 1024, 5000}) {
      Tensor rows(DType::kF64, {3, columns});
      for (int64_t i = 0; i < 3 * columns; ++i) rows.data<double>()[i] = -1.0 - i % 7;
      double* middle = rows.data<double>() + columns;
      middle[0] = kInfinity;
      middle[columns > 64 ? 64 : 1] = -kInfinity;  // in the same lane
      Tape tape;
      EXPECT_THAT(Numbers(Max(tape.Feed(rows.Cast(dtype)), {1})), ElementsAre(-1, kInfinity, -1))
          << columns;
    }
  }
}

TEST(Max, IsNanWhereOneElementIs) {
  for (const DType dtype : {DType::kF32, DType::kF64}) {
    for (const int64_t columns : {1, 3, 16, 17, 255, 256, 300, 2049, 5000}) {
      for (int64_t at = 0; at < columns; at += std::max<int64_t>(1, columns / 37)) {
        for (const double nan : {std::nan(""), -std::nan("")}) {
          std::vector<double> numbers(2 * columns, -1);
          numbers[at] = nan;
          numbers[2 * columns - 1] = kInfinity;
          Tape tape;
          const Value x = tape.Feed(Tensor(Shape{2, columns}, numbers).Cast(dtype));
          const std::vector<double> of_rows = Numbers(Max(x, {1}));
          EXPECT_TRUE(std::isnan(of_rows[0])) << at << " of " << columns;
          EXPECT_EQ(of_rows[1], kInfinity);
          EXPECT_TRUE(std::isnan(Numbers(Max(x, {0}))[at])) << at << " of " << columns;
        }
      }
    }
  }
}

TEST(Transpose, MovesBlocksAndWhatIsLeftOfThem) {
  for (const int64_t rows : {1, 3, 4, 15, 16, 21, 50}) {
    for (const int64_t columns : {1, 4, 7, 16, 35}) {
      std::vector<double> numbers(2 * rows * columns);
      std::iota(numbers.begin(), numbers.end(), 0);
      Tape tape;
      const Value x = tape.Feed(F64({2, rows, columns}, numbers));
      for (const DType dtype : {DType::kF32, DType::kF64}) {
        const Tensor inner = MustRead(Transpose(Cast(x, dtype), {0, 2, 1}));
        const Tensor outer = MustRead(Transpose(Cast(x, dtype), {2, 1, 0}));
        for (int64_t k = 0; k < 2 * rows * columns; ++k) {
          const int64_t matrix = k / (rows * columns);
          const int64_t i = k / columns % rows;
          const int64_t j = k % columns;
          ASSERT_EQ(inner.At((matrix * columns + j) * rows + i), k);
          ASSERT_EQ(outer.At((j * rows + i) * 2 + matrix), k);
        }
      }
    }
  }
}

// Kernels draw many positions at a time, whatever the piece begins and ends with.
TEST(Uniform, HasTheBitsOfItsPosition) {
  Tape tape;
  const Value step = tape.Feed(Tensor::Scalar<int32_t>(3));
  for (const int64_t count : {1, 15, 511, 513, 2000}) {
    const Tensor drawn = MustRead(Uniform(step, 99, DType::kF32, {count}));
    const Tensor normal = MustRead(Normal(step, 99, DType::kF32, {count}));
    const Tensor more = MustRead(Normal(step, 99, DType::kF32, {100000}));
    for (int64_t i = 0; i < count; ++i) {
      ASSERT_EQ(drawn.At(i), UniformF32(Philox(99, 3, i)[0])) << i;
      ASSERT_EQ(normal.At(i), more.At(i)) << i;
    }
  }
}

TEST(Reductions, CountNegativeAxesFromTheLast) {
  Tape tape;
  const Value x = tape.Feed(F64({2, 3}, {1, 2, 3, 4, 5, 6}));
  EXPECT_THAT(Numbers(Sum(x, {-1})), ElementsAre(6, 15));
  EXPECT_THAT(Numbers(Max(x, {-2})), ElementsAre(4, 5, 6));
  EXPECT_EQ(Sum(x, {-1}, /*keep_axes=*/true).shape(), (Shape{2, 1}));
  EXPECT_THAT(Numbers(SumTo(x, {3})), ElementsAre(5, 7, 9));
  EXPECT_THAT(Numbers(SumTo(x, {2, 1})), ElementsAre(6, 15));
  EXPECT_THAT(Numbers(SumTo(x, {})), ElementsAre(21));
}

}  // namespace
}  // namespace sluice::testing
