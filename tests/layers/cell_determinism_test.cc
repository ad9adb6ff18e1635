// The same bits for any number of threads, at sizes that are cut into pieces.

#include <gtest/gtest.h>
#include <tbb/global_control.h>

#include <sluice/layers/linear.h>
#include <sluice/layers/recurrent.h>
#include <sluice/ops/composed.h>
#include <sluice/optim/optimizer.h>

#include "layers/cells_under_test.h"

namespace sluice::testing {
namespace {

// T, B, I, H: products of one step take some 30 microseconds each and are cut, into parts of
// unequal size.
constexpr int64_t kSteps = 5, kBatch = 65, kInputs = 73, kHidden = 164;
constexpr int kThreadCounts[] = {1, 2, 3, 4, 7};

class AnyNumberOfThreads : public ::testing::TestWithParam<std::string> {
 private:
  // As many workers as the tests ask for, also where the machine has fewer processors.
  const tbb::global_control workers_{tbb::global_control::max_allowed_parallelism, 8};
};

class CellBits : public AnyNumberOfThreads {};
INSTANTIATE_TEST_SUITE_P(Registered, CellBits, ::testing::ValuesIn(StandardCells()), CellTestName);

TEST_P(CellBits, DoNotDependOnTheNumberOfThreads) {
  VariableStore variables;
  const Recurrent rnn(
      variables.root() / "rnn",
      {.cell = GetParam(), .inputs = kInputs, .hidden = kHidden, .direction = Direction::kBoth});
  SequenceInputs inputs = RandomSequence(DType::kF32, kSteps, kBatch, kInputs, kHidden, 2);
  std::vector<int64_t> lengths;
  for (int64_t b = 0; b < kBatch; ++b) lengths.push_back(1 + b % kSteps);
  inputs.mask = MaskOf(DType::kF32, kSteps, lengths);
  for (const PlanLevel level : {PlanLevel::kDebug, PlanLevel::kSimple, PlanLevel::kFull}) {
    SCOPED_TRACE(static_cast<int>(level));
    SequenceRun first;
    for (const int count : kThreadCounts) {
      SCOPED_TRACE(count);
      const Threads threads(count);
      const SequenceRun run =
          RunSequence(rnn, variables, inputs, {.arena = threads.arena(), .plan = {.level = level}});
      if (count == 1) first = run;
      ExpectSameBits(first, run);
    }
  }
}

class TrainingBits : public AnyNumberOfThreads {
 protected:
  // All variables, slots and carried states among them, after 50 updates.
  static std::vector<Tensor> Train(const std::string& cell, const RunOptions& options) {
    constexpr int64_t kSymbols = 30;
    VariableStore variables({.seed = 5});
    const Scope model = variables.root();
    const Embedding embed(model / "embedding", kSymbols, kInputs);
    const Recurrent rnn(
        model / "rnn",
        {.cell = cell, .inputs = kInputs, .hidden = kHidden, .layers = 2, .dropout = 0.2});
    const Linear read_out(model / "read_out", kHidden, kSymbols);
    const Adam adam({.learning_rate = 3e-3});
    RandomStream random(MakeRandomKey(5, "text"));
    for (int step = 0; step < 50; ++step) {
      Tensor ids(DType::kI32, {kSteps, kBatch}), targets(DType::kI32, {kSteps, kBatch});
      for (int32_t& id : ids.values<int32_t>()) id = static_cast<int32_t>(random.Below(kSymbols));
      for (int32_t& id : targets.values<int32_t>()) {
        id = static_cast<int32_t>(random.Below(kSymbols));
      }
      Tape tape;
      const Value hidden = rnn.Run(embed(tape.Feed(ids)), {.carry = "train"}).outputs;
      const Value loss = CrossEntropy(read_out(hidden), tape.Feed(targets));
      adam.Minimize(loss, variables, {.clip_norm = 0.5});
      const auto read = tape.Read(loss, options);
      EXPECT_TRUE(read.ok()) << read.status();
      if (!read.ok()) return {};
    }
    std::vector<Tensor> values;
    for (const Variable* variable : variables.variables()) {
      values.push_back(variable->value().Clone());
    }
    return values;
  }
};
INSTANTIATE_TEST_SUITE_P(Registered, TrainingBits, ::testing::ValuesIn(CellsOfAllKinds()),
                         CellTestName);

TEST_P(TrainingBits, DoNotDependOnTheNumberOfThreads) {
  std::vector<Tensor> first;
  for (const int count : kThreadCounts) {
    SCOPED_TRACE(count);
    const Threads threads(count);
    const std::vector<Tensor> values = Train(GetParam(), {.arena = threads.arena()});
    if (count == 1) first = values;
    ASSERT_EQ(values.size(), first.size());
    for (size_t i = 0; i < values.size(); ++i) EXPECT_TRUE(SameBits(values[i], first[i])) << i;
  }
}

}  // namespace
}  // namespace sluice::testing
