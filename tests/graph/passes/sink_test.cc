#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/ops/composed.h>

#include "graph/tapes.h"

namespace sluice {
namespace {

using ::testing::ElementsAre;

class SinkSumsTest : public ::testing::Test {
 protected:
  PlanGraph Before(const std::vector<Value>& fetches) {
    return ShareEqual(GraphOf(tape_, fetches));
  }
  void ExpectUntouched(const std::vector<Value>& fetches) {
    const PlanGraph before = Before(fetches);
    EXPECT_EQ(Listing(SinkSums(before).nodes), Listing(before.nodes));
  }
  Value Feed(const Shape& shape) { return tape_.Feed(RandomFloats(shape, ++feeds_)); }
  static Value Contract(Value x, Value y) { return MatMul(x, y, {.transpose_left = true}); }

  Tape tape_;
  uint64_t feeds_ = 0;
};

TEST_F(SinkSumsTest, MultipliesTheRowsOfAllSteps) {
  const Value x = Feed({2, 4}), y = Feed({2, 4}), g = Feed({2, 3}), h = Feed({2, 3});
  const Value first = Contract(x, g);
  const PlanGraph before = Before({first + Contract(y, h)});
  EXPECT_THAT(Listing(before.nodes), ElementsAre("0 feed", "1 feed", "2 feed", "3 feed",
                                                 "4 matmul 0 2", "5 matmul 1 3", "6 add 4 5"));
  EXPECT_THAT(Listing(SinkSums(before).nodes),
              ElementsAre("0 feed", "1 feed", "2 feed", "3 feed", "4 concat 0 1", "5 concat 2 3",
                          "6 matmul 4 5"));
}

TEST_F(SinkSumsTest, AddsTheRowsOfAllSteps) {
  const Value x = Feed({2, 4}), y = Feed({5, 4});
  const int first[] = {0};
  const PlanGraph before = Before({Sum(x, first) + Sum(y, first)});
  EXPECT_THAT(Listing(SinkSums(before).nodes),
              ElementsAre("0 feed", "1 feed", "2 concat 0 1", "3 sum 2"));
}

// Gradients come from the last step to the first; a value over all steps lies the other way round.
TEST_F(SinkSumsTest, TakesAValueForItsStepsFromTheLast) {
  const Value x = Feed({3, 2, 4}), g = Feed({3, 2, 5});
  Value sum = Contract(Index(x, 2), Index(g, 2));
  for (const int t : {1, 0}) sum = sum + Contract(Index(x, t), Index(g, t));
  EXPECT_THAT(Listing(SinkSums(Before({sum})).nodes),
              ElementsAre("0 feed", "1 feed", "2 reshape 0", "3 reshape 1", "4 matmul 2 3"));
}

TEST_F(SinkSumsTest, LiesInTheOrderOfSteps) {
  std::vector<Value> h, g;
  for (int t = 0; t < 3; ++t) {
    const Tape::StepMark step(tape_, t);
    h.push_back(Exp(Feed({2, 4})));
    g.push_back(Exp(Feed({2, 5})));
  }
  Value sum;
  for (const int t : {2, 1, 0}) {
    const Tape::StepMark step(tape_, t);
    const Value addend = Contract(h[t], g[t]);
    sum = sum.valid() ? sum + addend : addend;
  }
  const PlanGraph after = SinkSums(GraphOf(tape_, {sum}));
  EXPECT_THAT(Listing(after.nodes),
              ElementsAre("0 feed", "1 exp 0", "2 feed", "3 exp 2", "4 feed", "5 exp 4", "6 feed",
                          "7 exp 6", "8 feed", "9 exp 8", "10 feed", "11 exp 10", "12 concat 1 5 9",
                          "13 concat 3 7 11", "14 matmul 12 13"));
}

TEST_F(SinkSumsTest, JoinsWhatIsAlikeAndAddsTheRest) {
  const Value x = Feed({2, 4}), y = Feed({2, 4}), g = Feed({2, 3}), rest = Feed({4, 3});
  const Value sum = Contract(x, g) + rest + Contract(y, g);
  EXPECT_THAT(Listing(SinkSums(Before({sum})).nodes),
              ElementsAre("0 feed", "1 feed", "2 feed", "3 feed", "4 concat 0 1", "5 concat 2 2",
                          "6 matmul 4 5", "7 add 6 3"));
}

TEST_F(SinkSumsTest, LeavesWhatSomebodyElseReads) {
  const Value x = Feed({2, 4}), y = Feed({2, 4}), g = Feed({2, 3});
  const Value read = Contract(x, g);
  ExpectUntouched({read + Contract(y, g), Exp(read)});
}

TEST_F(SinkSumsTest, LeavesWhatIsFetched) {
  const Value x = Feed({2, 4}), y = Feed({2, 4}), g = Feed({2, 3});
  const Value fetched = Contract(x, g);
  ExpectUntouched({fetched + Contract(y, g), fetched});
}

TEST_F(SinkSumsTest, LeavesSumsThatSomebodyElseReads) {
  const Value x = Feed({2, 4}), y = Feed({2, 4}), g = Feed({2, 3}), rest = Feed({4, 3});
  const Value inner = Contract(x, g) + rest;
  ExpectUntouched({inner + Contract(y, g), inner});
}

TEST_F(SinkSumsTest, LeavesOtherAttributes) {
  const Value x = Feed({4, 4}), y = Feed({4, 4});
  ExpectUntouched(
      {Contract(x, y) + MatMul(y, x, {.transpose_left = true, .transpose_right = true})});
  ExpectUntouched({MatMul(x, y) + MatMul(y, x)});
  const int first[] = {0}, last[] = {1};
  ExpectUntouched({Sum(x, first) + Sum(y, last)});
  ExpectUntouched({Max(x, first) + Max(y, first)});
}

TEST_F(SinkSumsTest, LeavesSumsOfRowsThatAreBroadcast) {
  const int first[] = {0};
  const Value row = Sum(Feed({2, 4}), first);
  ExpectUntouched({Sum(Feed({2, 4}), first, /*keep_axes=*/true) + row});
}

TEST_F(SinkSumsTest, KeepsValues) {
  ExpectLevelsAgree([](Tape& tape, VariableStore&) {
    std::vector<Value> results;
    for (const int64_t rows : {1, 3}) {
      const Value x = tape.Feed(RandomFloats({4, rows, 5}, 1));
      Value h = tape.Feed(RandomFloats({rows, 5}, 2));
      const int first[] = {0};
      Value products, sums;
      for (int t = 0; t < 4; ++t) {
        const Tape::StepMark step(tape, t);
        const Value before = h;
        h = Tanh(h + Index(x, t));
        const Value product = Contract(before, h);
        products = products.valid() ? products + product : product;
        sums = sums.valid() ? Sum(h, first) + sums : Sum(h, first);
      }
      results.push_back(products);
      results.push_back(sums);
    }
    return results;
  });
}

TEST(MergeConcats, MakesOneOfTwoThatShareAllButTheirEnds) {
  Tape tape;
  std::vector<Value> states;
  for (uint64_t t = 0; t < 4; ++t) states.push_back(tape.Feed(RandomFloats({2, 3}, t)));
  const Value before = Concat({states[0], states[1], states[2]}, 0);
  const Value after = Stack({states[1], states[2], states[3]});
  const PlanGraph graph = ShareEqual(GraphOf(tape, {before, after}));
  const PlanGraph merged = MergeConcats(graph);
  EXPECT_THAT(Listing(merged.nodes),
              ElementsAre("0 feed", "1 feed", "2 feed", "3 feed", "4 concat 0 1 2 3", "5 slice 4",
                          "6 slice 4", "7 reshape 6"));
  EXPECT_THAT(merged.nodes.attributes(5).integers, ElementsAre(0, 0, 6));
  EXPECT_THAT(merged.nodes.attributes(6).integers, ElementsAre(0, 2, 8));
  EXPECT_THAT(merged.fetches, ElementsAre(5, 7));
}

TEST(MergeConcats, LeavesOthersAlone) {
  Tape tape;
  std::vector<Value> s;
  for (uint64_t t = 0; t < 4; ++t) s.push_back(tape.Feed(RandomFloats({2, 3}, t)));
  const Value longer = tape.Feed(RandomFloats({3, 3}, 9));
  const std::vector<std::vector<Value>> cases = {
      {Concat({s[0], s[1], s[2]}, 0), Concat({s[1], s[3], s[2]}, 0)},  // in another order
      {Concat({s[0], s[1], s[2]}, 0), Concat({s[1], s[2]}, 0)},        // fewer
      {Concat({s[0], s[1], s[2]}, 1), Concat({s[1], s[2], s[3]}, 1)},  // other axes
      {Concat({s[0], s[1]}, 0), Concat({s[1], longer}, 0)}};           // another size
  for (const std::vector<Value>& fetches : cases) {
    const PlanGraph graph = DropUnused(GraphOf(tape, fetches));
    EXPECT_EQ(Listing(MergeConcats(graph).nodes), Listing(graph.nodes));
  }
}

TEST(MergeConcats, KeepsValues) {
  ExpectLevelsAgree([](Tape& tape, VariableStore&) {
    std::vector<Value> s, fetches;
    for (uint64_t t = 0; t < 6; ++t) s.push_back(Exp(tape.Feed(RandomFloats({2, 3}, t))));
    for (int t = 0; t + 3 < 6; ++t) fetches.push_back(Tanh(Stack({s[t], s[t + 1], s[t + 2]})));
    fetches.push_back(Concat({s[0], s[0], s[0]}, 0));
    fetches.push_back(
        Exp(Stack({s[2], s[3], s[4], Tanh(fetches[0].shape().rank() == 3 ? s[5] : s[0])})));
    return fetches;
  });
}

}  // namespace
}  // namespace sluice
