#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/ops/composed.h>

#include "graph/tapes.h"

namespace sluice {
namespace {

using ::testing::ElementsAre;

TEST(PackOperands, PacksAnOperandOnceForManyProducts) {
  Tape tape;
  const Value weights = tape.Feed(RandomFloats({4, 3}, 1));
  const Value x = tape.Feed(RandomFloats({2, 4}, 2));
  const Value y = tape.Feed(RandomFloats({5, 4}, 3));
  const Value g = tape.Feed(RandomFloats({2, 3}, 4));
  const std::vector<Value> products = {MatMul(x, weights), MatMul(y, weights),
                                       MatMul(g, weights, {.transpose_right = true})};
  const PlanGraph before = GraphOf(tape, products);
  EXPECT_THAT(Listing(before.nodes), ElementsAre("0 feed", "1 feed", "2 feed", "3 feed",
                                                 "4 matmul 1 0", "5 matmul 2 0", "6 matmul 3 0"));
  // Transposed it is another operand.
  EXPECT_THAT(Listing(ShareEqual(PackOperands(before)).nodes),
              ElementsAre("0 feed", "1 feed", "2 feed", "3 feed", "4 pack 0", "5 packed_matmul 1 4",
                          "6 packed_matmul 2 4", "7 pack 0", "8 packed_matmul 3 7"));
}

TEST(PackOperands, KeepsValues) {
  ExpectLevelsAgree([](Tape& tape, VariableStore&) {
    const Value weights = tape.Feed(RandomFloats({70, 50}, 1));
    const Value x = tape.Feed(RandomFloats({3, 9, 70}, 2));
    const Value g = tape.Feed(RandomFloats({27, 50}, 3));
    return std::vector<Value>{
        MatMul(x, weights),
        MatMul(g, weights, {.transpose_right = true}),
        MatMul(Reshape(x, {27, 70}), g, {.transpose_left = true}),
    };
  });
}

}  // namespace
}  // namespace sluice
