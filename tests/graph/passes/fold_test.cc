#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/ops/composed.h>

#include "graph/tapes.h"

namespace sluice {
namespace {

using ::testing::ElementsAre;

Value Ones(Tape& tape, const Shape& shape) { return tape.Constant(1, DType::kF32, shape); }

TEST(FoldConstants, TakesACopyOfAConstantForTheConstant) {
  Tape tape;
  const Value x = tape.Feed(RandomFloats({2, 3}, 1));
  const Value y = x + BroadcastTo(tape.Constant(2, DType::kF32), {2, 3});
  const PlanGraph before = GraphOf(tape, {y});
  EXPECT_THAT(Listing(before.nodes),
              ElementsAre("0 feed", "1 constant", "2 broadcast 1", "3 add 0 2"));
  const PlanGraph after = FoldConstants(before);
  EXPECT_THAT(Listing(after.nodes), ElementsAre("0 feed", "1 constant", "2 add 0 1"));
  EXPECT_EQ(after.nodes[1].type.shape, Shape{});
  EXPECT_EQ(after.nodes.attributes(1).number, 2);
}

TEST(FoldConstants, SeesThroughCopiesOfCopies) {
  Tape tape;
  const Value x = tape.Feed(RandomFloats({2, 3}, 1));
  const Value copy = Reshape(Slice(tape.Constant(2, DType::kF32, {7, 3}), 0, 3, 5), {3, 2});
  const Value y = Transpose(copy, {1, 0}) - x;
  EXPECT_THAT(Listing(FoldConstants(GraphOf(tape, {y})).nodes),
              ElementsAre("0 feed", "1 constant", "2 subtract 1 0"));
}

TEST(FoldConstants, TakesAValueForItsProductWithOne) {
  Tape tape;
  const Value x = tape.Feed(RandomFloats({2, 3}, 1));
  const Value left = Exp(x * Ones(tape, {2, 3}));
  const Value y = left + Tanh(Ones(tape, {}) * x);
  const PlanGraph before = GraphOf(tape, {y});
  EXPECT_THAT(Listing(before.nodes),
              ElementsAre("0 feed", "1 constant", "2 multiply 0 1", "3 exp 2", "4 constant",
                          "5 multiply 4 0", "6 tanh 5", "7 add 3 6"));
  EXPECT_THAT(Listing(FoldConstants(before).nodes),
              ElementsAre("0 feed", "1 exp 0", "2 tanh 0", "3 add 1 2"));
}

TEST(FoldConstants, KeepsAProductWithOneThatBroadcasts) {
  Tape tape;
  const Value row = tape.Feed(RandomFloats({3}, 1));
  const Value y = row * Ones(tape, {2, 3});
  const PlanGraph after = FoldConstants(GraphOf(tape, {y}));
  EXPECT_THAT(Listing(after.nodes), ElementsAre("0 feed", "1 constant", "2 multiply 0 1"));
  EXPECT_EQ(after.nodes[1].type.shape, (Shape{2, 3})) << "it gives the result its shape";
}

TEST(FoldConstants, KeepsWhatIsNotNeutral) {
  Tape tape;
  const Value x = tape.Feed(RandomFloats({2}, 1));
  const std::vector<Value> fetches = {x * 0, x + 0, x + Ones(tape, {2}), x / Ones(tape, {2}),
                                      x * tape.Constant(-1, DType::kF32)};
  const PlanGraph after = FoldConstants(GraphOf(tape, fetches));
  EXPECT_EQ(CountOps(after.nodes, "multiply"), 2);
  EXPECT_EQ(CountOps(after.nodes, "add"), 2);
  EXPECT_EQ(CountOps(after.nodes, "divide"), 1);
}

TEST(FoldConstants, KeepsConstantsOfOtherOpsWhole) {
  Tape tape;
  const Value x = tape.Feed(RandomFloats({4, 2}, 1));
  const Value y = MatMul(x, Ones(tape, {2, 3}));
  const PlanGraph after = FoldConstants(GraphOf(tape, {y}));
  EXPECT_THAT(Listing(after.nodes), ElementsAre("0 feed", "1 constant", "2 matmul 0 1"));
  EXPECT_EQ(after.nodes[1].type.shape, (Shape{2, 3}));
}

TEST(FoldConstants, KeepsValues) {
  ExpectLevelsAgree([](Tape& tape, VariableStore& store) {
    Variable& a = store.root().Trainable("a", {2, 3}, SmallRandom);
    const Value x = tape.Feed(Floats({2, 3}, {0, -0.0F, 1, -7, -1e-42F, 5}));
    const Value same = tape.Use(a) * Ones(tape, {2, 3});
    tape.Write(a, same + x * 0.5);
    const Value twos = BroadcastTo(tape.Constant(2, DType::kF32), {2, 3});
    return std::vector<Value>{x * Ones(tape, {2, 3}),
                              Ones(tape, {2, 3}) * Ones(tape, {2, 3}),
                              same,
                              twos,
                              Power(twos, 3) - x,
                              Select(x, twos, x),
                              Ones(tape, {2, 1}) * tape.Feed(RandomFloats({3}, 1))};
  });
}

}  // namespace
}  // namespace sluice
