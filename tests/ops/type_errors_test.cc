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

// A tape and values on it by their types.
class Values : public Tape {
 public:
  Value F32(const Shape& shape) { return Feed(Tensor(DType::kF32, shape)); }
  Value F64(const Shape& shape) { return Feed(Tensor(DType::kF64, shape)); }
  Value I32(const Shape& shape) { return Feed(Tensor(DType::kI32, shape)); }
};

struct Mistake {
  std::string name;
  Value (*record)(Values& tape);
  std::string text;
};

const Mistake kMistakes[] = {
    // Element-wise.
    {"ElementwiseShapes",
     [](Values& tape) {
       return tape.F32({32, 128}) + tape.F32({32, 64});
     },
     "add: shapes (32, 128) and (32, 64) do not broadcast"},
    {"ElementwiseDTypes", [](Values& tape) { return tape.F32({3}) * tape.F64({3}); },
     "multiply: dtypes differ: f32 (3) and f64 (3)"},
    {"ElementwiseThirdInput",
     [](Values& tape) { return Select(tape.F32({3}), tape.F32({3}), tape.F32({2})); },
     "select: shapes (3) and (2) do not broadcast"},
    {"ElementwiseOfIds", [](Values& tape) { return Tanh(tape.I32({5})); },
     "tanh: takes f32 or f64, got i32 (5)"},
    {"PowerOfIds", [](Values& tape) { return Power(tape.I32({5}), 2); },
     "power: takes f32 or f64, got i32 (5)"},
    {"DivisionOfIds", [](Values& tape) { return tape.I32({5}) / tape.I32({5}); },
     "divide: takes f32 or f64, got i32 (5)"},
    // Reductions.
    {"SumAxis",
     [](Values& tape) {
       return Sum(tape.F32({3, 4}), {2});
     },
     "sum: axis 2 is not an axis of (3, 4)"},
    {"SumNegativeAxis",
     [](Values& tape) {
       return Sum(tape.F32({3, 4}), {-3});
     },
     "sum: axis -3 is not an axis of (3, 4)"},
    {"SumOfIds", [](Values& tape) { return Sum(tape.I32({3})); },
     "sum: takes f32 or f64, got i32 (3)"},
    {"MaxAxis",
     [](Values& tape) {
       return Max(tape.F32({3, 4}), {5});
     },
     "max: axis 5 is not an axis of (3, 4)"},
    {"MaxOfIds", [](Values& tape) { return Max(tape.I32({3})); },
     "max: takes f32 or f64, got i32 (3)"},
    {"MaxOfNothing",
     [](Values& tape) {
       return Max(tape.F32({3, 0}), {1});
     },
     "max: no largest of no elements: (3, 0)"},
    {"LastAxisOfScalar", [](Values& tape) { return LogSumExp(tape.F32({})); },
     "max: axis -1 is not an axis of ()"},
    // Products.
    {"MatMulTransposedSizes",
     [](Values& tape) {
       return MatMul(tape.F32({32, 128}), tape.F32({64, 256}),
                     {.transpose_left = true, .transpose_right = true});
     },
     "matmul: inner sizes differ: left is (32, 128) transposed, right is (64, 256) "
     "transposed"},
    {"MatMulDTypes",
     [](Values& tape) {
       return MatMul(tape.F32({3, 4}), tape.F64({4, 5}));
     },
     "matmul: takes two of f32 or two of f64, got f32 (3, 4) and f64 (4, 5)"},
    {"MatMulOfIds",
     [](Values& tape) {
       return MatMul(tape.I32({3, 4}), tape.I32({4, 5}));
     },
     "matmul: takes two of f32 or two of f64, got i32 (3, 4) and i32 (4, 5)"},
    {"MatMulOfVector",
     [](Values& tape) {
       return MatMul(tape.F32({4}), tape.F32({4, 5}));
     },
     "matmul: needs matrices, got (4) and (4, 5)"},
    {"MatMulRightOfThreeAxes",
     [](Values& tape) {
       return MatMul(tape.F32({3, 4}), tape.F32({2, 4, 5}));
     },
     "matmul: needs matrices, got (3, 4) and (2, 4, 5)"},
    {"MatMulTransposedLeftOfThreeAxes",
     [](Values& tape) {
       return MatMul(tape.F32({2, 3, 4}), tape.F32({3, 5}), {.transpose_left = true});
     },
     "matmul: needs matrices, got (2, 3, 4) and (3, 5)"},
    // Movement.
    {"ReshapeElements",
     [](Values& tape) {
       return Reshape(tape.F32({6, 4}), {5, 5});
     },
     "reshape: (6, 4) has 24 elements, (5, 5) has not"},
    {"ReshapeAxes",
     [](Values& tape) {
       return Reshape(tape.F32({6, 4}), {1, 1, 1, 6, 4});
     },
     "reshape: shape (too many axes) is not valid"},
    {"ReshapeNegative",
     [](Values& tape) {
       return Reshape(tape.F32({6, 4}), {-6, -4});
     },
     "reshape: shape (negative size) is not valid"},
    {"Broadcast",
     [](Values& tape) {
       return BroadcastTo(tape.F32({3, 2}), {3, 4});
     },
     "broadcast: (3, 2) does not broadcast to (3, 4)"},
    {"BroadcastToFewerAxes",
     [](Values& tape) {
       return BroadcastTo(tape.F32({1, 3}), {3});
     },
     "broadcast: (1, 3) does not broadcast to (3)"},
    {"TransposeTwice",
     [](Values& tape) {
       return Transpose(tape.F32({2, 3}), {0, 0});
     },
     "transpose: order (0, 0) does not name each axis of (2, 3) once"},
    {"TransposeMissing",
     [](Values& tape) {
       return Transpose(tape.F32({2, 3, 4}), {1, 0});
     },
     "transpose: order (1, 0) does not name each axis of (2, 3, 4) once"},
    {"SliceAxis",
     [](Values& tape) {
       return Slice(tape.F32({2, 3}), 2, 0, 1);
     },
     "slice: axis 2 is not an axis of (2, 3)"},
    {"SliceNegativeAxis",
     [](Values& tape) {
       return Slice(tape.F32({2, 3}), -1, 0, 1);
     },
     "slice: axis -1 is not an axis of (2, 3)"},
    {"SliceRange",
     [](Values& tape) {
       return Slice(tape.F32({2, 3}), 1, 1, 4);
     },
     "slice: range 1 to 4 is not within axis 1 of (2, 3)"},
    {"SliceBackwards",
     [](Values& tape) {
       return Slice(tape.F32({2, 3}), 1, 2, 1);
     },
     "slice: range 2 to 1 is not within axis 1 of (2, 3)"},
    {"SliceNegative",
     [](Values& tape) {
       return Slice(tape.F32({2, 3}), 0, -1, 1);
     },
     "slice: range -1 to 1 is not within axis 0 of (2, 3)"},
    {"IndexOutside",
     [](Values& tape) {
       return Index(tape.F32({2, 3}), 2);
     },
     "slice: range 2 to 3 is not within axis 0 of (2, 3)"},
    {"ConcatShapes",
     [](Values& tape) {
       return Concat({tape.F32({2, 3}), tape.F32({2, 4})}, 0);
     },
     "concat: input 0 is f32 (2, 3), another is f32 (2, 4); only axis 0 may differ"},
    {"ConcatDTypes",
     [](Values& tape) {
       return Concat({tape.F32({2, 3}), tape.F64({2, 3})}, 1);
     },
     "concat: input 0 is f32 (2, 3), another is f64 (2, 3); only axis 1 may differ"},
    {"ConcatAxes",
     [](Values& tape) {
       return Concat({tape.F32({2, 3}), tape.F32({2})}, 0);
     },
     "concat: input 0 is f32 (2, 3), another is f32 (2); only axis 0 may differ"},
    {"ConcatAxis",
     [](Values& tape) {
       return Concat({tape.F32({2, 3})}, 2);
     },
     "concat: axis 2 is not an axis of (2, 3)"},
    {"StackShapes",
     [](Values& tape) {
       return Stack({tape.F32({3}), tape.F32({4})});
     },
     "concat: input 0 is f32 (1, 3), another is f32 (1, 4); only axis 0 may differ"},
    {"StackTooManyAxes",
     [](Values& tape) {
       return Stack({tape.F32({1, 2, 3, 4})});
     },
     "reshape: shape (too many axes) is not valid"},
    {"GatherIdsDType",
     [](Values& tape) {
       return Gather(tape.F32({7, 5}), tape.F32({3}));
     },
     "gather: ids must be i32, got f32 (3)"},
    {"GatherFromScalar", [](Values& tape) { return Gather(tape.F32({}), tape.I32({3})); },
     "gather: the table is a scalar, which has no rows"},
    {"GatherTooManyAxes",
     [](Values& tape) {
       return Gather(tape.F32({7, 5, 5}), tape.I32({2, 2, 2}));
     },
     "gather: ids (2, 2, 2) of a table (7, 5, 5) would have more than 4 axes"},
    {"ScatterIdsDType",
     [](Values& tape) {
       return ScatterAdd(tape.F32({3}), tape.F32({3, 2}), 5);
     },
     "scatter_add: ids must be i32, got f32 (3)"},
    {"ScatterShapes",
     [](Values& tape) {
       return ScatterAdd(tape.I32({3}), tape.F32({4, 2}), 5);
     },
     "scatter_add: needs ids (N) and float values (N, ...), got i32 (3) and f32 (4, "
     "2)"},
    {"ScatterOfIds",
     [](Values& tape) {
       return ScatterAdd(tape.I32({3}), tape.I32({3, 2}), 5);
     },
     "scatter_add: needs ids (N) and float values (N, ...), got i32 (3) and i32 (3, "
     "2)"},
    {"ScatterRows",
     [](Values& tape) {
       return ScatterAdd(tape.I32({3}), tape.F32({3, 2}), -1);
     },
     "scatter_add: cannot make -1 rows"},
    {"PickShapes",
     [](Values& tape) {
       return Pick(tape.F32({3, 2}), tape.I32({2}));
     },
     "pick: needs a float matrix (N, C) and i32 ids (N), got f32 (3, 2) and i32 (2)"},
    {"PickOfIds",
     [](Values& tape) {
       return Pick(tape.I32({3, 2}), tape.I32({3}));
     },
     "pick: needs a float matrix (N, C) and i32 ids (N), got i32 (3, 2) and i32 (3)"},
    {"PlaceAtShapes",
     [](Values& tape) {
       return PlaceAt(tape.I32({3}), tape.F32({3, 2}), 5);
     },
     "place_at: needs i32 ids (N) and float values (N), got i32 (3) and f32 (3, 2)"},
    {"PlaceAtColumns", [](Values& tape) { return PlaceAt(tape.I32({3}), tape.F32({3}), -1); },
     "place_at: cannot make -1 columns"},
    // Random.
    {"UniformStep", [](Values& tape) { return Uniform(tape.F32({}), 1, DType::kF32, {3}); },
     "uniform: the step must be i32 (), got f32 ()"},
    {"NormalStep", [](Values& tape) { return Normal(tape.I32({2}), 1, DType::kF32, {3}); },
     "normal: the step must be i32 (), got i32 (2)"},
    {"UniformDType", [](Values& tape) { return Uniform(tape.I32({}), 1, DType::kI32, {3}); },
     "uniform: makes f32 or f64, not i32 (3)"},
    {"UniformAxes",
     [](Values& tape) {
       return Uniform(tape.I32({}), 1, DType::kF32, {1, 1, 1, 1, 1});
     },
     "uniform: shape (too many axes) is not valid"},
    {"NormalNegative", [](Values& tape) { return Normal(tape.I32({}), 1, DType::kF32, {-2}); },
     "normal: shape (negative size) is not valid"},
    {"BroadcastAxes",
     [](Values& tape) {
       return BroadcastTo(tape.F32({}), {1, 1, 1, 1, 1});
     },
     "broadcast: shape (too many axes) is not valid"},
    // Composed.
    {"CrossEntropyIds",
     [](Values& tape) {
       return CrossEntropy(tape.F32({4, 10}), tape.I32({3}));
     },
     "cross_entropy: logits are f32 (4, 10), ids are i32 (3); ids must be i32 of "
     "the logits' shape without the last axis"},
    {"CrossEntropyFloatIds",
     [](Values& tape) {
       return CrossEntropy(tape.F32({4, 10}), tape.F32({4}));
     },
     "cross_entropy: logits are f32 (4, 10), ids are f32 (4); ids must be i32 of "
     "the logits' shape without the last axis"},
    {"DropoutRate", [](Values& tape) { return Dropout(tape.F32({4}), 1, tape.I32({}), 1); },
     "dropout: rate 1 is not within 0 and 1"},
    {"OneHotClasses", [](Values& tape) { return OneHot(tape.I32({4}), -1, DType::kF32); },
     "one_hot: cannot have -1 classes"},
    {"OneHotOfFloats", [](Values& tape) { return OneHot(tape.F32({4}), 3, DType::kF32); },
     "equal: dtypes differ: f32 (4, 1) and i32 (3)"},
    {"LayerNormGain",
     [](Values& tape) {
       return LayerNorm(tape.F32({4, 6}), tape.F32({5}), tape.F32({6}));
     },
     "multiply: shapes (4, 6) and (5) do not broadcast"},
};

class TypeRule : public ::testing::TestWithParam<Mistake> {};

TEST_P(TypeRule, ReportsMistake) {
  Values tape;
  EXPECT_FALSE(GetParam().record(tape).valid());
  EXPECT_EQ(tape.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(tape.status().message(), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(Ops, TypeRule, ::testing::ValuesIn(kMistakes),
                         [](const ::testing::TestParamInfo<Mistake>& test) {
                           return test.param.name;
                         });

class TapeErrors : public ::testing::Test {
 protected:
  Value F32(const Shape& shape) { return tape_.F32(shape); }

  // `value` was recorded by the mistake.
  void ExpectError(Value value, absl::string_view text) {
    EXPECT_FALSE(value.valid());
    EXPECT_EQ(tape_.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(tape_.status().message(), text);
  }

  Values tape_;
};

TEST_F(TapeErrors, MatMulInnerSizesWithScope) {
  const Value left = F32({32, 128});
  const Value right = F32({64, 256});
  const Tape::ScopeMark scope(tape_, "rnn/0/update");
  ExpectError(MatMul(left, right),
              "matmul: inner sizes differ: left is (32, 128), right is (64, 256); in rnn/0/update");
}

// ---- Values of another tape, and none at all ----

TEST_F(TapeErrors, ValuesOfTwoTapes) {
  Tape other;
  const Value elsewhere = other.Feed(Tensor(DType::kF32, {3}));
  ExpectError(F32({3}) + elsewhere, "add: input 1 belongs to another tape");
  EXPECT_TRUE(other.status().ok());
}
TEST_F(TapeErrors, DefaultValue) {
  ExpectError(F32({3}) + Value(), "add: input 1 is not a recorded value");
}
TEST_F(TapeErrors, DefaultValueFirst) {
  ExpectError(MatMul(Value(), F32({3, 4})), "matmul: input 0 is not a recorded value");
}
TEST_F(TapeErrors, DefaultValuesOnlyAreNoValue) {
  EXPECT_FALSE(static_cast<bool>(Value() + Value()));
  EXPECT_FALSE(static_cast<bool>(Tanh(Value())));
  EXPECT_FALSE(static_cast<bool>(1 - Value()));
}
TEST_F(TapeErrors, NumberOfInputs) {
  ExpectError(tape_.Record(*OpRegistry::Global().Find("add"), {F32({3})}),
              "add: takes 2 inputs, got 1");
}
TEST_F(TapeErrors, NoInputs) {
  ExpectError(tape_.Record(*OpRegistry::Global().Find("concat"), {}, {.integers = {0}}),
              "concat: takes 1 or more inputs, got 0");
}
TEST_F(TapeErrors, FirstOneStays) {
  const Value wrong = F32({3}) + F32({4});
  const Value after = Tanh(wrong) * 2;
  ExpectError(MatMul(after, F32({5, 5})), "add: shapes (3) and (4) do not broadcast");
  const absl::StatusOr<Tensor> read = ReadTensor(after);
  EXPECT_EQ(read.status().message(), "add: shapes (3) and (4) do not broadcast");
}
TEST_F(TapeErrors, GradientOfIds) {
  const Value x = F32({3});
  Gradients(Cast(x, DType::kI32), {x});
  EXPECT_EQ(tape_.status().message(),
            "gradients: the value is i32 (3); only f32 and f64 have gradients");
}

// ---- Data that no shape tells, at run ----

TEST_F(TapeErrors, GatherIdOutOfRange) {
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
TEST_F(TapeErrors, GatherNegativeId) {
  const Value ids = tape_.Feed(Tensor::Scalar<int32_t>(-1));
  EXPECT_EQ(ReadTensor(Gather(F32({7, 5}), ids)).status().message(),
            "gather: id -1 at position 0 is not within 0 .. 6");
}
TEST_F(TapeErrors, ScatterIdOutOfRange) {
  const Value ids = tape_.Feed(Tensor(Shape{2}, std::vector<int32_t>{0, 4}));
  EXPECT_EQ(ReadTensor(ScatterAdd(ids, F32({2, 3}), 4)).status().message(),
            "scatter_add: id 4 at position 1 is not within 0 .. 3");
}
TEST_F(TapeErrors, PlaceAtIdOutOfRange) {
  const Value ids = tape_.Feed(Tensor(Shape{2}, std::vector<int32_t>{0, 4}));
  EXPECT_EQ(ReadTensor(PlaceAt(ids, F32({2}), 4)).status().message(),
            "place_at: id 4 at position 1 is not within 0 .. 3");
}
TEST_F(TapeErrors, CrossEntropyIdThatIsNoClass) {
  for (const int32_t id : {3, -2}) {
    Tape tape;
    const Value logits = tape.Feed(Tensor(DType::kF32, {4, 3}));
    const Value ids = tape.Feed(Tensor(Shape{4}, std::vector<int32_t>{0, id, -1, 2}));
    EXPECT_EQ(ReadTensor(CrossEntropy(logits, ids)).status().message(),
              absl::StrCat("pick: id ", id, " at position 1 is not within 0 .. 2"));
  }
}

}  // namespace
}  // namespace sluice::testing
