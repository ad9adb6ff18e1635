#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/ops/composed.h>
#include <sluice/ops/movement.h>

#include "graph/tapes.h"

namespace sluice {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

class ScatterLateTest : public ::testing::Test {
 protected:
  static constexpr int64_t kRows = 9, kColumns = 3;

  // Two ids of four are the same.
  Value Table(int64_t rows = kRows) {
    const Value ids = tape_.Feed(Tensor({4}, std::vector<int32_t>{5, 2, 5, 0}));
    return ScatterAdd(ids, tape_.Feed(RandomFloats({4, kColumns}, 1)), rows);
  }
  Value Feed(const Shape& shape) { return tape_.Feed(RandomFloats(shape, 2)); }
  std::vector<std::string> After(const std::vector<Value>& fetches) {
    return Listing(ScatterLate(ShareEqual(GraphOf(tape_, fetches))).nodes);
  }
  void ExpectUntouched(const std::vector<Value>& fetches) {
    const PlanGraph before = ShareEqual(GraphOf(tape_, fetches));
    EXPECT_EQ(Listing(ScatterLate(before).nodes), Listing(before.nodes));
  }

  Tape tape_;
};

TEST_F(ScatterLateTest, ScalesTheRowsAndThenAddsThem) {
  const Value weights = Feed({kRows, kColumns});
  const Value rate = Feed({});
  const Value next = weights + rate * -(Table() / rate);
  EXPECT_THAT(After({next}),
              ElementsAre("0 feed", "1 feed", "2 feed", "3 feed", "4 divide 3 1", "5 negate 4",
                          "6 multiply 1 5", "7 scatter_add 2 6", "8 add 0 7"));
}

TEST_F(ScatterLateTest, SquaresEachOfTheRowsThatOccurOnce) {
  EXPECT_THAT(After({Sum(Square(Table()))}),
              ElementsAre("0 feed", "1 feed", "2 first_equal 0", "3 scatter_add 2 1", "4 square 3",
                          "5 sum 4"));
}

TEST_F(ScatterLateTest, AddsUpTheRowsThatOccur) {
  const int rows[] = {0};
  EXPECT_THAT(After({Sum(Table(), rows)}),
              ElementsAre("0 feed", "1 feed", "2 first_equal 0", "3 scatter_add 2 1", "4 sum 3"));
}

TEST_F(ScatterLateTest, LeavesWhatNeedsTheWholeTable) {
  const Value table = Table();
  const Value other = Feed({kRows, kColumns});
  const int columns[] = {1};
  for (const Value& reader :
       {table, table * other, Sum(table, columns), Sum(Exp(table)), Max(table), Sqrt(table),
        table + table, table + Feed({kColumns}), table / Feed({}) * table, other / table}) {
    SCOPED_TRACE(Listing(GraphOf(tape_, {reader}).nodes).back());
    ExpectUntouched({reader});
  }
  // Nor where one of two readers does.
  ExpectUntouched({Sum(Square(table)), Sqrt(table)});
  ExpectUntouched({Sum(Square(table)), table});
}

TEST_F(ScatterLateTest, LeavesTablesOfFewRows) {
  ExpectUntouched({Sum(Square(Table(7)))});
  EXPECT_THAT(After({Sum(Square(Table(8)))}), Contains("2 first_equal 0"));
}

// A word that occurs twice, clipping, and an update of the table that was read.
TEST(ScatterLate, UpdatesOnlyTheRowsThatOccurAndAllLevelsAgree) {
  ExpectLevelsAgree([](Tape& tape, VariableStore& store) -> std::vector<Value> {
    Variable& table = store.root().Trainable("table", {50, 6}, SmallRandom);
    const Value ids = tape.Feed(Tensor({2, 3}, std::vector<int32_t>{7, 49, 7, 0, 7, 3}));
    const Value loss = Sum(Square(Gather(tape.Use(table), ids)) * 3);
    const Value gradient = Gradients(loss, {tape.Use(table)})[0];
    const Value norm = Sqrt(Sum(Square(gradient)));
    tape.Write(table, tape.Use(table) + NumberLike(-0.5, norm) * (gradient * (1 / (norm + 1e-6))));
    return {loss, norm};
  });
}

TEST(ScatterLate, NoTableOfTheGradientIsLeft) {
  Tape tape;
  VariableStore store;
  Variable& table = store.root().Trainable("table", {500, 6}, SmallRandom);
  const Value ids = tape.Feed(Tensor({3}, std::vector<int32_t>{7, 49, 7}));
  const Value loss = Sum(Square(Gather(tape.Use(table), ids)));
  const Value gradient = Gradients(loss, {tape.Use(table)})[0];
  const Value norm = Sum(Square(gradient));
  tape.Write(table, tape.Use(table) + -norm * gradient);
  const absl::StatusOr<Program> program = Plan(tape, {{loss, norm}});
  ASSERT_TRUE(program.ok()) << program.status();
  EXPECT_LT(program->arena_bytes(), table.value().bytes());
}

}  // namespace
}  // namespace sluice
