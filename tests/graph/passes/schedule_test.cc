#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/graph/passes/phases.h>
#include <sluice/ops/composed.h>

#include "graph/tapes.h"

namespace sluice {
namespace {

using ::testing::ElementsAre;

class ScheduleTest : public ::testing::Test {
 protected:
  Value Feed(const Shape& shape) { return tape_.Feed(RandomFloats(shape, ++feeds_)); }
  std::vector<std::string> Scheduled(const std::vector<Value>& fetches) {
    return Listing(Schedule(GraphOf(tape_, fetches)).nodes);
  }

  VariableStore store_;
  Tape tape_;
  uint64_t feeds_ = 0;
};

TEST_F(ScheduleTest, FindsPhases) {
  const Value x = Feed({2, 3}), w = Feed({3, 3});
  const Value a = Exp(x);        // of group 1
  const Value p = MatMul(a, w);  // reads it
  const Value b = Tanh(x);       // may wait for its reader
  const Value y = b * p;
  const Value view = Reshape(y, {6});
  const Value q = MatMul(y, w);
  const Value early = MatMul(x, w);  // reads no element-wise result
  const NodeList nodes = GraphOf(tape_, {view, q, early}).nodes;
  EXPECT_THAT(Listing(nodes),
              ElementsAre("0 feed", "1 feed", "2 exp 0", "3 matmul 2 1", "4 tanh 0",
                          "5 multiply 4 3", "6 reshape 5", "7 matmul 5 1", "8 matmul 0 1"));
  EXPECT_THAT(FindPhases(nodes, Consumers(nodes)), ElementsAre(0, 0, 1, 2, 3, 3, 3, 4, 0));
}

TEST_F(ScheduleTest, PutsElementwiseOpsSideBySide) {
  const Value x = Feed({2, 3}), w = Feed({3, 3});
  const Value a = Exp(x);
  const Value p = MatMul(a, w);
  const Value b = Tanh(a);
  const Value q = MatMul(b, w);
  EXPECT_THAT(
      Listing(GraphOf(tape_, {p, q}).nodes),
      ElementsAre("0 feed", "1 feed", "2 exp 0", "3 matmul 2 1", "4 tanh 2", "5 matmul 4 1"));
  EXPECT_THAT(Scheduled({p, q}), ElementsAre("0 feed", "1 feed", "2 exp 1", "3 tanh 2",
                                             "4 matmul 2 0", "5 matmul 3 0"));
}

TEST_F(ScheduleTest, PutsNodesOfAsManyRowsSideBySide) {
  const Value x = Feed({2, 3}), y = Feed({5, 3}), w = Feed({3, 3});
  const Value x1 = MatMul(x, w);
  const Value y1 = MatMul(y, w);
  const Value x2 = MatMul(Tanh(x1), w);
  const Value y2 = MatMul(Tanh(y1), w);
  const std::vector<std::string> after = Scheduled({x2, y2});
  EXPECT_THAT(after, ElementsAre("0 feed", "1 feed", "2 feed", "3 matmul 2 0", "4 tanh 3",
                                 "5 matmul 4 0", "6 matmul 1 0", "7 tanh 6", "8 matmul 7 0"));
}

TEST_F(ScheduleTest, PutsWhatIsNotRowByRowFirst) {
  const Value x = Feed({200, 100}), w = Feed({200, 100});
  const Value a = Exp(x);
  const Value p = Transpose(w, {1, 0});
  EXPECT_THAT(Scheduled({a, p}), ElementsAre("0 feed", "1 feed", "2 transpose 0", "3 exp 1"));
}

// The sum would come between the two that are row by row, for the second reads it.
TEST_F(ScheduleTest, PutsFewNumbersThatWaitForNothingFirst) {
  const Value x = Feed({200, 100}), few = Feed({200});
  const Value a = Exp(x);
  const Value b = Softplus(a) * Sum(few);
  EXPECT_THAT(Scheduled({b}), ElementsAre("0 feed", "1 feed", "2 sum 0", "3 exp 1", "4 softplus 3",
                                          "5 multiply 4 2"));
}

// All packs at the start would need memory for all at once.
TEST_F(ScheduleTest, MakesALargePackWhenAProductWaitsForNothingElse) {
  const auto packs_and_products = [&](int64_t size) {
    Tape tape;
    Value x = tape.Feed(RandomFloats({32, size}, 1));
    for (int i = 0; i < 2; ++i) x = MatMul(x, tape.Feed(RandomFloats({size, size}, 2)));
    const PlanGraph graph = Schedule(PackOperands(GraphOf(tape, {x})));
    std::string order;
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
      const OpKind kind = graph.nodes[id].op->kind;
      if (kind == OpKind::kPack) order += "pack ";
      if (kind == OpKind::kProduct) order += "product ";
    }
    return order;
  };
  EXPECT_EQ(packs_and_products(600), "pack product pack product ");
  EXPECT_EQ(packs_and_products(60), "pack pack product product ");
}

TEST_F(ScheduleTest, PutsAWriteBehindTheLastReaderOfTheOldValue) {
  Variable& a = store_.root().Fixed("a", {2});
  const Value old = tape_.Use(a);
  tape_.Write(a, old + 1);
  const Value late = Exp(Reshape(old, {1, 2}));
  EXPECT_THAT(
      Listing(GraphOf(tape_, {late}).nodes),
      ElementsAre("0 variable", "1 constant", "2 add 0 1", "3 write 2", "4 reshape 0", "5 exp 4"));
  const std::vector<std::string> after = Scheduled({late});
  EXPECT_EQ(after.back().substr(0, 7), "5 write");
}

TEST_F(ScheduleTest, LetsWritesThatSwapVariablesGo) {
  Variable& a = store_.root().Fixed("a", {2});
  Variable& b = store_.root().Fixed("b", {2});
  const Value old_a = tape_.Use(a);
  const Value old_b = tape_.Use(b);
  tape_.Write(a, old_b);
  tape_.Write(b, old_a);
  const PlanGraph after = Schedule(GraphOf(tape_, {}));
  EXPECT_EQ(after.nodes.size(), 4);
  EXPECT_EQ(CountOps(after.nodes, "write"), 2);
}

TEST_F(ScheduleTest, KeepsEveryNodeAndEveryFetch) {
  const std::vector<Value> fetches = RecordTrainingStep(tape_, store_, {.steps = 7});
  const PlanGraph before = GraphOf(tape_, fetches);
  const PlanGraph after = Schedule(before);
  ASSERT_EQ(after.nodes.size(), before.nodes.size());
  for (size_t i = 0; i < fetches.size(); ++i) {
    EXPECT_EQ(after.nodes.Describe(after.fetches[i]), before.nodes.Describe(before.fetches[i]));
  }
  for (NodeId id = 0; id < after.nodes.size(); ++id) {
    for (const NodeId input : after.nodes.inputs(id)) EXPECT_LT(input, id);
  }
}

}  // namespace
}  // namespace sluice
