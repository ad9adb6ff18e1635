// What a user reads who got a shape, dtype or axis wrong, word for word.

#include <string>
#include <vector>

#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

#include <sluice/graph/gradients.h>
#include <sluice/ops/composed.h>

#include "support/read.h"

namespace sluice::testing {
namespace {

class TypeErrors : public ::testing::Test {
 protected:
  Value F32(const Shape& shape) { return tape_.Feed(Tensor(DType::kF32, shape)); }
  Value F64(const Shape& shape) { return tape_.Feed(Tensor(DType::kF64, shape)); }
  Value I32(const Shape& shape) { return tape_.Feed(Tensor(DType::kI32, shape)); }

  // `value` was recorded by the mistake.
  void ExpectError(Value value, absl::string_view text) {
    EXPECT_FALSE(value.valid());
    EXPECT_EQ(tape_.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(tape_.status().message(), text);
  }

  Tape tape_;
};

#define SLUICE_EXPECT_ERROR(name, expression, text) \
  TEST_F(TypeErrors, name) { ExpectError(expression, text); }

// ---- Element-wise ----

SLUICE_EXPECT_ERROR(ElementwiseShapes, F32({32, 128}) + F32({32, 64}),
                    "add: shapes (32, 128) and (32, 64) do not broadcast")
SLUICE_EXPECT_ERROR(ElementwiseDTypes, F32({3}) * F64({3}),
                    "multiply: dtypes differ: f32 (3) and f64 (3)")
SLUICE_EXPECT_ERROR(ElementwiseThirdInput, Select(F32({3}), F32({3}), F32({2})),
                    "select: shapes (3) and (2) do not broadcast")
SLUICE_EXPECT_ERROR(ElementwiseOfIds, Tanh(I32({5})), "tanh: takes f32 or f64, got i32 (5)")
SLUICE_EXPECT_ERROR(PowerOfIds, Power(I32({5}), 2), "power: takes f32 or f64, got i32 (5)")
SLUICE_EXPECT_ERROR(DivisionOfIds, I32({5}) / I32({5}), "divide: takes f32 or f64, got i32 (5)")

// ---- Reductions ----

SLUICE_EXPECT_ERROR(SumAxis, Sum(F32({3, 4}), {2}), "sum: axis 2 is not an axis of (3, 4)")
SLUICE_EXPECT_ERROR(SumNegativeAxis, Sum(F32({3, 4}), {-3}),
                    "sum: axis -3 is not an axis of (3, 4)")
SLUICE_EXPECT_ERROR(SumOfIds, Sum(I32({3})), "sum: takes f32 or f64, got i32 (3)")
SLUICE_EXPECT_ERROR(MaxAxis, Max(F32({3, 4}), {5}), "max: axis 5 is not an axis of (3, 4)")
SLUICE_EXPECT_ERROR(MaxOfIds, Max(I32({3})), "max: takes f32 or f64, got i32 (3)")
SLUICE_EXPECT_ERROR(MaxOfNothing, Max(F32({3, 0}), {1}), "max: no largest of no elements: (3, 0)")
SLUICE_EXPECT_ERROR(LastAxisOfScalar, LogSumExp(F32({})), "max: axis -1 is not an axis of ()")

// ---- Products ----

TEST_F(TypeErrors, MatMulInnerSizesWithScope) {
  const Value left = F32({32, 128});
  const Value right = F32({64, 256});
  const Tape::ScopeMark scope(tape_, "rnn/0/update");
  ExpectError(MatMul(left, right),
              "matmul: inner sizes differ: left is (32, 128), right is (64, 256); in rnn/0/update");
}
SLUICE_EXPECT_ERROR(MatMulTransposedSizes,
                    MatMul(F32({32, 128}), F32({64, 256}),
                           {.transpose_left = true, .transpose_right = true}),
                    "matmul: inner sizes differ: left is (32, 128) transposed, right is (64, 256) "
                    "transposed")
SLUICE_EXPECT_ERROR(MatMulDTypes, MatMul(F32({3, 4}), F64({4, 5})),
                    "matmul: takes two of f32 or two of f64, got f32 (3, 4) and f64 (4, 5)")
SLUICE_EXPECT_ERROR(MatMulOfIds, MatMul(I32({3, 4}), I32({4, 5})),
                    "matmul: takes two of f32 or two of f64, got i32 (3, 4) and i32 (4, 5)")
SLUICE_EXPECT_ERROR(MatMulOfVector, MatMul(F32({4}), F32({4, 5})),
                    "matmul: needs matrices, got (4) and (4, 5)")
SLUICE_EXPECT_ERROR(MatMulRightOfThreeAxes, MatMul(F32({3, 4}), F32({2, 4, 5})),
                    "matmul: needs matrices, got (3, 4) and (2, 4, 5)")
SLUICE_EXPECT_ERROR(MatMulTransposedLeftOfThreeAxes,
                    MatMul(F32({2, 3, 4}), F32({3, 5}), {.transpose_left = true}),
                    "matmul: needs matrices, got (2, 3, 4) and (3, 5)")

// ---- Movement ----

SLUICE_EXPECT_ERROR(ReshapeElements, Reshape(F32({6, 4}), {5, 5}),
                    "reshape: (6, 4) has 24 elements, (5, 5) has not")
SLUICE_EXPECT_ERROR(ReshapeAxes, Reshape(F32({6, 4}), {1, 1, 1, 6, 4}),
                    "reshape: shape (too many axes) is not valid")
SLUICE_EXPECT_ERROR(ReshapeNegative, Reshape(F32({6, 4}), {-6, -4}),
                    "reshape: shape (negative size) is not valid")
SLUICE_EXPECT_ERROR(Broadcast, BroadcastTo(F32({3, 2}), {3, 4}),
                    "broadcast: (3, 2) does not broadcast to (3, 4)")
SLUICE_EXPECT_ERROR(BroadcastToFewerAxes, BroadcastTo(F32({1, 3}), {3}),
                    "broadcast: (1, 3) does not broadcast to (3)")
SLUICE_EXPECT_ERROR(TransposeTwice, Transpose(F32({2, 3}), {0, 0}),
                    "transpose: order (0, 0) does not name each axis of (2, 3) once")
SLUICE_EXPECT_ERROR(TransposeMissing, Transpose(F32({2, 3, 4}), {1, 0}),
                    "transpose: order (1, 0) does not name each axis of (2, 3, 4) once")
SLUICE_EXPECT_ERROR(SliceAxis, Slice(F32({2, 3}), 2, 0, 1),
                    "slice: axis 2 is not an axis of (2, 3)")
SLUICE_EXPECT_ERROR(SliceNegativeAxis, Slice(F32({2, 3}), -1, 0, 1),
                    "slice: axis -1 is not an axis of (2, 3)")
SLUICE_EXPECT_ERROR(SliceRange, Slice(F32({2, 3}), 1, 1, 4),
                    "slice: range 1 to 4 is not within axis 1 of (2, 3)")
SLUICE_EXPECT_ERROR(SliceBackwards, Slice(F32({2, 3}), 1, 2, 1),
                    "slice: range 2 to 1 is not within axis 1 of (2, 3)")
SLUICE_EXPECT_ERROR(SliceNegative, Slice(F32({2, 3}), 0, -1, 1),
                    "slice: range -1 to 1 is not within axis 0 of (2, 3)")
SLUICE_EXPECT_ERROR(IndexOutside, Index(F32({2, 3}), 2),
                    "slice: range 2 to 3 is not within axis 0 of (2, 3)")
SLUICE_EXPECT_ERROR(ConcatShapes, Concat({F32({2, 3}), F32({2, 4})}, 0),
                    "concat: input 0 is f32 (2, 3), another is f32 (2, 4); only axis 0 may differ")
SLUICE_EXPECT_ERROR(ConcatDTypes, Concat({F32({2, 3}), F64({2, 3})}, 1),
                    "concat: input 0 is f32 (2, 3), another is f64 (2, 3); only axis 1 may differ")
SLUICE_EXPECT_ERROR(ConcatAxes, Concat({F32({2, 3}), F32({2})}, 0),
                    "concat: input 0 is f32 (2, 3), another is f32 (2); only axis 0 may differ")
SLUICE_EXPECT_ERROR(ConcatAxis, Concat({F32({2, 3})}, 2), "concat: axis 2 is not an axis of (2, 3)")
SLUICE_EXPECT_ERROR(StackShapes, Stack({F32({3}), F32({4})}),
                    "concat: input 0 is f32 (1, 3), another is f32 (1, 4); only axis 0 may differ")
SLUICE_EXPECT_ERROR(StackTooManyAxes, Stack({F32({1, 2, 3, 4})}),
                    "reshape: shape (too many axes) is not valid")
SLUICE_EXPECT_ERROR(GatherIdsDType, Gather(F32({7, 5}), F32({3})),
                    "gather: ids must be i32, got f32 (3)")
SLUICE_EXPECT_ERROR(GatherFromScalar, Gather(F32({}), I32({3})),
                    "gather: the table is a scalar, which has no rows")
SLUICE_EXPECT_ERROR(GatherTooManyAxes, Gather(F32({7, 5, 5}), I32({2, 2, 2})),
                    "gather: ids (2, 2, 2) of a table (7, 5, 5) would have more than 4 axes")
SLUICE_EXPECT_ERROR(ScatterIdsDType, ScatterAdd(F32({3}), F32({3, 2}), 5),
                    "scatter_add: ids must be i32, got f32 (3)")
SLUICE_EXPECT_ERROR(ScatterShapes, ScatterAdd(I32({3}), F32({4, 2}), 5),
                    "scatter_add: needs ids (N) and float values (N, ...), got i32 (3) and f32 (4, "
                    "2)")
SLUICE_EXPECT_ERROR(ScatterOfIds, ScatterAdd(I32({3}), I32({3, 2}), 5),
                    "scatter_add: needs ids (N) and float values (N, ...), got i32 (3) and i32 (3, "
                    "2)")
SLUICE_EXPECT_ERROR(ScatterRows, ScatterAdd(I32({3}), F32({3, 2}), -1),
                    "scatter_add: cannot make -1 rows")

// ---- Random ----

SLUICE_EXPECT_ERROR(UniformStep, Uniform(F32({}), 1, DType::kF32, {3}),
                    "uniform: the step must be i32 (), got f32 ()")
SLUICE_EXPECT_ERROR(NormalStep, Normal(I32({2}), 1, DType::kF32, {3}),
                    "normal: the step must be i32 (), got i32 (2)")
SLUICE_EXPECT_ERROR(UniformDType, Uniform(I32({}), 1, DType::kI32, {3}),
                    "uniform: makes f32 or f64 of up to 4 axes, not i32 (3)")

// ---- Composed ----

SLUICE_EXPECT_ERROR(CrossEntropyIds, CrossEntropy(F32({4, 10}), I32({3})),
                    "cross_entropy: logits are f32 (4, 10), ids are i32 (3); ids must be i32 of "
                    "the logits' shape without the last axis")
SLUICE_EXPECT_ERROR(CrossEntropyFloatIds, CrossEntropy(F32({4, 10}), F32({4})),
                    "cross_entropy: logits are f32 (4, 10), ids are f32 (4); ids must be i32 of "
                    "the logits' shape without the last axis")
SLUICE_EXPECT_ERROR(DropoutRate, Dropout(F32({4}), 1, I32({}), 1),
                    "dropout: rate 1 is not within 0 and 1")
SLUICE_EXPECT_ERROR(OneHotOfFloats, OneHot(F32({4}), 3, DType::kF32),
                    "equal: dtypes differ: f32 (4, 1) and i32 (3)")
SLUICE_EXPECT_ERROR(LayerNormGain, LayerNorm(F32({4, 6}), F32({5}), F32({6})),
                    "multiply: shapes (4, 6) and (5) do not broadcast")

// ---- Values of another tape, and none at all ----

TEST_F(TypeErrors, ValuesOfTwoTapes) {
  Tape other;
  const Value elsewhere = other.Feed(Tensor(DType::kF32, {3}));
  ExpectError(F32({3}) + elsewhere, "add: input 1 belongs to another tape");
  EXPECT_TRUE(other.status().ok());
}
TEST_F(TypeErrors, DefaultValue) {
  ExpectError(F32({3}) + Value(), "add: input 1 is not a recorded value");
}
TEST_F(TypeErrors, DefaultValueFirst) {
  ExpectError(MatMul(Value(), F32({3, 4})), "matmul: input 0 is not a recorded value");
}
TEST_F(TypeErrors, DefaultValuesOnlyAreNoValue) {
  EXPECT_FALSE(static_cast<bool>(Value() + Value()));
  EXPECT_FALSE(static_cast<bool>(Tanh(Value())));
  EXPECT_FALSE(static_cast<bool>(1 - Value()));
}
TEST_F(TypeErrors, NumberOfInputs) {
  ExpectError(tape_.Record(*OpRegistry::Global().Find("add"), {F32({3})}),
              "add: takes 2 inputs, got 1");
}
TEST_F(TypeErrors, NoInputs) {
  ExpectError(tape_.Record(*OpRegistry::Global().Find("concat"), {}, {.integers = {0}}),
              "concat: takes 1 or more inputs, got 0");
}
TEST_F(TypeErrors, FirstOneStays) {
  const Value wrong = F32({3}) + F32({4});
  const Value after = Tanh(wrong) * 2;
  ExpectError(MatMul(after, F32({5, 5})), "add: shapes (3) and (4) do not broadcast");
  const absl::StatusOr<Tensor> read = ReadTensor(after);
  EXPECT_EQ(read.status().message(), "add: shapes (3) and (4) do not broadcast");
}
TEST_F(TypeErrors, GradientOfIds) {
  const Value x = F32({3});
  Gradients(Cast(x, DType::kI32), {x});
  EXPECT_EQ(tape_.status().message(),
            "gradients: the value is i32 (3); only f32 and f64 have gradients");
}

// ---- Data that no shape tells, at run ----

TEST_F(TypeErrors, GatherIdOutOfRange) {
  const Value ids = tape_.Feed(Tensor(Shape{2, 2}, std::vector<int32_t>{0, 6, 7, 1}));
  const Value table = F32({7, 5});
  Value rows;
  {
    const Tape::ScopeMark scope(tape_, "embedding");
    rows = Gather(table, ids);
  }
  const absl::StatusOr<Tensor> read = ReadTensor(rows);
  EXPECT_EQ(read.status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(read.status().message(),
            "gather: id 7 at position 2 is not within 0 .. 6; in embedding");
}
TEST_F(TypeErrors, GatherNegativeId) {
  const Value ids = tape_.Feed(Tensor::Scalar<int32_t>(-1));
  EXPECT_EQ(ReadTensor(Gather(F32({7, 5}), ids)).status().message(),
            "gather: id -1 at position 0 is not within 0 .. 6");
}
TEST_F(TypeErrors, ScatterIdOutOfRange) {
  const Value ids = tape_.Feed(Tensor(Shape{2}, std::vector<int32_t>{0, 4}));
  EXPECT_EQ(ReadTensor(ScatterAdd(ids, F32({2, 3}), 4)).status().message(),
            "scatter_add: id 4 at position 1 is not within 0 .. 3");
}
TEST_F(TypeErrors, CrossEntropyIdThatIsNoClass) {
  for (const int32_t id : {3, -2}) {
    Tape tape;
    const Value logits = tape.Feed(Tensor(DType::kF32, {4, 3}));
    const Value ids = tape.Feed(Tensor(Shape{4}, std::vector<int32_t>{0, id, -1, 2}));
    EXPECT_EQ(ReadTensor(CrossEntropy(logits, ids)).status().message(),
              absl::StrCat("gather: id ", id, " at position 1 is not within 0 .. 2"));
  }
}

}  // namespace
}  // namespace sluice::testing
