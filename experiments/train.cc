#include <cstdio>
#include <optional>

#include <absl/flags/flag.h>
#include <absl/strings/str_format.h>

#include <sluice/experiments/commands.h>
#include <sluice/experiments/files.h>
#include <sluice/experiments/flags.h>
#include <sluice/experiments/interrupt.h>
#include <sluice/experiments/model_file.h>
#include <sluice/experiments/progress_line.h>
#include <sluice/graph/trace.h>
#include <sluice/layers/cell_text.h>

ABSL_FLAG(std::string, cell, "gru",
          "Cell with its conventions (sluice list cells); also a file of equations, mine.cell, or "
          "equations in braces, \"{mine: h' = tanh(W x + U h + b)}\".");
ABSL_FLAG(int, seed, 1, "Seed of the initial weights and of dropout.");
ABSL_FLAG(std::string, model, "model.sluice", "File of the trained model.");
ABSL_FLAG(std::string, trace, "",
          "File for a trace of the first 5 updates, for chrome://tracing or ui.perfetto.dev: which "
          "kernel ran when, on which thread; 100,000 kernel calls at most. Empty: none.");

namespace sluice {
namespace {

constexpr int64_t kMostTraceEvents = 100'000;

std::vector<std::string> TrainFlags() {
  std::vector<std::string> flags = {"cell", "seed", "model", "trace", "plugin"};
  for (const auto& more : {CorpusFlags(), ModelFlags(), TrainingFlags()}) {
    flags.insert(flags.end(), more.begin(), more.end());
  }
  return flags;
}

void PrintScore(const char* part, const std::optional<Score>& score) {
  if (!score) return;
  std::printf("%-11s perplexity %.3f, %.3f bits/token\n", part, score->perplexity(),
              score->bits_per_token());
}

absl::Status WriteTrace(const std::string& path, const Trace& trace) {
  if (absl::Status status = WriteWholeFile(path, trace.Json()); !status.ok()) return status;
  std::printf("Written: %s, %d kernel calls", path.c_str(), static_cast<int>(trace.events()));
  if (trace.dropped() > 0) {
    std::printf("; no room for %d more", static_cast<int>(trace.dropped()));
  }
  std::printf("\n");
  return absl::OkStatus();
}

absl::Status RunTrain(absl::Span<const std::string>) {
  const absl::StatusOr<std::string> cell = CheckedCell("cell", absl::GetFlag(FLAGS_cell));
  if (!cell.ok()) return cell.status();
  const std::string label = CellLabel(*cell);
  absl::StatusOr<LanguageModelOptions> options = ModelFromFlags();
  if (!options.ok()) return options.status();
  const absl::StatusOr<TrainingOptions> training = TrainingFromFlags();
  if (!training.ok()) return training.status();
  const absl::StatusOr<Corpus> corpus = CorpusFromFlags();
  if (!corpus.ok()) return corpus.status();
  options->cell = *cell;
  options->vocabulary = corpus->vocabulary().size();
  options->seed = static_cast<uint64_t>(absl::GetFlag(FLAGS_seed));
  LanguageModel model(*options);
  const std::string path = absl::GetFlag(FLAGS_model);
  if (absl::Status status = CheckWritable(path); !status.ok()) return status;
  const std::string trace_path = absl::GetFlag(FLAGS_trace);
  std::optional<Trace> trace;
  if (!trace_path.empty()) {
    if (absl::Status status = CheckWritable(trace_path); !status.ok()) return status;
    trace.emplace(kMostTraceEvents);
  }

  Threads threads(ThreadsFromFlags());
  CatchInterrupts();
  absl::StatusOr<RunResult> result = absl::UnknownError("not run");
  {
    ProgressLine line;
    result = Train(model, *corpus, *training, {.arena = threads.arena()},
                   {.progress = [&](const Progress& p) { line.Show(label, p, 0, 1); },
                    .interrupted = Interrupted,
                    .trace = trace ? &*trace : nullptr});
  }
  if (trace) {
    if (absl::Status status = WriteTrace(trace_path, *trace); !status.ok()) return status;
  }
  if (!result.ok()) return result.status();
  std::printf("%s (%s): %d parameters, %s after %d tokens in %.1f s, %.0f tokens/s\n",
              label.c_str(), model.recurrent().cell().Conventions().c_str(),
              static_cast<int>(model.variables().parameters()),
              std::string(Name(result->status)).c_str(), static_cast<int>(result->tokens),
              result->seconds, result->tokens_per_second());
  PrintScore("training:", result->train);
  PrintScore("validation:", result->validation);
  PrintScore("test:", result->test);
  if (result->status == RunStatus::kDiverged) {
    return absl::OutOfRangeError(
        "the training diverged, no model is written; try a smaller --learning_rate or --clip");
  }
  if (absl::Status status = SaveModel(path, model, corpus->vocabulary()); !status.ok()) {
    return status;
  }
  std::printf("Written: %s\n", path.c_str());
  return absl::OkStatus();
}

}  // namespace

Command TrainCommand() {
  return {.name = "train",
          .summary = "Trains one model and saves it.",
          .usage = "train [--cell=gru] [--model=model.sluice] [--flag=value ...]",
          .flags = TrainFlags(),
          .run = RunTrain};
}

}  // namespace sluice
