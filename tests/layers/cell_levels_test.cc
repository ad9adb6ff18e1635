// Whole training steps of every registered cell: each level of planning computes the same, to the
// last bit for any number of threads, in memory that holds.
//
// Not every combination is tried: each setting below combines other sizes, none of which is a
// multiple of a kernel's tile, with other layers, directions, masks, inputs, optimisers and dtypes,
// so that each value of each occurs at least once, and with most values of the others.

#include <algorithm>
#include <cmath>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>
#include <tbb/global_control.h>

#include <sluice/graph/gradients.h>
#include <sluice/layers/linear.h>
#include <sluice/layers/recurrent.h>
#include <sluice/ops/composed.h>
#include <sluice/optim/optimizer.h>

#include "layers/cells_under_test.h"
#include "support/memory_replay.h"

namespace sluice::testing {
namespace {

enum class Input : uint8_t { kDense, kEmbedding, kOneHot };

struct Setting {
  int64_t steps, batch, inputs, hidden;
  int layers;
  Direction direction;
  bool masked;
  Input input;
  bool adam;
  DType dtype;
};

constexpr Setting kSettings[] = {
    {1, 1, 7, 12, 1, Direction::kForward, false, Input::kDense, false, DType::kF64},
    {4, 3, 7, 12, 2, Direction::kBoth, true, Input::kEmbedding, true, DType::kF64},
    {3, 5, 33, 20, 1, Direction::kBackward, true, Input::kOneHot, false, DType::kF64},
    {5, 17, 7, 68, 1, Direction::kBoth, false, Input::kEmbedding, true, DType::kF64},
    {2, 17, 33, 52, 3, Direction::kForward, true, Input::kDense, false, DType::kF32},
    {6, 1, 33, 20, 2, Direction::kForward, false, Input::kOneHot, true, DType::kF64},
    {1, 5, 7, 52, 1, Direction::kBoth, true, Input::kDense, true, DType::kF64},
    {4, 17, 33, 68, 2, Direction::kForward, true, Input::kEmbedding, false, DType::kF32},
};

// Records one step of training: the loss, the outputs, the final states, and the gradients by the
// input and by each weight; writes the weights, the slots and the carried state.
class Model {
 public:
  Model(const std::string& cell, const Setting& setting, VariableStore& variables)
      : setting_(setting),
        variables_(variables),
        embed_(variables.root() / "embedding", kSymbols, setting.inputs),
        rnn_(variables.root() / "rnn", {.cell = cell,
                                        .inputs = Columns(),
                                        .hidden = setting.hidden,
                                        .layers = setting.layers,
                                        .direction = setting.direction,
                                        .dropout = setting.layers == 3 ? 0.2 : 0}),
        read_out_(variables.root() / "read_out", Directions() * setting.hidden, kSymbols) {}

  std::vector<Value> Record(Tape& tape, int step) const {
    const auto seed = static_cast<uint64_t>(step);
    const Shape shape = {setting_.steps, setting_.batch};
    const Value ids = tape.Feed(SymbolsOf(shape, seed));
    Value x;
    switch (setting_.input) {
      case Input::kDense:
        x = tape.Feed(RandomTensor(setting_.dtype, {shape[0], shape[1], Columns()}, seed + 1));
        break;
      case Input::kEmbedding:
        x = embed_(ids);
        break;
      case Input::kOneHot:
        x = OneHot(ids, kSymbols, setting_.dtype);
        break;
    }
    RecurrentInputs inputs;
    // Both directions have no state that goes on.
    if (setting_.direction == Direction::kForward) inputs.carry = "train";
    if (setting_.masked) {
      std::vector<int64_t> lengths;
      for (int64_t b = 0; b < shape[1]; ++b) lengths.push_back(1 + b % shape[0]);
      inputs.mask = tape.Feed(MaskOf(setting_.dtype, shape[0], lengths));
    }
    const RecurrentOutputs run = rnn_.Run(x, inputs);
    const Value loss = CrossEntropy(read_out_(run.outputs), tape.Feed(SymbolsOf(shape, seed + 2)));
    std::vector<Value> fetches = {loss, run.outputs};
    for (const State& state : run.final) {
      for (const State::Entry& entry : state.entries()) fetches.push_back(entry.value);
    }
    std::vector<Value> by = {x};
    for (Variable* variable : variables_.trainable()) {
      if (tape.ReadOf(*variable) != kNoNode) by.push_back(tape.Use(*variable));
    }
    for (const Value& gradient : Gradients(loss, by)) fetches.push_back(gradient);
    const Sgd sgd({.learning_rate = 0.1, .momentum = 0.9});
    const Adam adam({.learning_rate = 1e-2});
    const Optimizer& optimizer = setting_.adam ? static_cast<const Optimizer&>(adam) : sgd;
    fetches.push_back(optimizer.Minimize(loss, variables_, {.clip_norm = 0.1}));
    return fetches;
  }

 private:
  static constexpr int64_t kSymbols = 11;

  int64_t Columns() const { return setting_.input == Input::kOneHot ? kSymbols : setting_.inputs; }
  int64_t Directions() const { return setting_.direction == Direction::kBoth ? 2 : 1; }

  static Tensor SymbolsOf(const Shape& shape, uint64_t seed) {
    Tensor ids(DType::kI32, shape);
    RandomStream random(MakeRandomKey(seed, "symbols"));
    for (int32_t& id : ids.values<int32_t>()) id = static_cast<int32_t>(random.Below(kSymbols));
    return ids;
  }

  const Setting setting_;
  VariableStore& variables_;
  Embedding embed_;
  Recurrent rnn_;
  Linear read_out_;
};

// What two steps of training give, and all variables after them: weights, slots, carried states.
std::vector<Tensor> Train(const std::string& cell, const Setting& setting, PlanLevel level,
                          int threads) {
  const Threads arena(threads);
  VariableStore variables({.seed = 3, .dtype = setting.dtype});
  const Model model(cell, setting, variables);
  std::vector<Tensor> results;
  for (int step = 0; step < 2; ++step) {
    Tape tape;
    const std::vector<Value> fetches = model.Record(tape, step);
    absl::StatusOr<std::vector<Tensor>> read =
        tape.Read(fetches, {.arena = arena.arena(), .plan = {.level = level}});
    if (!read.ok()) {
      ADD_FAILURE() << read.status();
      return {};
    }
    for (Tensor& tensor : *read) results.push_back(std::move(tensor));
  }
  for (const Variable* variable : variables.variables()) results.push_back(variable->value());
  return results;
}

double LargestOf(const Tensor& tensor) {
  double largest = 0;
  for (int64_t i = 0; i < tensor.elements(); ++i)
    largest = std::max(largest, std::abs(tensor.At(i)));
  return largest;
}

void ExpectNear(const std::vector<Tensor>& expected, const std::vector<Tensor>& actual,
                double tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(actual[i].type(), expected[i].type()) << "result " << i;
    const double largest = LargestOf(expected[i]);
    for (int64_t k = 0; k < expected[i].elements(); ++k) {
      ASSERT_NEAR(actual[i].At(k), expected[i].At(k), tolerance * largest)
          << "result " << i << ", element " << k << ", largest " << largest;
    }
  }
}

void ExpectSameBits(const std::vector<Tensor>& expected, const std::vector<Tensor>& actual) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_TRUE(SameBits(actual[i], expected[i])) << "result " << i;
  }
}

class CellLevels : public ::testing::TestWithParam<std::string> {
 private:
  // As many workers as the tests ask for, also where the machine has fewer processors.
  const tbb::global_control workers_{tbb::global_control::max_allowed_parallelism, 8};
};
INSTANTIATE_TEST_SUITE_P(Registered, CellLevels, ::testing::ValuesIn(AllEquations()), CellTestName);

TEST_P(CellLevels, ComputeTheSame) {
  // The bias of sLSTM's input gate scales both c and n: its gradient is nothing but rounding
  // errors, which the optimiser makes as large as any other.
  const std::string cell = absl::StrContains(GetParam(), "slstm")
                               ? absl::StrCat(GetParam(), ":biases=none")
                               : GetParam();
  for (const Setting& setting : kSettings) {
    SCOPED_TRACE(&setting - kSettings);
    const std::vector<Tensor> debug = Train(cell, setting, PlanLevel::kDebug, 1);
    ExpectSameBits(debug, Train(cell, setting, PlanLevel::kSimple, 1));
    ExpectNear(debug, Train(cell, setting, PlanLevel::kFull, 1),
               setting.dtype == DType::kF64 ? 1e-11 : 1e-4);
  }
}

// Cells whose plans differ most.
class CellPlans : public CellLevels {};
INSTANTIATE_TEST_SUITE_P(Registered, CellPlans, ::testing::ValuesIn(CellsOfAllKinds()),
                         CellTestName);

TEST_P(CellPlans, GiveTheSameBitsForAnyNumberOfThreads) {
  for (const Setting& setting : kSettings) {
    SCOPED_TRACE(&setting - kSettings);
    for (const PlanLevel level : {PlanLevel::kDebug, PlanLevel::kSimple, PlanLevel::kFull}) {
      SCOPED_TRACE(static_cast<int>(level));
      const std::vector<Tensor> one = Train(GetParam(), setting, level, 1);
      for (const int threads : {2, 3, 4, 3}) {
        ExpectSameBits(one, Train(GetParam(), setting, level, threads));
      }
    }
  }
}

TEST_P(CellPlans, HoldInMemory) {
  for (const Setting& setting : kSettings) {
    SCOPED_TRACE(&setting - kSettings);
    VariableStore variables({.dtype = setting.dtype});
    const Model model(GetParam(), setting, variables);
    Tape tape;
    const std::vector<Value> fetches = model.Record(tape, 0);
    ASSERT_TRUE(tape.status().ok()) << tape.status();
    // All that may be read, and what a run of training reads.
    ExpectMemoryHolds(tape, fetches);
    ExpectMemoryHolds(tape, {fetches[0]});
  }
}

}  // namespace
}  // namespace sluice::testing
