#include "layers/cells_under_test.h"

#include <algorithm>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>

#include <sluice/graph/gradients.h>
#include <sluice/graph/random.h>
#include <sluice/ops/composed.h>

namespace sluice::testing {
namespace {

// The options of a cell that have choices.
std::vector<CellOption> ChoiceOptions(const CellRecord& record) {
  std::vector<CellOption> options;
  for (const CellOption& option : record.options) {
    if (!option.choices.empty()) options.push_back(option);
  }
  for (const CellOption& option : CommonCellOptions()) {
    if (option.name == "biases") options.push_back(option);
  }
  return options;
}

// Those that choose other equations, not other first values.
std::string Equations(const std::string& cell) {
  const CellSpec spec = *ParseCellSpec(cell);
  std::string equations = spec.record->name;
  for (const CellOption& option : ChoiceOptions(*spec.record)) {
    const std::string& choice = spec.options.at(option.name);
    if (!option.changes_equations || option.name == "init" || choice == option.standard) continue;
    absl::StrAppend(&equations, ":", option.name, "=", choice);
  }
  return equations;
}

// Under a sanitizer a few designs stand for all.
#ifdef SLUICE_FEW_CELLS
constexpr bool kFewCells = true;
#else
constexpr bool kFewCells = false;
#endif

}  // namespace

std::vector<std::string> StandardCells() {
  return kFewCells ? CellsOfAllKinds() : CellRegistry::Global().Names();
}

std::vector<std::string> CellsOfAllKinds() {
  return {"elman",
          "gru",
          "gru:reset=after:biases=two",
          "lstm",
          "lstm:preset=fgr",
          "lngru",
          "intersection",
          "qrnn:window=2",
          "rhn",
          "slstm:heads=2"};
}

std::vector<std::string> AllCells() {
  if (kFewCells) return CellsOfAllKinds();
  std::vector<std::string> cells;
  for (const CellRecord* record : CellRegistry::Global().All()) {
    cells.push_back(record->name);
    for (const auto& [preset, options] : record->presets) {
      cells.push_back(absl::StrCat(record->name, ":preset=", preset));
    }
    for (const CellOption& option : ChoiceOptions(*record)) {
      for (const std::string& choice : option.choices) {
        if (choice == option.standard) continue;
        cells.push_back(absl::StrCat(record->name, ":", option.name, "=", choice));
      }
    }
  }
  return cells;
}

std::vector<std::string> AllEquations() {
  if (kFewCells) return CellsOfAllKinds();
  std::vector<std::string> all;
  for (const std::string& cell : AllCells()) {
    std::string equations = Equations(cell);
    if (std::find(all.begin(), all.end(), equations) == all.end()) {
      all.push_back(std::move(equations));
    }
  }
  for (const char* cell : {"elman", "gru", "mgu2"}) {
    all.push_back(absl::StrCat(cell, ":layer_norm=yes"));
  }
  return all;
}

std::string CellTestName(const ::testing::TestParamInfo<std::string>& info) {
  return absl::StrReplaceAll(info.param, {{":", "_"}, {"=", "_"}, {".", "_"}});
}

std::string LayerError(const std::string& cell) {
  constexpr int64_t kInputs = 5, kHidden = 8;
  VariableStore variables;
  const Recurrent rnn(variables.root() / "rnn",
                      {.cell = cell, .inputs = kInputs, .hidden = kHidden});
  Tape tape;
  rnn(tape.Feed(Tensor(DType::kF32, {2, 3, kInputs})));
  return std::string(tape.status().message());
}

Tensor RandomTensor(DType dtype, const Shape& shape, uint64_t seed) {
  RandomStream random(MakeRandomKey(seed, "tests/layers"));
  Tensor tensor(DType::kF64, shape);
  for (double& element : tensor.values<double>()) element = 2 * random.Uniform() - 1;
  return tensor.Cast(dtype);
}

Tensor MaskOf(DType dtype, int64_t steps, absl::Span<const int64_t> lengths) {
  const int64_t batch = static_cast<int64_t>(lengths.size());
  Tensor mask(DType::kF64, {steps, batch});
  for (int64_t t = 0; t < steps; ++t) {
    for (int64_t b = 0; b < batch; ++b) {
      mask.data<double>()[t * batch + b] = t < lengths[b] ? 1 : 0;
    }
  }
  return mask.Cast(dtype);
}

Tensor ColumnOf(const Tensor& batch, int64_t column, int64_t steps) {
  const int64_t columns = batch.shape()[1];
  const int64_t width = batch.elements() / (batch.shape()[0] * columns);
  Tensor result(batch.dtype(), batch.shape().With(0, steps).With(1, 1));
  for (int64_t t = 0; t < steps; ++t) {
    std::copy_n(batch.data<float>() + (t * columns + column) * width, width,
                result.data<float>() + t * width);
  }
  return result;
}

Tensor RowOf(const Tensor& batch, int64_t row) {
  const int64_t width = batch.shape()[1];
  return Tensor(Shape{1, width}, batch.values<float>().subspan(row * width, width));
}

SequenceInputs RandomSequence(DType dtype, int64_t steps, int64_t batch, int64_t inputs,
                              int64_t hidden, int directions) {
  return {.x = RandomTensor(dtype, {steps, batch, inputs}, 1),
          .mask = Tensor(),
          .output_weights = RandomTensor(dtype, {steps, batch, directions * hidden}, 2),
          .final_weights = RandomTensor(dtype, {batch, hidden}, 3)};
}

SequenceRun RunSequence(const Recurrent& layer, VariableStore& variables,
                        const SequenceInputs& inputs, const RunOptions& options) {
  Tape tape;
  const Value x = tape.Feed(inputs.x);
  RecurrentInputs given;
  if (inputs.mask.elements() > 0) given.mask = tape.Feed(inputs.mask);
  if (inputs.explicit_zeros) {
    const Tensor zeros(inputs.final_weights.type());
    for (const State& state : layer.Run(x, given).final) {
      State zero;
      for (const State::Entry& entry : state.entries()) zero.Set(entry.name, tape.Feed(zeros));
      given.initial.push_back(zero);
    }
  }
  const RecurrentOutputs run = layer.Run(x, given);
  const Value final_weights = tape.Feed(inputs.final_weights);
  Value loss = Sum(run.outputs * tape.Feed(inputs.output_weights));
  std::vector<Value> values = {run.outputs};
  for (const State& state : run.final) {
    for (const State::Entry& entry : state.entries()) {
      values.push_back(entry.value);
      loss = loss + Sum(entry.value * final_weights);
    }
  }
  const size_t finals = values.size() - 1;
  std::vector<Value> by = {x};
  for (Variable* variable : variables.trainable()) by.push_back(tape.Use(*variable));
  const std::vector<Value> gradients = Gradients(loss, by);
  values.insert(values.end(), gradients.begin(), gradients.end());

  absl::StatusOr<std::vector<Tensor>> read = tape.Read(values, options);
  if (!read.ok()) {
    ADD_FAILURE() << read.status();
    return {};
  }
  const auto final_end = read->begin() + 1 + static_cast<std::ptrdiff_t>(finals);
  return {.outputs = read->front(),
          .finals = {read->begin() + 1, final_end},
          .x_gradient = *final_end,
          .weight_gradients = {final_end + 1, read->end()}};
}

void ExpectSameBits(const SequenceRun& a, const SequenceRun& b) {
  EXPECT_TRUE(SameBits(a.outputs, b.outputs)) << "outputs";
  EXPECT_TRUE(SameBits(a.x_gradient, b.x_gradient)) << "gradient by x";
  ASSERT_EQ(a.finals.size(), b.finals.size());
  for (size_t i = 0; i < a.finals.size(); ++i) {
    EXPECT_TRUE(SameBits(a.finals[i], b.finals[i])) << "final state " << i;
  }
  ASSERT_EQ(a.weight_gradients.size(), b.weight_gradients.size());
  for (size_t i = 0; i < a.weight_gradients.size(); ++i) {
    EXPECT_TRUE(SameBits(a.weight_gradients[i], b.weight_gradients[i])) << "weight gradient " << i;
  }
}

}  // namespace sluice::testing
