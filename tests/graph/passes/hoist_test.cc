#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/ops/composed.h>

#include "graph/tapes.h"

namespace sluice {
namespace {

using ::testing::ElementsAre;

// Three steps of two rows: x (3, 2, 4).
class HoistRowsTest : public ::testing::Test {
 protected:
  PlanGraph Before(const std::vector<Value>& fetches) {
    return ShareEqual(GraphOf(tape_, fetches));
  }
  void ExpectUntouched(const std::vector<Value>& fetches) {
    const PlanGraph before = Before(fetches);
    EXPECT_EQ(Listing(ShareEqual(HoistRows(before)).nodes), Listing(before.nodes));
  }

  Tape tape_;
  Value x_ = tape_.Feed(RandomFloats({3, 2, 4}, 1));
  Value w_ = tape_.Feed(RandomFloats({4, 5}, 2));
  Value b_ = tape_.Feed(RandomFloats({5}, 3));
};

TEST_F(HoistRowsTest, MultipliesAllStepsAtOnce) {
  std::vector<Value> steps;
  for (int t = 0; t < 3; ++t) steps.push_back(Tanh(MatMul(Index(x_, t), w_) + b_));
  const PlanGraph before = Before(steps);
  EXPECT_THAT(Listing(before.nodes),
              ElementsAre("0 feed", "1 feed", "2 feed", "3 slice 0", "4 reshape 3", "5 matmul 4 1",
                          "6 add 5 2", "7 tanh 6", "8 slice 0", "9 reshape 8", "10 matmul 9 1",
                          "11 add 10 2", "12 tanh 11", "13 slice 0", "14 reshape 13",
                          "15 matmul 14 1", "16 add 15 2", "17 tanh 16"));
  const PlanGraph after = HoistRows(before);
  EXPECT_THAT(
      Listing(after.nodes),
      ElementsAre("0 feed", "1 feed", "2 feed", "3 reshape 0", "4 matmul 3 1", "5 add 4 2",
                  "6 slice 5", "7 tanh 6", "8 slice 5", "9 tanh 8", "10 slice 5", "11 tanh 10"));
  EXPECT_EQ(after.nodes[4].type.shape, (Shape{6, 5}));
  EXPECT_THAT(after.nodes.attributes(10).integers, ElementsAre(0, 4, 6));
}

TEST_F(HoistRowsTest, ComputesWhatProductsReadForAllSteps) {
  std::vector<Value> steps;
  for (int t = 2; t >= 0; --t) steps.push_back(MatMul(Exp(Index(x_, t)), w_));
  const PlanGraph after = HoistRows(Before(steps));
  EXPECT_EQ(CountOps(after.nodes, "exp"), 1);
  EXPECT_EQ(CountOps(after.nodes, "matmul"), 1);
  EXPECT_THAT(after.nodes.attributes(after.fetches[0]).integers, ElementsAre(0, 4, 6));
}

TEST_F(HoistRowsTest, LeavesElementwiseOpsToTheSteps) {
  ExpectUntouched({Exp(Index(x_, 0)), Exp(Index(x_, 1)), Exp(Index(x_, 2))});
}

TEST_F(HoistRowsTest, NeedsAllSteps) {
  ExpectUntouched({MatMul(Index(x_, 0), w_), MatMul(Index(x_, 1), w_)});
  ExpectUntouched({MatMul(Index(x_, 0), w_), MatMul(Index(x_, 2), w_)});
}

TEST_F(HoistRowsTest, NeedsTheSameOperand) {
  const Value v = tape_.Feed(RandomFloats({4, 5}, 4));
  ExpectUntouched({MatMul(Index(x_, 0), w_), MatMul(Index(x_, 1), w_), MatMul(Index(x_, 2), v)});
}

TEST_F(HoistRowsTest, NeedsTheSameAttributes) {
  const Value square = tape_.Feed(RandomFloats({4, 4}, 4));
  const Value transposed = MatMul(Index(x_, 2), square, {.transpose_right = true});
  ExpectUntouched({MatMul(Index(x_, 0), square), MatMul(Index(x_, 1), square), transposed});
  ExpectUntouched({MatMul(Power(Index(x_, 0), 2), w_), MatMul(Power(Index(x_, 1), 2), w_),
                   MatMul(Power(Index(x_, 2), 3), w_)});
}

TEST_F(HoistRowsTest, NeedsRowsThatWaitForNothing) {
  Value h = tape_.Feed(RandomFloats({2, 4}, 4));
  const Value square = tape_.Feed(RandomFloats({4, 4}, 5));
  for (int t = 0; t < 3; ++t) h = MatMul(Index(x_, t) + h, square);
  ExpectUntouched({h});
}

// Whatever the batch: at a batch of one it could be a step's row.
TEST_F(HoistRowsTest, TakesNoMatrixForARowThatIsBroadcast) {
  const Value row = tape_.Feed(RandomFloats({1, 4}, 4));
  ExpectUntouched({MatMul(Exp(Index(x_, 0) + row), w_), MatMul(Exp(Index(x_, 1) + row), w_)});
  std::vector<Value> steps;
  for (int t = 0; t < 3; ++t) steps.push_back(MatMul(Exp(Index(x_, t) + row), w_));
  ExpectUntouched(steps);
}

TEST_F(HoistRowsTest, KeepsValuesOfSlicesThatOverlapAndOfSeveralSteps) {
  ExpectLevelsAgree([](Tape& tape, VariableStore&) {
    const Value x = tape.Feed(RandomFloats({4, 2, 4}, 1));
    const Value mask = tape.Feed(RandomFloats({4, 2}, 2));
    const Value w = tape.Feed(RandomFloats({4, 5}, 3));
    std::vector<Value> results;
    for (int t = 0; t < 3; ++t) {  // rows 2 t to 2 t + 4, twice each
      results.push_back(MatMul(Reshape(Slice(x, 0, t, t + 2), {4, 4}), w));
    }
    for (int t = 0; t < 4; t += 2) {  // two steps at once
      results.push_back(MatMul(Tanh(Reshape(Slice(x, 0, t, t + 2), {4, 4})), w));
    }
    for (int t = 0; t < 4; ++t) {  // a column that was a row
      const Value m = Reshape(Index(mask, t), {2, 1});
      results.push_back(MatMul(m * Index(x, t), w));
    }
    for (int t = 3; t >= 0; --t) results.push_back(MatMul(Index(x, t), w) + results[7]);
    return results;
  });
}

// Rows of one value and rows of another begin at the same number only in the first step.
TEST_F(HoistRowsTest, TellsOneRowFromOneStep) {
  ExpectLevelsAgree([](Tape& tape, VariableStore&) {
    std::vector<Value> results;
    const Value weights = tape.Feed(RandomFloats({6, 5}, 1));
    for (const int64_t steps : {1, 2, 3}) {
      for (const int64_t batch : {1, 3}) {
        const Value x = tape.Feed(RandomFloats({steps, batch, 6}, 2));
        const Value position = tape.Feed(RandomFloats({steps, 6}, 3));
        for (int64_t t = 0; t < steps; ++t) {
          const Value row = Slice(position, 0, t, t + 1);
          results.push_back(MatMul(row * Index(x, t), weights));
          results.push_back(MatMul(Index(x, t) + row, weights));
        }
      }
    }
    // Only the first step, as many rows of it as the other value has altogether.
    const Value x = tape.Feed(RandomFloats({3, 3, 6}, 4));
    const Value position = tape.Feed(RandomFloats({3, 6}, 5));
    results.push_back(MatMul(Index(x, 0) * Slice(position, 0, 0, 1), weights));
    return results;
  });
}

}  // namespace
}  // namespace sluice
