#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/ops/composed.h>

#include "graph/tapes.h"

namespace sluice {
namespace {

using ::testing::ElementsAre;

// Three steps of two rows each.
class LiftConcatsTest : public ::testing::Test {
 protected:
  void ExpectUntouched(const std::vector<Value>& fetches) {
    const PlanGraph before = DropUnused(GraphOf(tape_, fetches));
    EXPECT_EQ(Listing(LiftConcats(before).nodes), Listing(before.nodes));
  }
  Value Feed(const Shape& shape) { return tape_.Feed(RandomFloats(shape, ++feeds_)); }

  Tape tape_;
  uint64_t feeds_ = 0;
  Value a_ = Feed({2, 4}), b_ = Feed({2, 4}), c_ = Feed({2, 4});
  Value w_ = Feed({4, 5}), v_ = Feed({4, 5});
};

TEST_F(LiftConcatsTest, MultipliesTheConcatenation) {
  const Value y = Concat({MatMul(a_, w_), MatMul(b_, w_), MatMul(c_, w_)}, 0);
  const PlanGraph before = GraphOf(tape_, {y});
  EXPECT_THAT(Listing(before.nodes),
              ElementsAre("0 feed", "1 feed", "2 feed", "3 feed", "4 feed", "5 matmul 0 3",
                          "6 matmul 1 3", "7 matmul 2 3", "8 concat 5 6 7"));
  EXPECT_THAT(
      Listing(DropUnused(LiftConcats(before)).nodes),
      ElementsAre("0 feed", "1 feed", "2 feed", "3 feed", "4 concat 0 1 2", "5 matmul 4 3"));
}

TEST_F(LiftConcatsTest, LiftsSumsOfProductsOutOfAStack) {
  const Value bias = Feed({5});
  const Value y = Stack(
      {Tanh(MatMul(a_, w_) + MatMul(b_, v_) + bias), Tanh(MatMul(b_, w_) + MatMul(c_, v_) + bias)});
  const PlanGraph after = DropUnused(LiftConcats(GraphOf(tape_, {y})));
  EXPECT_THAT(Listing(after.nodes),
              ElementsAre("0 feed", "1 feed", "2 feed", "3 feed", "4 feed", "5 feed",
                          "6 concat 0 1", "7 matmul 6 3", "8 concat 1 2", "9 matmul 8 4",
                          "10 add 7 9", "11 add 10 5", "12 tanh 11", "13 reshape 12"));
  EXPECT_EQ(after.nodes[13].type.shape, (Shape{2, 2, 5}));
}

TEST_F(LiftConcatsTest, TakesAValueForItsStepsInOrder) {
  const Value x = Feed({2, 2, 4});
  const Value y = Stack({MatMul(Index(x, 0), w_), MatMul(Index(x, 1), w_)});
  const PlanGraph after = DropUnused(LiftConcats(GraphOf(tape_, {y})));
  EXPECT_THAT(Listing(after.nodes),
              ElementsAre("0 feed", "1 feed", "2 reshape 1", "3 matmul 2 0", "4 reshape 3"));
}

TEST_F(LiftConcatsTest, LeavesWhatSomebodyElseReads) {
  const Value read = MatMul(b_, w_);
  ExpectUntouched({Concat({MatMul(a_, w_), read}, 0), Exp(read)});
}

TEST_F(LiftConcatsTest, LeavesWhatIsFetched) {
  const Value fetched = MatMul(b_, w_);
  ExpectUntouched({Concat({MatMul(a_, w_), fetched}, 0), fetched});
}

TEST_F(LiftConcatsTest, LeavesProductsOfOtherOperands) {
  ExpectUntouched({Concat({MatMul(a_, w_), MatMul(b_, v_)}, 0)});
}

TEST_F(LiftConcatsTest, LeavesOtherAttributes) {
  const Value square = Feed({4, 4});
  ExpectUntouched({Concat({MatMul(a_, square), MatMul(b_, square, {.transpose_right = true})}, 0)});
  ExpectUntouched({Concat({Power(MatMul(a_, w_), 2), Power(MatMul(b_, w_), 3)}, 0)});
}

TEST_F(LiftConcatsTest, LeavesOtherAxes) {
  ExpectUntouched({Concat({MatMul(a_, w_), MatMul(b_, w_)}, 1)});
}

TEST_F(LiftConcatsTest, LeavesElementwiseOpsWithoutAProduct) {
  ExpectUntouched({Concat({Tanh(a_), Tanh(b_)}, 0)});
}

TEST_F(LiftConcatsTest, LeavesProductsThatAddOverRows) {
  ExpectUntouched({Concat(
      {MatMul(a_, b_, {.transpose_left = true}), MatMul(b_, b_, {.transpose_left = true})}, 0)});
}

// Broadcast in each step by itself, it would not be in the concatenation.
TEST_F(LiftConcatsTest, LeavesAMatrixOfOneRowThatDiffersFromStepToStep) {
  const Value p = Feed({1, 5}), q = Feed({1, 5});
  ExpectUntouched({Concat({MatMul(a_, w_) * p, MatMul(b_, w_) * q}, 0)});
}

TEST_F(LiftConcatsTest, KeepsValues) {
  ExpectLevelsAgree([](Tape& tape, VariableStore&) {
    std::vector<Value> results;
    for (const int64_t rows : {1, 2}) {
      const Value w = tape.Feed(RandomFloats({4, 5}, 1));
      const Value v = tape.Feed(RandomFloats({4, 5}, 2));
      const Value row = tape.Feed(RandomFloats({1, 5}, 3));
      std::vector<Value> sums, masked, scaled, ragged;
      for (uint64_t t = 0; t < 3; ++t) {
        const Value x = tape.Feed(RandomFloats({rows, 4}, 10 + t));
        const Value h = tape.Feed(RandomFloats({rows, 4}, 20 + t));
        const Value m = tape.Feed(RandomFloats({rows, 1}, 30 + t));
        const Value own = tape.Feed(RandomFloats({1, 5}, 40 + t));
        sums.push_back(Tanh(MatMul(x, w) + MatMul(Exp(h), v) + row));
        masked.push_back(MatMul(x, w) * m);
        scaled.push_back(MatMul(x, w) * own);
        ragged.push_back(MatMul(Concat({x, h}, 0), w));
        ragged.push_back(MatMul(h, w));
      }
      for (const auto& steps : {sums, masked, scaled}) {
        results.push_back(Concat(steps, 0));
        results.push_back(Stack(steps));
      }
      results.push_back(Concat(ragged, 0));
    }
    return results;
  });
}

}  // namespace
}  // namespace sluice
