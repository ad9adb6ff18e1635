#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/ops/composed.h>

#include "graph/tapes.h"

namespace sluice {
namespace {

using ::testing::ElementsAre;

class AddInPlaceTest : public ::testing::Test {
 protected:
  PlanGraph Before(const std::vector<Value>& fetches) {
    return ShareEqual(PackOperands(ShareEqual(GraphOf(tape_, fetches))));
  }
  void ExpectUntouched(const std::vector<Value>& fetches) {
    const PlanGraph before = Before(fetches);
    EXPECT_EQ(Listing(AddInPlace(before).nodes), Listing(before.nodes));
  }
  Value Feed(const Shape& shape) { return tape_.Feed(RandomFloats(shape, ++feeds_)); }

  Tape tape_;
  uint64_t feeds_ = 0;
  Value x_ = Feed({2, 3}), h_ = Feed({2, 3}), w_ = Feed({3, 4}), z_ = Feed({2, 4});
};

TEST_F(AddInPlaceTest, AddsOneProductAfterTheOther) {
  const Value sum = MatMul(x_, w_) + z_;
  const PlanGraph before = Before({sum + MatMul(h_, w_)});
  EXPECT_THAT(Listing(before.nodes),
              ElementsAre("0 feed", "1 feed", "2 feed", "3 feed", "4 pack 2", "5 packed_matmul 0 4",
                          "6 add 5 3", "7 packed_matmul 1 4", "8 add 6 7"));
  EXPECT_THAT(Listing(AddInPlace(before).nodes),
              ElementsAre("0 feed", "1 feed", "2 feed", "3 feed", "4 pack 2",
                          "5 packed_matmul_add 0 4 3", "6 packed_matmul_add 1 4 5"));
}

TEST_F(AddInPlaceTest, StartsFromABiasRow) {
  const Value b = Feed({4});
  EXPECT_THAT(Listing(AddInPlace(Before({MatMul(x_, w_) + MatMul(h_, w_) + b})).nodes),
              ElementsAre("0 feed", "1 feed", "2 feed", "3 feed", "4 pack 2",
                          "5 packed_matmul_add 0 4 3", "6 packed_matmul_add 1 4 5"));
}

TEST_F(AddInPlaceTest, LeavesWhatSomebodyElseReads) {
  const Value read = MatMul(x_, w_);
  ExpectUntouched({read + z_, Exp(read)});
  ExpectUntouched({read + z_, read});
  ExpectUntouched({read + read});
}

TEST_F(AddInPlaceTest, LeavesOtherSums) {
  ExpectUntouched({Exp(x_) + h_});
  ExpectUntouched({MatMul(x_, w_) - z_});
  ExpectUntouched({MatMul(x_, h_, {.transpose_left = true}) + Feed({3, 3})});
}

TEST_F(AddInPlaceTest, LeavesAProductThatIsBroadcast) {
  const Value one = MatMul(Feed({1, 3}), w_);  // (1, 4)
  ExpectUntouched({z_ + one});
}

TEST_F(AddInPlaceTest, AddsScatteredRowsOntoTheRest) {
  const Value ids = tape_.Feed(Tensor(Shape{3}, std::vector<int32_t>{1, 0, 1}));
  const Value rows = Feed({3, 4});
  EXPECT_THAT(Listing(AddInPlace(Before({ScatterAdd(ids, rows, 2) + z_})).nodes),
              ElementsAre("0 feed", "1 feed", "2 feed", "3 scatter_add_onto 1 2 0"));
}

TEST_F(AddInPlaceTest, KeepsValues) {
  ExpectLevelsAgree([](Tape& tape, VariableStore&) {
    std::vector<Value> results;
    for (const int64_t rows : {1, 5}) {
      const Value x = tape.Feed(RandomFloats({rows, 3}, 1));
      const Value h = tape.Feed(RandomFloats({rows, 3}, 2));
      const Value w = tape.Feed(RandomFloats({3, 4}, 3));
      const Value z = Exp(tape.Feed(RandomFloats({rows, 4}, 4)));
      const Value b = tape.Feed(RandomFloats({4}, 5));
      const Value c = tape.Feed(RandomFloats({1, 4}, 6));
      const Value ids = tape.Feed(Tensor({3}, std::vector<int32_t>{0, 0, 0}));
      const Value scattered = ScatterAdd(ids, tape.Feed(RandomFloats({3, 4}, 7)), rows);
      results.push_back(MatMul(x, w) + z + MatMul(h, w));
      results.push_back(b + MatMul(x, w) + c + MatMul(Exp(h), w));
      results.push_back(Tanh(MatMul(x, w) + c) + MatMul(x, w));
      results.push_back(z + (MatMul(x, w) + (MatMul(h, w) + z)));
      results.push_back(Reshape(MatMul(x, w), {rows, 2, 2}) + Reshape(z, {rows, 2, 2}));
      results.push_back(scattered + MatMul(x, w) + b);
      results.push_back(scattered + b);
      results.push_back(scattered + scattered);
      results.push_back(z);
    }
    return results;
  });
}

}  // namespace
}  // namespace sluice
