// Gradients of every cell, in all its conventions, against central differences in f64.

#include <algorithm>
#include <functional>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

#include <sluice/layers/recurrent.h>
#include <sluice/ops/composed.h>

#include "layers/cells_under_test.h"
#include "support/gradient_check.h"

namespace sluice::testing {
namespace {

class CellGradients : public ::testing::TestWithParam<std::string> {
 protected:
  struct Sizes {
    int64_t steps, batch, inputs, hidden;
    int layers;
  };

  // Checks with x, the initial states and all variables as inputs.
  using Check = std::function<GradientCheck(const Function&, absl::Span<const Tensor>)>;
  void Expect(const Sizes& sizes, const Check& check) {
    VariableStore variables({.dtype = DType::kF64});
    const Recurrent rnn(variables.root() / "rnn", {.cell = GetParam(),
                                                   .inputs = sizes.inputs,
                                                   .hidden = sizes.hidden,
                                                   .layers = sizes.layers,
                                                   .direction = Direction::kBoth});
    const std::vector<std::string> names =
        MakeCell(rnn.cell(), Scope(&spare_, "cell"), 4, 4)->StateNames();
    std::vector<Tensor> inputs = {
        RandomTensor(DType::kF64, {sizes.steps, sizes.batch, sizes.inputs}, 1)};
    for (size_t i = 0; i < rnn.states() * names.size(); ++i) {
      inputs.push_back(RandomTensor(DType::kF64, {sizes.batch, sizes.hidden}, 2 + i));
      // A sum of weights, by which the cell divides.
      if (names[i % names.size()] != "n") continue;
      for (double& element : inputs.back().values<double>()) element += 2;
    }
    const size_t first_variable = inputs.size();
    const std::vector<Variable*> trained = variables.trainable();
    for (const Variable* variable : trained) {
      inputs.push_back(RandomTensor(DType::kF64, variable->shape(), 100 + inputs.size()));
    }
    std::vector<int64_t> lengths;
    for (int64_t b = 0; b < sizes.batch; ++b) lengths.push_back(sizes.steps - b);
    const Tensor mask = MaskOf(DType::kF64, sizes.steps, lengths);

    const Function function = [&](absl::Span<const Value> values) {
      Tape& tape = *values[0].tape();
      // A variable that was written reads as what was written: that makes it an input.
      for (size_t i = 0; i < trained.size(); ++i) {
        tape.Write(*trained[i], values[first_variable + i]);
      }
      RecurrentInputs given = {.mask = tape.Feed(mask)};
      given.initial.resize(rnn.states());
      size_t next = 1;
      for (State& state : given.initial) {
        for (const std::string& name : names) state.Set(name, values[next++]);
      }
      const RecurrentOutputs run = rnn.Run(values[0], given);
      std::vector<Value> results = {run.outputs};
      for (const State& state : run.final) {
        for (const std::string& name : names) results.push_back(state[name]);
      }
      for (Value& result : results) result = Reshape(result, {result.shape().elements()});
      return Concat(results, 0);
    };
    const GradientCheck result = check(function, inputs);
    EXPECT_TRUE(result.ok) << result.report;
  }

 private:
  VariableStore spare_;
};

// Those that do not truncate their gradients on purpose.
std::vector<std::string> Differentiable() {
  std::vector<std::string> cells = AllEquations();
  cells.erase(std::remove_if(cells.begin(), cells.end(),
                             [](const std::string& cell) {
                               return absl::StrContains(cell, "gradient=truncated");
                             }),
              cells.end());
  return cells;
}
INSTANTIATE_TEST_SUITE_P(Registered, CellGradients, ::testing::ValuesIn(Differentiable()),
                         CellTestName);

TEST_P(CellGradients, OfAMaskedStackBothWaysAreRight) {
  Expect({.steps = 3, .batch = 2, .inputs = 2, .hidden = 4, .layers = 3},
         [](const Function& function, absl::Span<const Tensor> inputs) {
           return CheckGradient(function, inputs);
         });
}

TEST_P(CellGradients, OfGradientsAreRight) {
  Expect({.steps = 2, .batch = 2, .inputs = 1, .hidden = 4, .layers = 1},
         [](const Function& function, absl::Span<const Tensor> inputs) {
           return CheckSecondGradient(function, inputs);
         });
}

// With everything that a run may drop: all of it is a function of the step.
std::vector<std::string> WithEverySwitch() {
  std::vector<std::string> cells;
  for (const char* cell : {"gru", "mgu", "lstm:preset=fgr", "slstm:heads=2", "rhn"}) {
    const bool has_memory = absl::StrContains(cell, "lstm");
    cells.push_back(absl::StrCat(cell, ":layer_norm=yes:zoneout=0.3:recurrent_dropout=0.3",
                                 ":state_dropout=0.3:weight_drop=0.3",
                                 has_memory ? ":zoneout_memory=0.3" : ""));
  }
  return cells;
}
class SwitchedCellGradients : public CellGradients {};
INSTANTIATE_TEST_SUITE_P(Some, SwitchedCellGradients, ::testing::ValuesIn(WithEverySwitch()),
                         CellTestName);

TEST_P(SwitchedCellGradients, AreRight) {
  Expect({.steps = 3, .batch = 2, .inputs = 2, .hidden = 4, .layers = 1},
         [](const Function& function, absl::Span<const Tensor> inputs) {
           return CheckGradient(function, inputs);
         });
}

}  // namespace
}  // namespace sluice::testing
