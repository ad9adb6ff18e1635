// Planning is linear in the number of nodes: tapes of a hundred thousand nodes of the sorts that
// grow are planned in a moment. A quadratic pass would not end within the time that ctest gives.

#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

#include <sluice/ops/composed.h>

#include "graph/tapes.h"

namespace sluice {
namespace {

constexpr int kMany = 100'000;

// Plans and runs at level full.
std::vector<Tensor> RunFull(Tape& tape, const std::vector<Value>& fetches) {
  EXPECT_GE(tape.size(), kMany);
  absl::StatusOr<std::vector<Tensor>> read = tape.Read(fetches);
  EXPECT_TRUE(read.ok()) << read.status();
  return read.ok() ? *std::move(read) : std::vector<Tensor>();
}

TEST(LargeTapes, OfElementwiseOps) {
  for (const Shape& shape : {Shape{}, Shape{3}, Shape{2, 3}, Shape{1, 3}}) {
    Tape tape;
    const Value x = tape.Feed(Tensor(DType::kF32, shape));
    Value y = x;
    for (int i = 0; i < kMany; ++i) y = i % 2 == 0 ? y + 1.0 : Negate(y);
    EXPECT_EQ(RunFull(tape, {y})[0].At(0), 0);
  }
}

TEST(LargeTapes, OfATimeLoopWithGradients) {
  constexpr int kSteps = 10'000;
  Tape tape;
  VariableStore store;
  RecordTrainingStep(tape, store, {.steps = kSteps, .batch = 2, .inputs = 2, .hidden = 2});
  const std::vector<Tensor> none = RunFull(tape, {});
  EXPECT_TRUE(none.empty());
}

TEST(LargeTapes, OfASumOfManyAddends) {
  for (const bool from_left : {true, false}) {
    Tape tape;
    const Value x = tape.Feed(Floats({2}, {1, 2}));
    std::vector<Value> addends;
    for (int i = 0; i < kMany / 2; ++i) addends.push_back(x * static_cast<double>(i % 7));
    Value sum = addends[0];
    for (size_t i = 1; i < addends.size(); ++i) {
      sum = from_left ? sum + addends[i] : addends[i] + sum;
    }
    const std::vector<Tensor> results = RunFull(tape, {sum, Gradients(Sum(sum), {x})[0]});
    EXPECT_EQ(results[0].At(1), 2 * results[1].At(0));
  }
}

TEST(LargeTapes, OfASumOfManyProducts) {
  Tape tape;
  const Value w = tape.Feed(RandomFloats({2, 2}, 1));
  const Value bias = tape.Feed(RandomFloats({2}, 2));
  Value sum;
  for (int i = 0; i < kMany / 3; ++i) {
    const Value x = tape.Feed(Floats({1, 2}, {1, static_cast<float>(i % 3)}));
    const Value product = MatMul(x, w) + bias;
    sum = sum.valid() ? sum + product : product;
  }
  const std::vector<Value> gradients = Gradients(Sum(sum), {w, bias});
  EXPECT_EQ(RunFull(tape, {gradients[0], gradients[1]})[1].At(0), kMany / 3);
}

TEST(LargeTapes, OfSlicesOfOneTensorWithGradients) {
  Tape tape;
  const Value x = tape.Feed(Tensor(DType::kF32, {kMany, 2}));
  std::vector<Value> rows;
  for (int i = 0; i < kMany; ++i) rows.push_back(Exp(Index(x, i)));
  const Value y = Stack(rows);
  EXPECT_EQ(RunFull(tape, {Gradients(Sum(y * y), {x})[0]})[0].At(2 * kMany - 1), 2);
}

TEST(LargeTapes, OfGathersFromOneTableWithGradients) {
  Tape tape;
  const Value table = tape.Feed(Tensor(DType::kF32, {3, 2}));
  const Value ids = tape.Feed(Tensor(DType::kI32, {kMany, 2}));
  Value sum;
  for (int i = 0; i < kMany / 4; ++i) {
    const Value row = Exp(Gather(table, Index(ids, i)));
    sum = sum.valid() ? sum + row : row;
  }
  EXPECT_EQ(RunFull(tape, {Gradients(Sum(sum), {table})[0]})[0].At(0), kMany / 4 * 2);
}

TEST(LargeTapes, OfValuesOfAsManySizes) {
  Tape tape;
  const Value x = tape.Feed(Tensor(DType::kF32, {kMany / 5, 1}));
  Value sum;
  for (int i = 1; i < kMany / 5; ++i) {
    const Value part = Exp(Slice(x, 0, 0, i) + static_cast<double>(i));
    const Value last = Slice(Tanh(part), 0, 0, 1);
    sum = sum.valid() ? sum + last : last;
  }
  EXPECT_NEAR(RunFull(tape, {sum})[0].At(0), kMany / 5 - 1, 1);
}

TEST(LargeTapes, OfViewsOfViews) {
  Tape tape;
  Value view = tape.Feed(Tensor(DType::kF32, {1, 2}));
  Value sum;
  for (int i = 0; i < kMany / 3; ++i) {
    view = Reshape(view, i % 2 == 0 ? Shape{2} : Shape{1, 2});
    const Value y = Exp(Reshape(view, {2}));
    sum = sum.valid() ? sum + y : y;
  }
  EXPECT_EQ(RunFull(tape, {sum})[0].At(0), kMany / 3);
}

TEST(LargeTapes, OfConcatenationsOfConcatenations) {
  Tape tape;
  const Value x = tape.Feed(RandomFloats({1, 2}, 1));
  std::vector<Value> level;
  for (int i = 0; i < kMany / 2; ++i) level.push_back(Exp(x * static_cast<double>(i)));
  while (level.size() > 1) {
    std::vector<Value> next;
    for (size_t i = 0; i + 1 < level.size(); i += 2) {
      next.push_back(Concat({level[i], level[i + 1]}, 0));
    }
    if (level.size() % 2 == 1) next.push_back(level.back());
    level = std::move(next);
  }
  EXPECT_EQ(RunFull(tape, {level[0]})[0].shape()[0], kMany / 2);
}

TEST(LargeTapes, OfManyVariables) {
  Tape tape;
  VariableStore store;
  Value sum;
  for (int i = 0; i < kMany / 4; ++i) {
    Variable& variable = store.root().Trainable(absl::StrCat("v", i), {2}, SmallRandom);
    const Value old = tape.Use(variable);
    tape.Write(variable, old * 0.5);
    sum = sum.valid() ? sum + Exp(old) : old;
  }
  EXPECT_EQ(RunFull(tape, {sum})[0].shape(), Shape{2});
}

}  // namespace
}  // namespace sluice
