#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/ops/composed.h>

#include "graph/tapes.h"

namespace sluice {
namespace {

using ::testing::ElementsAre;

TEST(ShareEqual, ComputesEqualExpressionsOnce) {
  Tape tape;
  const Value x = tape.Feed(Floats({2}, {1, 2}));
  const Value a = Exp(Negate(x));
  const Value b = Exp(Negate(x));
  const Value y = a * b;
  const PlanGraph before = GraphOf(tape, {y});
  EXPECT_THAT(Listing(before.nodes), ElementsAre("0 feed", "1 negate 0", "2 exp 1", "3 negate 0",
                                                 "4 exp 3", "5 multiply 2 4"));
  EXPECT_THAT(Listing(ShareEqual(before).nodes),
              ElementsAre("0 feed", "1 negate 0", "2 exp 1", "3 multiply 2 2"));
}

TEST(ShareEqual, TellsAttributesAndFeedsApart) {
  Tape tape;
  const Value x = tape.Feed(Floats({4}, {1, 2, 3, 4}));
  const Value same = tape.Feed(Floats({4}, {1, 2, 3, 4}));
  const std::vector<Value> fetches = {Slice(x, 0, 0, 2), Slice(x, 0, 2, 4), Negate(x),
                                      Negate(same),      Power(x, 2),       Power(x, 3)};
  EXPECT_EQ(ShareEqual(GraphOf(tape, fetches)).nodes.size(), tape.size());
}

TEST(ShareEqual, TellsZeroFromMinusZero) {
  ExpectLevelsAgree([](Tape& tape, VariableStore&) {
    const Value x = tape.Feed(Floats({}, {0}));
    return std::vector<Value>{x * tape.Constant(0.0, DType::kF32),
                              x * tape.Constant(-0.0, DType::kF32)};
  });
}

TEST(ShareEqual, TellsRandomKeysApart) {
  Tape tape;
  const Value step = tape.Feed(Tensor::Scalar<int32_t>(0));
  const std::vector<Value> draws = {Uniform(step, 1, DType::kF32, {3}),
                                    Uniform(step, 1, DType::kF32, {3}),
                                    Uniform(step, 2, DType::kF32, {3})};
  const PlanGraph after = ShareEqual(GraphOf(tape, draws));
  EXPECT_THAT(after.fetches, ElementsAre(1, 1, 2));
}

}  // namespace
}  // namespace sluice
