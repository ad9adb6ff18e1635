#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <sluice/ops/composed.h>

#include "graph/tapes.h"
#include "support/memory_replay.h"

namespace sluice {
namespace {

using testing::ExpectMemoryHolds;
using testing::MemoryReplay;

int64_t SumOfBytes(const PlanGraph& graph) {
  int64_t sum = 0;
  for (NodeId id = 0; id < graph.nodes.size(); ++id) {
    const OpKind kind = graph.nodes[id].op->kind;
    if (kind == OpKind::kFeed || kind == OpKind::kConstant || kind == OpKind::kVariable ||
        kind == OpKind::kWrite || IsView(graph.nodes, id)) {
      continue;
    }
    sum += graph.nodes[id].type.bytes();
  }
  return sum;
}

// The only node with this op.
NodeId Find(const NodeList& nodes, absl::string_view op) {
  for (NodeId id = 0; id < nodes.size(); ++id) {
    if (nodes[id].op->name == op) return id;
  }
  return kNoNode;
}

class PlaceValuesTest : public ::testing::Test {
 protected:
  void Place(const std::vector<Value>& fetches, bool reuse = true) {
    ASSERT_TRUE(tape_.status().ok()) << tape_.status();
    graph_ = RunPasses(GraphOf(tape_, fetches), PlanLevel::kSimple);
    plan_ = PlaceValues(graph_, reuse);
    MemoryReplay(graph_, plan_).Check();
  }
  const sluice::Place& PlaceOf(absl::string_view op) const {
    return plan_.places[Find(graph_.nodes, op)];
  }

  VariableStore store_;
  Tape tape_;
  PlanGraph graph_;
  MemoryPlan plan_;
};

TEST_F(PlaceValuesTest, ComputesElementwiseResultsInPlace) {
  Value x = Exp(tape_.Feed(RandomFloats({16, 16}, 1)));
  for (int i = 0; i < 10; ++i) x = Tanh(x);
  Place({x});
  EXPECT_EQ(plan_.arena_bytes, 16 * 16 * 4);
}

TEST_F(PlaceValuesTest, KeepsAnInputThatSomebodyStillReads) {
  const Value x = Exp(tape_.Feed(RandomFloats({16}, 1)));
  const Value y = Tanh(x);
  Place({y + x, x});
  EXPECT_EQ(plan_.arena_bytes, 2 * 64);
}

TEST_F(PlaceValuesTest, NeverWritesOverABroadcastInput) {
  const Value x = Exp(tape_.Feed(RandomFloats({4, 16}, 1)));
  const Value row = Tanh(Slice(x, 0, 1, 2));
  Place({x - Slice(x, 0, 0, 1), x * row, row + x});
  ExpectLevelsAgree([](Tape& tape, VariableStore&) {
    const Value x = Exp(tape.Feed(RandomFloats({4, 16}, 1)));
    return std::vector<Value>{x - Slice(x, 0, 0, 1)};
  });
}

TEST_F(PlaceValuesTest, NeverWritesToFeedsAndConstants) {
  const Value x = tape_.Feed(RandomFloats({16}, 1));
  Place({Exp(x), Exp(tape_.Constant(1, DType::kF32, {16}))});
  EXPECT_EQ(PlaceOf("exp").base, sluice::Place::Base::kArena);
}

TEST_F(PlaceValuesTest, ReusesMemoryOfOtherSizes) {
  Value x = tape_.Feed(RandomFloats({32, 32}, 1));
  for (int i = 0; i < 8; ++i) {
    const int axes[] = {0};
    x = Transpose(x, {1, 0}) + Sum(Transpose(Exp(x), {1, 0}), axes);
  }
  Place({x});
  EXPECT_LT(plan_.arena_bytes, SumOfBytes(graph_) / 4);
}

// The logits, their softmax and their gradient are one place.
TEST_F(PlaceValuesTest, LossNeedsNoSecondCopyOfTheLogits) {
  const Value x = tape_.Feed(RandomFloats({40, 8}, 2));
  const Value ids = tape_.Feed(Tensor(Shape{40}, std::vector<int32_t>(40, 7)));
  const Value logits = MatMul(x, tape_.Feed(RandomFloats({8, 5000}, 1)));
  const Value gradient = Gradients(CrossEntropy(logits, ids), {x})[0];
  graph_ = RunPasses(GraphOf(tape_, {gradient}), PlanLevel::kFull);
  const Stages stages = FindStages(graph_);
  plan_ = PlaceValues(graph_, /*reuse=*/true, stages);
  const sluice::Place& place = PlaceOf("packed_matmul");
  EXPECT_EQ(PlaceOf("exp"), place);
  EXPECT_EQ(PlaceOf("place_at_onto"), place);
}

// x^T · y over y, which nobody reads later: a large result, of no more rows. Every number of
// columns that is left, and every one of rows.
TEST_F(PlaceValuesTest, LaysALargeProductInItsRightHandOperand) {
  const auto product = [](Tape& tape, int64_t rows, int64_t inner, int64_t columns, bool is_last) {
    const Value y = Exp(tape.Feed(RandomFloats({inner, columns}, 1)));
    const Value x = tape.Feed(RandomFloats({inner, rows}, 2));
    std::vector<Value> fetches = {MatMul(x, y, {.transpose_left = true})};
    if (!is_last) fetches.push_back(y);
    return fetches;
  };
  const auto lies_in_operand = [&](int64_t rows, int64_t inner, int64_t columns, bool is_last) {
    Tape tape;
    graph_ =
        RunPasses(GraphOf(tape, product(tape, rows, inner, columns, is_last)), PlanLevel::kFull);
    const Stages stages = FindStages(graph_);
    plan_ = PlaceValues(graph_, /*reuse=*/true, stages);
    MemoryReplay(graph_, plan_, stages).Check();
    return PlaceOf("matmul") == PlaceOf("exp");
  };
  EXPECT_TRUE(lies_in_operand(70, 70, 16001, true));
  EXPECT_FALSE(lies_in_operand(70, 69, 16001, true));
  EXPECT_FALSE(lies_in_operand(70, 70, 16001, false));
  EXPECT_FALSE(lies_in_operand(70, 70, 1600, true));
  struct Size {
    int64_t rows, inner;
  };
  for (const Size& size : {Size{61, 67}, {1, 1}, {130, 1000}}) {
    const int64_t rows = size.rows;
    const int64_t inner = size.inner;
    const int64_t columns = (int64_t{1} << 20) / rows + 50;
    const auto read = [&](PlanLevel level) {
      Tape tape;
      return tape.Read(product(tape, rows, inner, columns, true), {.plan = {.level = level}})
          .value();
    };
    EXPECT_TRUE(lies_in_operand(rows, inner, columns, true));
    EXPECT_TRUE(SameBits(read(PlanLevel::kFull)[0], read(PlanLevel::kDebug)[0])) << rows;
  }
}

TEST_F(PlaceValuesTest, LaysPiecesInTheirConcatenation) {
  const Value x = tape_.Feed(RandomFloats({4, 16}, 1));
  std::vector<Value> pieces;
  for (int i = 0; i < 5; ++i) pieces.push_back(Transpose(x, {1, 0}) * (1.0 + i));
  Place({Tanh(Stack(pieces))});
  const int64_t piece = 4 * 16 * 4;
  const NodeId concat = Find(graph_.nodes, "concat");
  const absl::Span<const NodeId> inputs = graph_.nodes.inputs(concat);
  for (size_t i = 0; i < inputs.size(); ++i) {
    EXPECT_EQ(plan_.places[inputs[i]].offset,
              plan_.places[concat].offset + static_cast<int64_t>(i) * piece);
  }
  // The transposed input and the concatenation, in which tanh happens too.
  EXPECT_EQ(plan_.arena_bytes, 6 * piece);
}

TEST_F(PlaceValuesTest, LaysAPieceInTheFirstConcatenationOnly) {
  const Value x = Exp(tape_.Feed(RandomFloats({4, 16}, 1)));
  const Value y = Exp(tape_.Feed(RandomFloats({4, 16}, 2)));
  Place({Concat({x, y, x}, 0), Concat({y, x}, 0), Concat({x, y}, 1)});
}

TEST_F(PlaceValuesTest, LaysConcatenationsInConcatenations) {
  const Value x = tape_.Feed(RandomFloats({16}, 1));
  const Value inner = Concat({Exp(x), Tanh(x)}, 0);
  Place({Concat({Sin(x), inner, Cos(x)}, 0), inner});
  EXPECT_EQ(plan_.arena_bytes, 4 * 64);
}

TEST_F(PlaceValuesTest, PutsViewsInTheirInput) {
  const Value x = Exp(tape_.Feed(RandomFloats({4, 16}, 1)));
  const Value row = Slice(x, 0, 2, 3);
  Place({Reshape(row, {4, 4}), x});
  EXPECT_EQ(plan_.arena_bytes, 4 * 16 * 4);
  EXPECT_EQ(PlaceOf("slice").offset, 2 * 64);
  EXPECT_EQ(PlaceOf("reshape").offset, 2 * 64);
}

TEST_F(PlaceValuesTest, ComputesAWrittenValueInItsVariable) {
  Variable& a = store_.root().Trainable("a", {32}, SmallRandom);
  const Value gradient = Exp(tape_.Feed(RandomFloats({32}, 1)));
  const Value updated = tape_.Use(a) - 0.1 * gradient;
  tape_.Write(a, updated);
  Place({});
  EXPECT_EQ(PlaceOf("subtract").base, sluice::Place::Base::kVariable);
  EXPECT_EQ(plan_.arena_bytes, 32 * 4);
}

TEST_F(PlaceValuesTest, KeepsAWrittenValueOutOfItsVariableWhileTheOldOneIsRead) {
  Variable& a = store_.root().Trainable("a", {32}, SmallRandom);
  const Value updated = Tanh(tape_.Use(a));
  tape_.Write(a, updated);
  Place({tape_.Use(a) * tape_.Feed(RandomFloats({32}, 1)), Exp(Value(&tape_, tape_.ReadOf(a)))});
  EXPECT_EQ(PlaceOf("tanh").base, sluice::Place::Base::kArena);
}

TEST_F(PlaceValuesTest, KeepsAWrittenValueOutOfItsVariableWhenItReadsAnotherPartOfIt) {
  Variable& a = store_.root().Trainable("a", {2, 32}, SmallRandom);
  const Value old = tape_.Use(a);
  tape_.Write(a, old + Slice(old, 0, 0, 1));
  Place({});
  EXPECT_EQ(PlaceOf("add").base, sluice::Place::Base::kArena);
}

TEST_F(PlaceValuesTest, GivesEachValueItsOwnMemoryForDebugging) {
  const Value x = Exp(tape_.Feed(RandomFloats({16}, 1)));
  Place({Tanh(Tanh(x))}, /*reuse=*/false);
  EXPECT_EQ(plan_.arena_bytes, SumOfBytes(graph_));
}

TEST_F(PlaceValuesTest, PlacesValuesWithoutElements) {
  const Value x = Exp(tape_.Feed(Tensor(DType::kF32, {0, 3})));
  const Value y = Exp(tape_.Feed(RandomFloats({2, 3}, 1)));
  Place({Concat({x, Tanh(y), x}, 0), Sum(x)});
}

TEST_F(PlaceValuesTest, PlacesATrainingStepInLessThanTheSum) {
  const std::vector<Value> fetches =
      RecordTrainingStep(tape_, store_, {.steps = 12, .batch = 4, .inputs = 8, .hidden = 16});
  Place({fetches[0]});
  EXPECT_LT(plan_.arena_bytes, SumOfBytes(graph_) / 2);
  EXPECT_EQ(PlaceOf("write").base, sluice::Place::Base::kVariable);
}

// The checker itself: a plan that is wrong must not pass it.
TEST(MemoryReplay, SeesAnOverwrittenValue) {
  EXPECT_NONFATAL_FAILURE(
      {
        Tape tape;
        const Value x = Exp(tape.Feed(RandomFloats({16}, 1)));
        const Value y = Tanh(x);
        const PlanGraph graph = DropUnused(GraphOf(tape, {x, y}));
        MemoryPlan plan = PlaceValues(graph, /*reuse=*/true);
        plan.places[y.node()] = plan.places[x.node()];
        MemoryReplay(graph, plan).Check();
      },
      "the caller reads 1 exp");
}

}  // namespace
}  // namespace sluice
