#include <cstdio>
#include <memory>

#include <absl/flags/declare.h>
#include <absl/flags/flag.h>
#include <absl/strings/str_cat.h>

#include <sluice/experiments/commands.h>
#include <sluice/experiments/files.h>
#include <sluice/experiments/flags.h>
#include <sluice/experiments/quick_limits.h>
#include <sluice/graph/dot.h>
#include <sluice/graph/nearest.h>
#include <sluice/layers/cell_text.h>
#include <sluice/ops/composed.h>

ABSL_DECLARE_FLAG(std::string, cell);
ABSL_FLAG(bool, rolled, false,
          "A whole training step (forward, gradients, update), with equal time steps folded.");
ABSL_FLAG(std::string, plan, "",
          "Draws what planning makes of it at this level: debug, simple or full; --plan alone is "
          "full; empty: draws it as recorded.");
ABSL_FLAG(bool, explain, false,
          "Says in words what planning did, at --plan's level (full), instead of drawing.");
ABSL_FLAG(std::string, limits, "measure",
          "What the time of a planned kernel is predicted from: GFLOP/s,GB/s of the machine, such "
          "as 228,17.5; measure: what a product and a pass over memory reach here; none: no "
          "prediction.");
ABSL_FLAG(std::string, dot, "", "File to write; empty: standard output.");

namespace sluice {
namespace {

constexpr int64_t kSymbols = 64;

// A tape, and what its values belong to.
struct Recording {
  std::unique_ptr<VariableStore> store;
  std::unique_ptr<Cell> cell;
  std::unique_ptr<LanguageModel> model;
  std::unique_ptr<Tape> tape = std::make_unique<Tape>();
  std::vector<Value> results;
  std::string title;
  bool rolled = false;
};

// One step of the cell: its equations and nothing else.
absl::StatusOr<Recording> RecordStep(const std::string& name) {
  const absl::StatusOr<CellSpec> spec = ParseCellSpec(name);
  if (!spec.ok()) return spec.status();
  const int64_t batch = absl::GetFlag(FLAGS_batch);
  const int64_t inputs =
      absl::GetFlag(FLAGS_embedding) > 0 ? absl::GetFlag(FLAGS_embedding) : kSymbols;
  const int64_t hidden = absl::GetFlag(FLAGS_hidden);
  Recording recording{.store = std::make_unique<VariableStore>(),
                      .title = absl::StrCat(CellLabel(name), ", one step")};
  recording.cell = MakeCell(*spec, recording.store->root(), inputs, hidden);
  State state;
  const Value x = recording.tape->Feed({DType::kF32, {batch, inputs}}, "x");
  for (const std::string& part : recording.cell->StateNames()) {
    state.Set(part, recording.tape->Feed({DType::kF32, {batch, hidden}}, part));
  }
  const State next = recording.cell->Step(x, state);
  for (const std::string& part : recording.cell->StateNames()) {
    recording.results.push_back(next[part]);
  }
  return recording;
}

absl::StatusOr<Recording> RecordTraining(const std::string& name) {
  absl::StatusOr<LanguageModelOptions> options = ModelFromFlags();
  if (!options.ok()) return options.status();
  options->cell = name;
  options->vocabulary = kSymbols;
  Recording recording{.model = std::make_unique<LanguageModel>(*options),
                      .title = absl::StrCat(CellLabel(name), ", one training step"),
                      .rolled = true};
  const Shape shape{absl::GetFlag(FLAGS_steps), absl::GetFlag(FLAGS_batch)};
  const Batch batch{.inputs = Tensor(DType::kI32, shape),
                    .targets = Tensor(DType::kI32, shape),
                    .mask = Tensor(DType::kF32, shape),
                    .tokens = shape.elements()};
  const Value loss = recording.model->Record(*recording.tape, batch, "train", true).mean;
  Sgd({.learning_rate = 1}).Minimize(loss, recording.model->variables(), {.clip_norm = 1});
  recording.results.push_back(loss);
  return recording;
}

absl::StatusOr<PlanLevel> LevelFromFlags() {
  const std::string name = absl::GetFlag(FLAGS_plan);
  if (name == "debug") return PlanLevel::kDebug;
  if (name == "simple") return PlanLevel::kSimple;
  if (name == "full" || name.empty()) return PlanLevel::kFull;
  return UsageError(absl::StrCat("--plan: no level \"", name, "\"",
                                 NearestNameHint(name, {"debug", "simple", "full"})));
}

absl::StatusOr<MachineLimits> LimitsFromFlags() {
  const std::string text = absl::GetFlag(FLAGS_limits);
  if (text == "measure") {
    const Threads threads(ThreadsFromFlags());
    return QuickLimits(threads.arena());
  }
  absl::StatusOr<MachineLimits> limits = ParseLimits(text);
  if (!limits.ok()) return AsUsageError("limits", limits.status());
  return limits;
}

absl::StatusOr<std::string> PlanText(const Recording& recording) {
  const absl::StatusOr<PlanLevel> level = LevelFromFlags();
  if (!level.ok()) return level.status();
  const absl::StatusOr<MachineLimits> limits = LimitsFromFlags();
  if (!limits.ok()) return limits.status();
  const absl::StatusOr<Program> program =
      Plan(*recording.tape, recording.results, {.level = *level});
  if (!program.ok()) return program.status();
  if (absl::GetFlag(FLAGS_explain)) return program->Explain(*limits);
  return program->Dot(absl::StrCat(recording.title, ", planned"), *limits);
}

absl::StatusOr<std::string> TextOf(const Recording& recording) {
  if (!recording.tape->status().ok()) return recording.tape->status();
  if (absl::GetFlag(FLAGS_explain) || !absl::GetFlag(FLAGS_plan).empty()) {
    return PlanText(recording);
  }
  return WriteDot(recording.tape->nodes(), {.rolled = recording.rolled, .title = recording.title});
}

absl::Status RunGraph(absl::Span<const std::string>) {
  const absl::StatusOr<std::string> name = CheckedCell("cell", absl::GetFlag(FLAGS_cell));
  if (!name.ok()) return name.status();
  if (absl::Status status = TrainingFromFlags().status(); !status.ok()) return status;
  if (absl::Status status = ModelFromFlags().status(); !status.ok()) return status;
  const absl::StatusOr<Recording> recording =
      absl::GetFlag(FLAGS_rolled) ? RecordTraining(*name) : RecordStep(*name);
  if (!recording.ok()) return recording.status();
  const absl::StatusOr<std::string> text = TextOf(*recording);
  if (!text.ok()) return text.status();
  const std::string path = absl::GetFlag(FLAGS_dot);
  if (!path.empty()) return WriteWholeFile(path, *text);
  std::fputs(text->c_str(), stdout);
  return absl::OkStatus();
}

}  // namespace

Command GraphCommand() {
  return {.name = "graph",
          .summary = "Draws a cell or a training step for Graphviz, as recorded or as planned.",
          .usage = "graph [--cell=gru] [--rolled] [--plan[=full]] [--explain] [--flag=value ...]",
          .flags = {"cell", "rolled", "plan", "explain", "limits", "dot", "hidden", "layers",
                    "embedding", "batch", "steps", "threads", "plugin"},
          .run = RunGraph,
          .implied = {{"plan", "full"}}};
}

}  // namespace sluice
