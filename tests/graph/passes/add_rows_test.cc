#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/ops/composed.h>

#include "graph/tapes.h"

namespace sluice {
namespace {

using ::testing::ElementsAre;

TEST(AddRowsFirst, AddsARowToTheFirstProduct) {
  Tape tape;
  const Value x = tape.Feed(RandomFloats({2, 3}, 1));
  const Value w = tape.Feed(RandomFloats({3, 4}, 2));
  const Value z = tape.Feed(RandomFloats({2, 4}, 3));
  const Value bias = tape.Feed(RandomFloats({4}, 4));
  const Value y = (z + MatMul(x, w)) + bias;
  const PlanGraph before = GraphOf(tape, {y});
  EXPECT_THAT(Listing(before.nodes), ElementsAre("0 feed", "1 feed", "2 feed", "3 feed",
                                                 "4 matmul 0 1", "5 add 2 4", "6 add 5 3"));
  EXPECT_THAT(Listing(AddRowsFirst(before).nodes),
              ElementsAre("0 feed", "1 feed", "2 feed", "3 feed", "4 matmul 0 1", "5 add 4 3",
                          "6 add 5 2"));
}

TEST(AddRowsFirst, AddsUpRowsOnceForAllSumsThatHaveThem) {
  Tape tape;
  const Value w = tape.Feed(RandomFloats({3, 4}, 1));
  const Value b = tape.Feed(RandomFloats({4}, 2));
  const Value c = tape.Feed(RandomFloats({1, 4}, 3));
  const Value x = tape.Feed(RandomFloats({2, 3}, 4));
  const Value y = tape.Feed(RandomFloats({5, 3}, 5));
  const std::vector<Value> sums = {MatMul(x, w) + b + c, MatMul(y, w) + b + c};
  EXPECT_THAT(Listing(ShareEqual(AddRowsFirst(GraphOf(tape, sums))).nodes),
              ElementsAre("0 feed", "1 feed", "2 feed", "3 feed", "4 feed", "5 matmul 3 0",
                          "6 add 1 2", "7 add 5 6", "8 matmul 4 0", "9 add 8 6"));
}

TEST(AddRowsFirst, LeavesOtherSumsAlone) {
  Tape tape;
  const Value x = tape.Feed(RandomFloats({2, 3}, 1));
  const Value w = tape.Feed(RandomFloats({3, 4}, 2));
  const Value z = tape.Feed(RandomFloats({2, 4}, 3));
  const Value bias = tape.Feed(RandomFloats({4}, 4));
  const Value column = tape.Feed(RandomFloats({2, 1}, 5));
  const Value inner = z + MatMul(x, w);
  const std::vector<Value> fetches = {Exp(z) + bias,          // no product
                                      z + MatMul(x, w),       // no row
                                      MatMul(x, w) + column,  // no row either
                                      inner,
                                      inner + bias,  // what somebody else reads is no part of a sum
                                      (z + MatMul(x, w)) - bias};  // no sum
  const PlanGraph before = GraphOf(tape, fetches);
  EXPECT_EQ(Listing(AddRowsFirst(before).nodes), Listing(before.nodes));
}

TEST(AddRowsFirst, KeepsValues) {
  ExpectLevelsAgree([](Tape& tape, VariableStore&) {
    const Value x = tape.Feed(RandomFloats({5, 3}, 1));
    const Value one = tape.Feed(RandomFloats({1, 3}, 2));
    const Value w = tape.Feed(RandomFloats({3, 4}, 3));
    const Value v = tape.Feed(RandomFloats({3, 1}, 3));
    const Value z = tape.Feed(RandomFloats({5, 4}, 4));
    const Value b = tape.Feed(RandomFloats({4}, 5));
    const Value c = tape.Feed(RandomFloats({1, 4}, 6));
    return std::vector<Value>{z + MatMul(x, w) + b + c + MatMul(x, w),
                              b + (c + (z + MatMul(x, w))),
                              MatMul(one, w) + c + b,
                              c + MatMul(one, w) + c,
                              MatMul(x, v) + Sum(b),
                              MatMul(Reshape(x, {1, 5, 3}), w) + c + z};
  });
}

}  // namespace
}  // namespace sluice
