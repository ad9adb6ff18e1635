#include <cstdio>

#include <absl/flags/declare.h>
#include <absl/flags/flag.h>
#include <absl/strings/str_cat.h>

#include <sluice/experiments/commands.h>
#include <sluice/experiments/files.h>
#include <sluice/experiments/flags.h>
#include <sluice/graph/dot.h>
#include <sluice/ops/composed.h>

ABSL_DECLARE_FLAG(std::string, cell);
ABSL_FLAG(bool, rolled, false,
          "A whole training step (forward, gradients, update), with equal time steps folded.");
ABSL_FLAG(std::string, dot, "", "File to write; empty: standard output.");

namespace sluice {
namespace {

constexpr int64_t kSymbols = 64;

// One step of the cell: its equations and nothing else.
std::string StepDot(const CellSpec& spec, const std::string& name) {
  const int64_t batch = absl::GetFlag(FLAGS_batch);
  const int64_t inputs =
      absl::GetFlag(FLAGS_embedding) > 0 ? absl::GetFlag(FLAGS_embedding) : kSymbols;
  const int64_t hidden = absl::GetFlag(FLAGS_hidden);
  VariableStore store;
  const std::unique_ptr<Cell> cell = MakeCell(spec, store.root(), inputs, hidden);
  Tape tape;
  State state;
  const Value x = tape.Feed({DType::kF32, {batch, inputs}}, "x");
  for (const std::string& part : cell->StateNames()) {
    state.Set(part, tape.Feed({DType::kF32, {batch, hidden}}, part));
  }
  cell->Step(x, state);
  return WriteDot(tape.nodes(), {.title = absl::StrCat(name, ", one step")});
}

absl::StatusOr<std::string> TrainingDot(const std::string& name) {
  absl::StatusOr<LanguageModelOptions> options = ModelFromFlags();
  if (!options.ok()) return options.status();
  options->cell = name;
  options->vocabulary = kSymbols;
  LanguageModel model(*options);
  const Shape shape{absl::GetFlag(FLAGS_steps), absl::GetFlag(FLAGS_batch)};
  const Batch batch{.inputs = Tensor(DType::kI32, shape),
                    .targets = Tensor(DType::kI32, shape),
                    .mask = Tensor(DType::kF32, shape),
                    .tokens = shape.elements()};
  Tape tape;
  Sgd({.learning_rate = 1})
      .Minimize(model.Record(tape, batch, "train", true).mean, model.variables(), {.clip_norm = 1});
  if (!tape.status().ok()) return tape.status();
  return WriteDot(tape.nodes(),
                  {.rolled = true, .title = absl::StrCat(name, ", one training step")});
}

absl::Status RunGraph(absl::Span<const std::string>) {
  const std::string name = absl::GetFlag(FLAGS_cell);
  const absl::StatusOr<CellSpec> spec = ParseCellSpec(name);
  if (!spec.ok()) return AsUsageError("cell", spec.status());
  if (absl::Status status = TrainingFromFlags().status(); !status.ok()) return status;
  if (absl::Status status = ModelFromFlags().status(); !status.ok()) return status;
  absl::StatusOr<std::string> dot = absl::GetFlag(FLAGS_rolled)
                                        ? TrainingDot(name)
                                        : absl::StatusOr<std::string>(StepDot(*spec, name));
  if (!dot.ok()) return dot.status();
  const std::string path = absl::GetFlag(FLAGS_dot);
  if (!path.empty()) return WriteWholeFile(path, *dot);
  std::fputs(dot->c_str(), stdout);
  return absl::OkStatus();
}

}  // namespace

Command GraphCommand() {
  return {.name = "graph",
          .summary = "Writes a picture of a cell in the language of Graphviz.",
          .usage = "graph [--cell=gru] [--rolled] [--flag=value ...]",
          .flags = {"cell", "rolled", "dot", "hidden", "layers", "embedding", "batch", "steps"},
          .run = RunGraph};
}

}  // namespace sluice
