#include <regex>
#include <string>

#include <absl/strings/str_split.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/graph/dot.h>
#include <sluice/graph/fold_steps.h>
#include <sluice/ops/composed.h>

#include "graph/tapes.h"

namespace sluice {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

int CountLines(const std::string& dot, const std::string& pattern) {
  const std::regex regex(pattern);
  int count = 0;
  for (const absl::string_view line : absl::StrSplit(dot, '\n')) {
    count += std::regex_search(line.begin(), line.end(), regex) ? 1 : 0;
  }
  return count;
}
int CountVertices(const std::string& dot) { return CountLines(dot, "^[0-9]+ ?\\["); }

std::string DotOfStep(int steps, bool rolled) {
  VariableStore store;
  Tape tape;
  RecordTrainingStep(tape, store, {.steps = steps});
  EXPECT_TRUE(tape.status().ok()) << tape.status();
  return WriteDot(tape.nodes(), {.rolled = rolled, .title = "a training step"});
}

TEST(WriteDot, DrawsOpsShapesAndSources) {
  VariableStore store;
  Variable& weights = store.root().Trainable("layer/weights", {3, 4}, SmallRandom);
  Tape tape;
  const Tape::ScopeMark mark(tape, "layer/inner");
  const Value x = tape.Feed(RandomFloats({2, 3}, 1));
  tape.Write(weights, tape.Use(weights) * 2);
  MatMul(x, tape.Use(weights));
  const std::string dot = WriteDot(tape.nodes(), {.title = "a \"title\""});
  EXPECT_THAT(dot, AllOf(HasSubstr("label=\"a \\\"title\\\"\""), HasSubstr("\"feed\\n(2, 3)\""),
                         HasSubstr("\"variable\\nlayer/weights\\n(3, 4)\""),
                         HasSubstr("\"write\\nlayer/weights\\n(3, 4)\""), HasSubstr("label=\"2\""),
                         HasSubstr("\"matmul\\n(2, 4)\""), HasSubstr("label=\"layer\""),
                         HasSubstr("label=\"inner\"")));
  EXPECT_EQ(CountVertices(dot), tape.size());
}

TEST(WriteDot, OfNothingIsAnEmptyPicture) {
  const Tape tape;
  EXPECT_THAT(WriteDot(tape.nodes()), HasSubstr("digraph"));
  EXPECT_THAT(WriteDot(tape.nodes(), {.rolled = true}), HasSubstr("digraph"));
}

TEST(WriteDot, UnrolledHasAVertexForEachNode) {
  VariableStore store;
  Tape tape;
  RecordTrainingStep(tape, store, {.steps = 3});
  EXPECT_EQ(CountVertices(WriteDot(tape.nodes())), tape.size());
}

TEST(WriteDot, RolledDrawsAllStepsAsOne) {
  const std::string dot = DotOfStep(35, /*rolled=*/true);
  EXPECT_THAT(dot, AllOf(HasSubstr("tanh\\n(3, 6)\\n× 35"), HasSubstr("sigmoid\\n(3, 6)\\n× 35"),
                         HasSubstr("label=\"t-1\""), HasSubstr("label=\"t+1\"")));
  EXPECT_LT(CountVertices(dot), 150);
  EXPECT_EQ(CountLines(dot, "tanh"), 1);
}

// Whatever the number of steps, the picture is the same but for the numbers in it.
TEST(WriteDot, RolledDoesNotGrowWithTheSteps) {
  const auto without_counts = [](const std::string& dot) {
    return std::regex_replace(dot, std::regex("× [0-9]+|\\([0-9, ]+\\)|label=\"-?[0-9.e-]+\""), "");
  };
  const std::string ten = without_counts(DotOfStep(10, /*rolled=*/true));
  const std::string forty = without_counts(DotOfStep(40, /*rolled=*/true));
  EXPECT_EQ(ten, forty);
}

class FoldStepsTest : public ::testing::Test {
 protected:
  // Operations with the name `op`, as how often each occurs.
  std::vector<int32_t> Counts(absl::string_view op) const {
    const FoldedSteps folded = FoldSteps(tape_.nodes());
    std::vector<int32_t> counts;
    for (const FoldedSteps::Operation& operation : folded.operations) {
      if (tape_.nodes()[operation.example].op->name == op) counts.push_back(operation.count);
    }
    return counts;
  }
  VariableStore store_;
  Tape tape_;
};

TEST_F(FoldStepsTest, LeavesNodesWithoutStepAlone) {
  const Value x = tape_.Feed(Floats({}, {1}));
  Negate(Negate(Negate(x)));
  EXPECT_EQ(Counts("negate"), (std::vector<int32_t>{1, 1, 1}));
}

TEST_F(FoldStepsTest, TellsForwardFromGradient) {
  Value h = tape_.Feed(Floats({}, {1}));
  for (int t = 0; t < 10; ++t) {
    const Tape::StepMark step(tape_, t);
    h = Tanh(h) * h;
  }
  const Value loss = Sum(Square(h));
  Gradients(loss, {Value(&tape_, 0)});
  const std::vector<int32_t> multiplications = Counts("multiply");
  EXPECT_EQ(Counts("tanh"), std::vector<int32_t>{10});
  // One forward; in the gradient g * h, g * tanh and its derivative's. The loss has its own.
  EXPECT_EQ(multiplications[0], 10);
  EXPECT_GT(multiplications.size(), 3);
}

TEST_F(FoldStepsTest, MatchesStepsThatLackANodeByWhatTheyRead) {
  const Value x = tape_.Feed(Floats({}, {1}));
  const Value a = tape_.Feed(Floats({}, {2}));
  const Value b = tape_.Feed(Floats({}, {3}));
  std::vector<NodeId> readers_of_b;
  for (int t = 0; t < 5; ++t) {
    const Tape::StepMark step(tape_, t);
    if (t > 0) x* a;
    readers_of_b.push_back((x * b).node());
  }
  EXPECT_EQ(Counts("multiply"), (std::vector<int32_t>{5, 4}));
  const FoldedSteps folded = FoldSteps(tape_.nodes());
  for (const NodeId id : readers_of_b) {
    EXPECT_EQ(folded.operation_of[id], folded.operation_of[readers_of_b[0]]);
  }
}

TEST_F(FoldStepsTest, FoldsWhatLeadsToAndFromTheSteps) {
  const Value x = tape_.Feed(RandomFloats({6, 2}, 1));
  std::vector<Value> outputs;
  for (int t = 0; t < 6; ++t) {
    const Value row = Index(x, t);
    Value y;
    {
      const Tape::StepMark step(tape_, t);
      y = Tanh(row);
    }
    outputs.push_back(Exp(y));
  }
  Concat(outputs, 0);
  EXPECT_EQ(Counts("slice"), std::vector<int32_t>{6});
  EXPECT_EQ(Counts("exp"), std::vector<int32_t>{6});
  EXPECT_EQ(Counts("concat"), std::vector<int32_t>{1});
}

TEST_F(FoldStepsTest, TellsLayersApartByScope) {
  Value x = tape_.Feed(Floats({}, {1}));
  for (const absl::string_view layer : {"0", "1"}) {
    const Tape::ScopeMark mark(tape_, layer);
    for (int t = 0; t < 4; ++t) {
      const Tape::StepMark step(tape_, t);
      x = Tanh(x);
    }
  }
  EXPECT_EQ(Counts("tanh"), (std::vector<int32_t>{4, 4}));
}

}  // namespace
}  // namespace sluice
