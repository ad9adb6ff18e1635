#include <algorithm>
#include <regex>
#include <set>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/graph/program_state.h>
#include <sluice/graph/trace.h>
#include <sluice/graph/units.h>
#include <sluice/ops/composed.h>

#include "graph/tapes.h"

namespace sluice {
namespace {

using testing::HasSubstr;
using testing::Not;

// Something small, with an op that nothing needs and one that is recorded twice. Without a product:
// the size of packed operands depends on the processor.
class ExplainTest : public ::testing::Test {
 protected:
  ExplainTest() {
    Variable& weights = store_.root().Trainable("layer/weights", {3}, SmallRandom);
    const Tape::ScopeMark mark(tape_, "layer");
    const Value x = tape_.Feed(RandomFloats({2, 3}, 1));
    const Value w = tape_.Use(weights);
    const Value candidate = Tanh(x * w);
    const Value gate = Sigmoid(x * w);
    const Value y = Sum(candidate * gate, {1});
    Exp(y);
    fetches_ = {y};
  }
  Program PlanOf(PlanLevel level) {
    absl::StatusOr<Program> program = Plan(tape_, fetches_, {.level = level});
    EXPECT_TRUE(program.ok()) << program.status();
    return *std::move(program);
  }
  VariableStore store_;
  Tape tape_;
  std::vector<Value> fetches_;
};

TEST_F(ExplainTest, LevelDebug) {
  EXPECT_EQ(PlanOf(PlanLevel::kDebug).Explain(),
            R"(Plan at level debug: 9 recorded nodes, 8 planned, 6 kernels in 1 stage
  work        246 FLOP, 320 B read and written
  memory      384 B for intermediate values at their peak, 0 B for constants, 12 B for variables
  dropped     1 node that no output needs
  checked     every value has memory of its own, and is searched for NaN and infinity

calls  kernel                          scope  shapes         FLOP  bytes
       one after the other, 6 kernels                        246   320 B
  x 3    multiply                      layer  (2, 3)          18   192 B
  x 1    tanh                          layer  (2, 3)         120    48 B
  x 1    sigmoid                       layer  (2, 3)         102    48 B
  x 1    sum                           layer  (2, 3) -> (2)    6    32 B
)");
}

TEST_F(ExplainTest, LevelSimple) {
  EXPECT_EQ(PlanOf(PlanLevel::kSimple).Explain(),
            R"(Plan at level simple: 9 recorded nodes, 7 planned, 5 kernels in 1 stage
  work        240 FLOP, 260 B read and written
  memory      128 B for intermediate values at their peak, 0 B for constants, 12 B for variables
  dropped     1 node that no output needs
  shared      1 node with an equal one before
  placed      of 5 values in memory, 2 over an input, 0 in a concatenation, 0 in a variable

calls  kernel                          scope  shapes         FLOP  bytes
       one after the other, 5 kernels                        240   260 B
  x 2    multiply                      layer  (2, 3)          12   132 B
  x 1    tanh                          layer  (2, 3)         120    48 B
  x 1    sigmoid                       layer  (2, 3)         102    48 B
  x 1    sum                           layer  (2, 3) -> (2)    6    32 B
)");
}

TEST_F(ExplainTest, LevelFull) {
  const Program program = PlanOf(PlanLevel::kFull);
  EXPECT_EQ(program.Explain({.flops_per_second = 1e9, .bytes_per_second = 1e9}),
            R"(Plan at level full: 9 recorded nodes, 7 planned, 2 kernels in 1 stage
  work        240 FLOP, 92 B read and written
  memory      128 B for intermediate values at their peak, 0 B for constants, 12 B for variables
  time        266 ns, if each kernel reaches 1.00 GFLOP/s or 1.00 GB/s of memory
  dropped     1 node that no output needs
  shared      1 node with an equal one before
  fused       4 element-wise ops in 1 kernel; 3 results never reach memory
  placed      of 2 values in memory, 0 over an input, 0 in a concatenation, 0 in a variable

calls  kernel                      scope  shapes         FLOP  bytes    time  of peak
       chain of 2 rows, 2 kernels                        240    92 B   100 %   90.2 %
  x 1    multiply x2 tanh sigmoid  layer  (2, 3)         234    60 B  88.0 %    100 %
  x 1    sum                       layer  (2, 3) -> (2)    6    32 B  12.0 %   18.8 %
)");
}

TEST_F(ExplainTest, OfNothing) {
  const Tape tape;
  const absl::StatusOr<Program> program = Plan(tape, {});
  ASSERT_TRUE(program.ok());
  EXPECT_THAT(program->Explain({.flops_per_second = 1e9, .bytes_per_second = 1e9}),
              HasSubstr("0 recorded nodes, 0 planned, 0 kernels in 0 stages\n"));
  EXPECT_THAT(program->Dot("nothing"), HasSubstr("digraph"));
}

std::vector<std::string> Lines(const std::string& text) { return absl::StrSplit(text, '\n'); }

// A training step of a gated net: two input products for each of 35 steps.
class ExplainStepTest : public ::testing::Test {
 protected:
  ExplainStepTest()
      : fetches_(RecordTrainingStep(tape_, store_, {.steps = 35})),
        program_(*Plan(tape_, fetches_)) {}

  VariableStore store_;
  Tape tape_;
  std::vector<Value> fetches_;
  Program program_;
};

TEST_F(ExplainStepTest, CountsWhatThePlanDid) {
  const std::string text = program_.Explain();
  EXPECT_THAT(text, HasSubstr("\n  hoisted     70 products became 2\n"));
  EXPECT_THAT(text, HasSubstr(absl::StrCat("\n  packed      ", CountOps(program_.nodes(), "pack"),
                                           " right-hand")));
  EXPECT_THAT(text, HasSubstr(absl::StrCat(", ", program_.kernels(), " kernels in ")));
  const int adding =
      CountOps(program_.nodes(), "packed_matmul_add") + CountOps(program_.nodes(), "matmul_add");
  EXPECT_THAT(text, HasSubstr(absl::StrCat("\n  added       ", adding, " products")));
  EXPECT_THAT(text, HasSubstr(WithUnit(program_.flops(), "FLOP")));
  EXPECT_THAT(text,
              HasSubstr(WithUnit(static_cast<double>(program_.arena_bytes()), "B") + " for inter"));
}

TEST_F(ExplainStepTest, NamesAllKernelCalls) {
  int64_t calls = 0;
  for (const std::string& line : Lines(program_.Explain())) {
    std::smatch match;
    if (std::regex_search(line, match, std::regex("^ *x ([0-9]+) "))) calls += std::stoi(match[1]);
  }
  EXPECT_EQ(calls, program_.kernels());
}

TEST_F(ExplainStepTest, SaysTimesOnlyWhereLimitsAreKnown) {
  EXPECT_THAT(program_.Explain(), Not(HasSubstr("of peak")));
  EXPECT_THAT(program_.Explain({.flops_per_second = 1e9}), Not(HasSubstr("of peak")));
  const std::string text = program_.Explain({.flops_per_second = 1e9, .bytes_per_second = 1e9});
  EXPECT_THAT(text, HasSubstr("of peak"));
  EXPECT_THAT(text, HasSubstr("reaches 1.00 GFLOP/s or 1.00 GB/s of memory"));
}

TEST_F(ExplainStepTest, DoesNotGrowWithTheSteps) {
  const auto lines = [](int steps) {
    VariableStore store;
    Tape tape;
    const std::vector<Value> fetches = RecordTrainingStep(tape, store, {.steps = steps});
    const std::string text = Plan(tape, fetches)->Explain();
    return std::count(text.begin(), text.end(), '\n');
  };
  EXPECT_LT(lines(35), 80);
  EXPECT_NEAR(static_cast<double>(lines(20)), static_cast<double>(lines(60)), 12);
}

// Every edge leads from a vertex that is declared to one that is.
TEST_F(ExplainStepTest, PictureDeclaresAllVertices) {
  const std::string dot = program_.Dot("a \"step\"", {});
  EXPECT_THAT(dot, HasSubstr("label=\"a \\\"step\\\"\""));
  EXPECT_EQ(std::count(dot.begin(), dot.end(), '{'), std::count(dot.begin(), dot.end(), '}'));
  std::set<std::string> declared;
  std::set<std::string> used;
  for (const std::string& line : Lines(dot)) {
    std::smatch match;
    if (std::regex_search(line, match, std::regex("^([0-9]+) \\["))) {
      EXPECT_TRUE(declared.insert(match[1]).second) << line;
    }
    if (std::regex_search(line, match, std::regex("^([0-9]+)->([0-9]+)"))) {
      used.insert(match[1]);
      used.insert(match[2]);
    }
  }
  EXPECT_LT(declared.size(), 120);
  for (const std::string& vertex : used) EXPECT_TRUE(declared.contains(vertex)) << vertex;
  EXPECT_THAT(dot, HasSubstr("chain of 3 rows, "));
  EXPECT_THAT(dot, HasSubstr("side by side, "));
  EXPECT_THAT(dot, HasSubstr("label=\"t-1\""));
}

TEST_F(ExplainStepTest, TraceNamesOpsAndScopes) {
  Trace trace(50);
  ASSERT_TRUE(program_.Run({}, {.trace = &trace}).ok());
  EXPECT_EQ(trace.events(), 50);
  EXPECT_GE(trace.dropped(), program_.kernels() - 50);
  EXPECT_THAT(trace.Json(), HasSubstr("\"cat\": \"pack\""));
  EXPECT_THAT(trace.Json(), HasSubstr("\"scope\": \"rnn/0/update\""));
}

TEST(UnitsTest, ThreeDigitsAndAPrefix) {
  EXPECT_EQ(WithUnit(0, "B"), "0 B");
  EXPECT_EQ(WithUnit(64, "B"), "64 B");
  EXPECT_EQ(WithUnit(999, "B"), "999 B");
  EXPECT_EQ(WithUnit(1000, "B"), "1.00 kB");
  EXPECT_EQ(WithUnit(12'345'678, "FLOP"), "12.3 MFLOP");
  EXPECT_EQ(WithUnit(999'999, "FLOP"), "1.00 MFLOP");
  EXPECT_EQ(WithUnit(228e9, "FLOP/s"), "228 GFLOP/s");
  EXPECT_EQ(Duration(0.00291), "2.91 ms");
  EXPECT_EQ(Duration(3), "3.00 s");
  EXPECT_EQ(Percent(0), "0 %");
  EXPECT_EQ(Percent(0.0001), "<0.1 %");
  EXPECT_EQ(Percent(0.123), "12.3 %");
  EXPECT_EQ(Percent(1), "100 %");
  EXPECT_EQ(WithCommas(1'234'567), "1,234,567");
  EXPECT_EQ(WithCommas(123), "123");
  EXPECT_EQ(Counted(1, "kernel"), "1 kernel");
  EXPECT_EQ(Counted(2000, "kernel"), "2,000 kernels");
}

}  // namespace
}  // namespace sluice
