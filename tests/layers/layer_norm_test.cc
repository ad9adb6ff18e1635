// Layer norm of every cell's gates.

#include <algorithm>
#include <cmath>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

#include <sluice/layers/recurrent.h>

#include "layers/cells_under_test.h"
#include "support/read.h"

namespace sluice::testing {
namespace {

constexpr int64_t kInputs = 5, kHidden = 8;

void ScaleWeights(VariableStore& variables, absl::string_view name, double factor) {
  for (Variable* variable : variables.trainable()) {
    if (!absl::EndsWith(variable->path(), name)) continue;
    for (double& element : variable->value().values<double>()) element *= factor;
  }
}

// The numbers of a row are far above epsilon, which is what is left of their scale.
TEST(LayerNorm, MakesEveryCellBlindToTheScaleOfItsMatrices) {
  const Tensor x = RandomTensor(DType::kF64, {4, 3, kInputs}, 1);
  for (const std::string& cell : StandardCells()) {
    SCOPED_TRACE(cell);
    for (const char* norm : {"yes", "no"}) {
      VariableStore variables({.dtype = DType::kF64});
      const Recurrent rnn(
          variables.root() / "rnn",
          {.cell = absl::StrCat(cell, ":layer_norm=", norm), .inputs = kInputs, .hidden = kHidden});
      uint64_t seed = 1;
      for (Variable* variable : variables.trainable()) {
        variable->value() = RandomTensor(DType::kF64, variable->shape(), seed++);
      }
      const bool normalised = absl::string_view(norm) == "yes";
      const auto outputs = [&](const char* name, double factor) {
        ScaleWeights(variables, name, factor);
        Tape tape;
        return MustRead(rnn(tape.Feed(x)));
      };
      const auto difference = [](const Tensor& a, const Tensor& b) {
        double largest = 0;
        for (int64_t i = 0; i < a.elements(); ++i) {
          largest = std::max(largest, std::abs(a.At(i) - b.At(i)));
        }
        return largest;
      };
      if (!normalised) {
        const Tensor before = outputs("", 1);
        if (cell.substr(0, 2) == "ln" || cell == "ligru") continue;  // normalised as it is
        EXPECT_GT(difference(before, outputs("input_weights", 4)), 1e-2);
        continue;
      }
      const Tensor before = outputs("weights", 1e5);
      EXPECT_LT(difference(before, outputs("input_weights", 4)), 1e-7);
      EXPECT_LT(difference(before, outputs("recurrent_weights", 0.25)), 1e-7);
    }
  }
}

TEST(LayerNorm, LearnsAsManyNumbersAsTheFormulaSays) {
  std::vector<std::string> cells = AllCells();
  cells.emplace_back("{mine: z = sigmoid(W x + U h + b); h' = z * h + (1 - z) * tanh(W x)}");
  for (const std::string& cell : cells) {
    SCOPED_TRACE(cell);
    const absl::StatusOr<CellSpec> spec = ParseCellSpec(absl::StrCat(cell, ":layer_norm=yes"));
    ASSERT_TRUE(spec.ok()) << spec.status();
    VariableStore variables;
    MakeCell(*spec, variables.root() / "cell", kInputs, kHidden);
    ASSERT_TRUE(variables.status().ok()) << variables.status();
    EXPECT_EQ(CountParameters(*spec, kInputs, kHidden)->Of(kInputs, kHidden),
              variables.parameters());
  }
}

}  // namespace
}  // namespace sluice::testing
