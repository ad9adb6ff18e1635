#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/ops/composed.h>

#include "graph/tapes.h"

namespace sluice {
namespace {

using ::testing::ElementsAre;

// A gate z that is read before and behind a product, (2, 3).
class RecomputeTest : public ::testing::Test {
 protected:
  Tape tape_;
  Value h_ = tape_.Feed(RandomFloats({2, 3}, 1));
  Value w_ = tape_.Feed(RandomFloats({3, 3}, 2));
  Value z_ = Sigmoid(h_);
};

TEST_F(RecomputeTest, ComputesCheapResultsAgainWhereALaterGroupReadsThem) {
  const Value keep = 1 - z_;
  const Value product = MatMul(keep * h_, w_);
  const Value y = keep * product;
  const PlanGraph before = GraphOf(tape_, {y, z_ * product});
  EXPECT_THAT(Listing(before.nodes),
              ElementsAre("0 feed", "1 feed", "2 sigmoid 0", "3 constant", "4 subtract 3 2",
                          "5 multiply 4 0", "6 matmul 5 1", "7 multiply 4 6", "8 multiply 2 6"));
  EXPECT_THAT(Listing(Recompute(before).nodes),
              ElementsAre("0 feed", "1 feed", "2 sigmoid 0", "3 constant", "4 subtract 3 2",
                          "5 multiply 4 0", "6 matmul 5 1", "7 subtract 3 2", "8 multiply 7 6",
                          "9 multiply 2 6"));
}

TEST_F(RecomputeTest, ComputesThemOnceForEachGroup) {
  const Value keep = 1 - z_;
  const Value product = MatMul(keep * h_, w_);
  const std::vector<Value> fetches = {keep * product, z_ * product, keep - product,
                                      MatMul(keep + product, w_)};
  EXPECT_EQ(CountOps(Recompute(GraphOf(tape_, fetches)).nodes, "subtract"), 3);
}

TEST_F(RecomputeTest, KeepsWhatCostsMore) {
  const Value keep = Tanh(z_);
  const Value product = MatMul(keep * h_, w_);
  const PlanGraph before = GraphOf(tape_, {keep * product, z_ * product});
  EXPECT_EQ(Listing(Recompute(before).nodes), Listing(before.nodes));
}

// To compute it again, z would have to be kept in its place.
TEST_F(RecomputeTest, KeepsWhatIsMadeOfValuesThatEnd) {
  const Value keep = 1 - z_;
  const Value product = MatMul(keep * h_, w_);
  const PlanGraph before = GraphOf(tape_, {keep * product});
  EXPECT_EQ(Listing(Recompute(before).nodes), Listing(before.nodes));
}

TEST_F(RecomputeTest, KeepsWhatOnlyItsOwnGroupReads) {
  const Value keep = 1 - z_;
  const PlanGraph before = DropUnused(GraphOf(tape_, {keep * h_, keep + z_, z_ * h_}));
  EXPECT_EQ(Listing(Recompute(before).nodes), Listing(before.nodes));
}

TEST_F(RecomputeTest, KeepsResultsOfProducts) {
  const Value first = MatMul(h_, w_);
  const Value second = MatMul(Exp(first), w_);
  const PlanGraph before = GraphOf(tape_, {first * second, h_ * second});
  EXPECT_EQ(CountOps(Recompute(before).nodes, "matmul"), 2);
}

TEST_F(RecomputeTest, KeepsValues) {
  ExpectLevelsAgree([](Tape& tape, VariableStore& store) {
    Variable& a = store.root().Trainable("a", {2, 3}, SmallRandom);
    const Value w = tape.Feed(RandomFloats({3, 3}, 1));
    const Value z = Sigmoid(tape.Use(a));
    const Value keep = 1 - z;
    const Value old = 0.5 * tape.Use(a);  // made of what a write ends
    const Value product = MatMul(keep * old, w);
    tape.Write(a, keep * product);
    return std::vector<Value>{old * product - tape.Use(a), z * product + old, keep - product};
  });
}

}  // namespace
}  // namespace sluice
