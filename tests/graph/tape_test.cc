#include <type_traits>

#include <gtest/gtest.h>

#include <sluice/ops/composed.h>

#include "graph/tapes.h"

namespace sluice {
namespace {

static_assert(std::is_trivially_copyable_v<Value>);
static_assert(!std::is_copy_constructible_v<Tape>);

TEST(Tape, ComputesNothingButTypesWhileRecording) {
  Tape tape;
  const Value a = tape.Feed({DType::kF32, {5, 4, 3}}, "a");
  const Value b = tape.Feed({DType::kF32, {4, 1}}, "b");
  EXPECT_EQ((a + b).type(), (TensorType{DType::kF32, {5, 4, 3}}));
  EXPECT_EQ(tape.size(), 3);
}

TEST(Tape, KeepsTheFirstErrorWithItsScope) {
  Tape tape;
  const Value x = tape.Feed({DType::kF32, {32, 128}}, "x");
  const Value weights = tape.Feed({DType::kF32, {64, 256}}, "weights");
  Value product;
  {
    const Tape::ScopeMark outer(tape, "rnn");
    const Tape::ScopeMark mark(tape, "rnn/0/update");
    product = MatMul(x, weights);
  }
  EXPECT_FALSE(product.valid());
  EXPECT_TRUE(static_cast<bool>(product));
  const std::string first =
      "matmul: inner sizes differ: left is (32, 128), right is (64, 256); in rnn/0/update";
  EXPECT_EQ(tape.status().message(), first);
  x + weights;
  EXPECT_EQ(tape.status().message(), first);
}

TEST(Tape, RecordsNothingAfterAnError) {
  Tape tape;
  VariableStore store;
  Variable& variable = store.root().Fixed("a", {2});
  const Value x = tape.Feed(Floats({2}, {1, 2}));
  tape.Fail("something is wrong");
  const NodeId size = tape.size();
  EXPECT_FALSE((x + x).valid());
  EXPECT_FALSE(tape.Constant(1, DType::kF32).valid());
  EXPECT_FALSE(tape.Feed(Floats({1}, {1})).valid());
  EXPECT_FALSE(tape.Use(variable).valid());
  tape.Write(variable, x);
  EXPECT_EQ(Gradients(x, absl::MakeConstSpan(&x, 1)).size(), 1);
  EXPECT_EQ(tape.size(), size);
  EXPECT_EQ(tape.Read(x).status().message(), "something is wrong");
  EXPECT_EQ(Plan(tape, {x}).status().message(), "something is wrong");
}

TEST(Tape, RejectsValuesOfAnotherTape) {
  Tape tape;
  Tape other;
  const Value x = tape.Feed(Floats({}, {1}));
  const Value y = other.Feed(Floats({}, {1}));
  EXPECT_FALSE((x + y).valid());
  EXPECT_EQ(tape.status().message(), "add: input 1 belongs to another tape");
  EXPECT_TRUE(other.status().ok());
  EXPECT_EQ(other.Read({x}).status().message(), "plan: fetch 0 is not on this tape");
}

TEST(Tape, RejectsADefaultValue) {
  Tape tape;
  const Value x = tape.Feed(Floats({}, {1}));
  EXPECT_FALSE((x + Value()).valid());
  EXPECT_EQ(tape.status().message(), "add: input 1 is not a recorded value");
  EXPECT_FALSE(static_cast<bool>(Value() + Value()));
}

TEST(Tape, RejectsAWrongNumberOfInputs) {
  Tape tape;
  const Value x = tape.Feed(Floats({}, {1}));
  tape.Record(*OpRegistry::Global().Find("add"), {x});
  EXPECT_EQ(tape.status().message(), "add: takes 2 inputs, got 1");
  Tape any;
  any.Record(*OpRegistry::Global().Find("concat"), {}, {.integers = {0}});
  EXPECT_EQ(any.status().message(), "concat: takes 1 or more inputs, got 0");
}

TEST(Tape, RecordsAScalarConstantOnce) {
  Tape tape;
  EXPECT_EQ(tape.Constant(1, DType::kF32), tape.Constant(1, DType::kF32));
  EXPECT_NE(tape.Constant(1, DType::kF32), tape.Constant(1, DType::kF64));
  EXPECT_NE(tape.Constant(0.0, DType::kF32), tape.Constant(-0.0, DType::kF32));
}

// Equations say Reshape(f(x), x.shape()): the shape must outlive what f records.
TEST(Tape, KeepsTypesInPlaceWhileItGrows) {
  Tape tape;
  const Value x = tape.Feed(Floats({2, 3}, {1, 2, 3, 4, 5, 6}));
  const Shape& shape = x.shape();
  Value y = x;
  for (int i = 0; i < 10'000; ++i) y = Negate(y);
  EXPECT_EQ(&shape, &x.shape());
  EXPECT_EQ(shape, (Shape{2, 3}));
}

TEST(Tape, MarksNest) {
  Tape tape;
  const Value x = tape.Feed(Floats({}, {1}));
  {
    const Tape::ScopeMark outer(tape, "a");
    const Tape::StepMark step(tape, 3);
    {
      const Tape::ScopeMark inner(tape, "a/b");
      const Tape::StepMark inner_step(tape, 4);
      Negate(x);
    }
    Negate(x);
  }
  Negate(x);
  const NodeList& nodes = tape.nodes();
  EXPECT_EQ(nodes.scope(1), "a/b");
  EXPECT_EQ(nodes[1].step, 4);
  EXPECT_EQ(nodes.scope(2), "a");
  EXPECT_EQ(nodes[2].step, 3);
  EXPECT_EQ(nodes.scope(3), "");
  EXPECT_EQ(nodes[3].step, -1);
  EXPECT_EQ(nodes.Describe(1), "negate: () in a/b");
}

TEST(Tape, RecordsWhatAllStepsShareWithoutStep) {
  VariableStore store;
  Tape tape;
  const Tape::StepMark step(tape, 3);
  EXPECT_EQ(tape.nodes()[tape.Use(store.root().Fixed("a", {2})).node()].step, -1);
  EXPECT_EQ(tape.nodes()[tape.Constant(1, DType::kF32).node()].step, -1);
  EXPECT_EQ(tape.nodes()[tape.Constant(1, DType::kF32, {2}).node()].step, 3);
}

TEST(Tape, ReadsManyValuesAtOnce) {
  Tape tape;
  const Value x = tape.Feed(Floats({2}, {1, 2}));
  const absl::StatusOr<std::vector<Tensor>> read = tape.Read({x, x + x, x});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ((*read)[0].values<float>(), (std::vector<float>{1, 2}));
  EXPECT_EQ((*read)[1].values<float>(), (std::vector<float>{2, 4}));
  EXPECT_EQ((*read)[2].values<float>(), (std::vector<float>{1, 2}));
}

TEST(Tape, ReadsAgainWhatItHasGrownTo) {
  Tape tape;
  const Value x = tape.Feed(Floats({}, {3}));
  const Value y = x * x;
  EXPECT_EQ(*tape.Read(y), 9);
  EXPECT_EQ(*tape.Read(y + 1), 10);
  EXPECT_EQ(*tape.Read(y), 9);
}

TEST(Tape, ReadsASingleNumberOnlyOfOneElement) {
  Tape tape;
  const Value x = tape.Feed(Floats({2}, {1, 2}));
  EXPECT_EQ(tape.Read(x).status().message(),
            "read: a single number was asked for, the value is (2)");
  EXPECT_TRUE(tape.status().ok());
}

TEST(Tape, NeedsATensorForEachFeedToRead) {
  Tape tape;
  const Value x = tape.Feed({DType::kF32, {}}, "x");
  EXPECT_EQ(tape.Read(x).status().message(),
            "feed \"x\" has no tensor; use Plan and Program::Run to give it one");
}

class WrittenVariable : public ::testing::Test {
 protected:
  VariableStore store_;
  Variable& variable_ = store_.Create(
      "a", {DType::kF32, {}}, [](const TensorType&, RandomKey) { return Tensor::Scalar(5.0F); });
  Tape tape_;
};

TEST_F(WrittenVariable, IsUsedWithItsNewValue) {
  const Value old = tape_.Use(variable_);
  tape_.Write(variable_, old + 1);
  const Value now = tape_.Use(variable_);
  EXPECT_NE(old, now);
  const absl::StatusOr<std::vector<Tensor>> read = tape_.Read({old, now, old * 10, now * 10});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ((*read)[0].At(0), 5);
  EXPECT_EQ((*read)[1].At(0), 6);
  EXPECT_EQ((*read)[2].At(0), 50);
  EXPECT_EQ((*read)[3].At(0), 60);
  EXPECT_EQ(variable_.value().At(0), 6);
}

TEST_F(WrittenVariable, IsWrittenWhateverIsRead) {
  tape_.Write(variable_, tape_.Use(variable_) * 2);
  const Value other = tape_.Feed(Floats({}, {1}));
  EXPECT_EQ(*tape_.Read(other), 1);
  EXPECT_EQ(variable_.value().At(0), 10);
}

TEST_F(WrittenVariable, EndsTheTape) {
  const Value old = tape_.Use(variable_);
  tape_.Write(variable_, old + 1);
  ASSERT_TRUE(tape_.Read(old).ok());
  const absl::Status again = tape_.Read(old).status();
  EXPECT_EQ(again.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(again.message(),
            "this tape has run and its variables are updated; read all values in one call, or "
            "record a new tape");
  EXPECT_EQ(variable_.value().At(0), 6);
}

TEST_F(WrittenVariable, IsWrittenOnce) {
  const Value old = tape_.Use(variable_);
  tape_.Write(variable_, old + 1);
  tape_.Write(variable_, old + 2);
  EXPECT_EQ(tape_.status().message(), "write: variable a is written twice on one tape");
}

TEST_F(WrittenVariable, TakesItsTypeOnly) {
  tape_.Write(variable_, tape_.Feed(Floats({2}, {1, 2})));
  EXPECT_EQ(tape_.status().message(), "write: variable a is f32 (), the value is f32 (2)");
}

TEST_F(WrittenVariable, NeedsNoRead) {
  tape_.Write(variable_, tape_.Feed(Floats({}, {8})));
  ASSERT_TRUE(tape_.Read(absl::Span<const Value>()).ok());
  EXPECT_EQ(variable_.value().At(0), 8);
}

TEST(Tape, KeepsTagsInOrder) {
  Tape tape;
  const Value x = tape.Feed(Floats({}, {1}));
  tape.Name("gate", x);
  tape.Name("nothing", Value());
  ASSERT_EQ(tape.tags().size(), 1);
  EXPECT_EQ(tape.tags()[0].name, "gate");
  EXPECT_EQ(tape.tags()[0].node, x.node());
}

}  // namespace
}  // namespace sluice
