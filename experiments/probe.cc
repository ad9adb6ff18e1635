#include <cstdio>

#include <absl/flags/flag.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <sluice/experiments/commands.h>
#include <sluice/experiments/files.h>
#include <sluice/experiments/flags.h>
#include <sluice/experiments/interrupt.h>
#include <sluice/experiments/probe_report.h>
#include <sluice/experiments/progress_line.h>
#include <sluice/layers/cell_text.h>

ABSL_FLAG(std::string, task, "copy",
          "Probe with its options: selective_copy:tokens=8 (sluice list probes).");
ABSL_FLAG(std::string, lags, "10,20,50", "Lags to train at.");
ABSL_FLAG(std::string, test_lags, "",
          "Lags to test at, whatever the cells were trained at; empty: the same.");
ABSL_FLAG(sluice::Count, parameters, {0},
          "As many units as so many parameters allow, for each cell; 0: --hidden.");
ABSL_FLAG(sluice::Count, updates, {2'000}, "Most updates; a run ends once it has solved the task.");
ABSL_FLAG(sluice::Count, evaluate_every, {50}, "Updates between two looks at whether it has.");
ABSL_FLAG(std::string, json, "", "File for all results; empty: none.");
ABSL_FLAG(std::string, csv, "", "File for the losses on the way; empty: none.");

namespace sluice {
namespace {

std::vector<std::string> ProbeFlags() {
  return {"task",           "lags",   "test_lags", "cells",         "seeds",       "hidden",
          "parameters",     "layers", "embedding", "dropout",       "variational", "updates",
          "evaluate_every", "batch",  "optimizer", "learning_rate", "clip",        "threads",
          "json",           "csv",    "plugin"};
}

absl::StatusOr<std::vector<int64_t>> LagsFrom(absl::string_view flag, const std::string& text) {
  std::vector<int64_t> lags;
  for (const absl::string_view part : absl::StrSplit(text, ',', absl::SkipEmpty())) {
    int64_t lag = 0;
    if (!absl::SimpleAtoi(part, &lag)) {
      return UsageError(
          absl::StrCat("--", flag, ": \"", part, "\" is no lag; lags are whole numbers: 10,20"));
    }
    lags.push_back(lag);
  }
  return lags;
}

struct ProbePlan {
  ProbeSettings settings;
  std::vector<std::string> cells;
  std::vector<int64_t> lags;
  int seeds = 0;
};

absl::Status SizesFromFlags(ProbeSettings& settings) {
  const absl::StatusOr<LanguageModelOptions> model = ModelFromFlags();
  if (!model.ok()) return model.status();
  settings.model = {.embedding = model->embedding,
                    .hidden = model->hidden,
                    .layers = model->layers,
                    .dropout = model->dropout,
                    .variational = model->variational};
  settings.parameters = absl::GetFlag(FLAGS_parameters).value;
  const absl::StatusOr<TrainingOptions> training = TrainingFromFlags();
  if (!training.ok()) return training.status();
  settings.training = *training;
  settings.training.budget = {.updates = absl::GetFlag(FLAGS_updates).value};
  settings.training.evaluate_every = absl::GetFlag(FLAGS_evaluate_every).value;
  absl::Status status = CheckSize("updates", settings.training.budget.updates, 1, 1'000'000'000);
  status.Update(CheckSize("evaluate_every", settings.training.evaluate_every, 1, 1'000'000'000));
  return status;
}

absl::StatusOr<ProbePlan> PlanFromFlags() {
  ProbePlan plan;
  plan.settings.task = absl::GetFlag(FLAGS_task);
  const absl::StatusOr<ProbeSpec> task = ParseProbeSpec(plan.settings.task);
  if (!task.ok()) return AsUsageError("task", task.status());
  for (const auto& [flag, text, lags] :
       {std::tuple("lags", absl::GetFlag(FLAGS_lags), &plan.lags),
        std::tuple("test_lags", absl::GetFlag(FLAGS_test_lags), &plan.settings.test_lags)}) {
    absl::StatusOr<std::vector<int64_t>> parsed = LagsFrom(flag, text);
    if (!parsed.ok()) return parsed.status();
    *lags = *std::move(parsed);
    for (const int64_t lag : *lags) {
      const absl::Status status = MakeProbe(*task, lag).status();
      if (!status.ok()) return AsUsageError(flag, status);
    }
  }
  if (plan.lags.empty()) return UsageError("--lags names no lag");
  absl::StatusOr<std::vector<std::string>> cells = CellsFromFlags();
  if (!cells.ok()) return cells.status();
  plan.cells = *std::move(cells);
  const absl::StatusOr<int> seeds = SeedsFromFlags();
  if (!seeds.ok()) return seeds.status();
  plan.seeds = *seeds;
  if (absl::Status status = SizesFromFlags(plan.settings); !status.ok()) return status;
  for (const std::string& cell : plan.cells) {
    const absl::Status status = CheckProbeSettings(plan.settings, cell, plan.lags[0]);
    if (!status.ok()) return AsUsageError("parameters", status);
  }
  return plan;
}

absl::Status RunAll(const ProbePlan& plan, const RunOptions& run, ProbeReport& report) {
  ProgressLine line;
  const auto runs = static_cast<int>(plan.seeds * plan.lags.size() * plan.cells.size());
  // All cells of a seed before the next seed, so that what was interrupted is still fair.
  for (int seed = 1; seed <= plan.seeds; ++seed) {
    for (const int64_t lag : plan.lags) {
      for (const std::string& cell : plan.cells) {
        const std::string label = absl::StrCat(CellLabel(cell), ", lag ", lag, ", seed ", seed);
        const int done = static_cast<int>(report.runs.size());
        const TrainingHooks hooks{
            .progress = [&](const Progress& progress) { line.Show(label, progress, done, runs); },
            .interrupted = Interrupted};
        absl::StatusOr<ProbeRun> result = RunProbe(plan.settings, cell, lag, seed, run, hooks);
        if (!result.ok()) {
          return absl::Status(result.status().code(),
                              absl::StrCat(label, ": ", result.status().message()));
        }
        report.runs.push_back(*std::move(result));
        if (Interrupted()) return absl::OkStatus();
      }
    }
  }
  return absl::OkStatus();
}

absl::Status Written(const std::string& path, const std::string& text) {
  if (path.empty()) return absl::OkStatus();
  if (absl::Status status = WriteWholeFile(path, text); !status.ok()) return status;
  std::printf("Written: %s\n", path.c_str());
  return absl::OkStatus();
}

absl::Status RunProbeCommand(absl::Span<const std::string>) {
  const absl::StatusOr<ProbePlan> plan = PlanFromFlags();
  if (!plan.ok()) return plan.status();
  const std::string json = absl::GetFlag(FLAGS_json);
  const std::string csv = absl::GetFlag(FLAGS_csv);
  for (const std::string& path : {json, csv}) {
    if (path.empty()) continue;
    if (absl::Status status = CheckWritable(path); !status.ok()) return status;
  }
  const ProbeSpec task = *ParseProbeSpec(plan->settings.task);
  const absl::StatusOr<Probe> probe = MakeProbe(task, plan->lags[0]);
  if (!probe.ok()) return probe.status();
  Threads threads(ThreadsFromFlags());
  ProbeReport report{.task = plan->settings.task,
                     .title = task.record->title,
                     .conventions = task.Conventions(),
                     .options = FlagValues(ProbeFlags()),
                     .threads = threads.count(),
                     .updates = plan->settings.training.budget.updates};
  std::printf("%s: %s. %s\nSolved: %.2f of the %s right\n", report.task.c_str(),
              report.title.c_str(), report.conventions.c_str(), probe->solved,
              std::string(Name(probe->accuracy)).c_str());
  std::fflush(stdout);
  CatchInterrupts();
  // What there is gets shown and written whatever ended the runs.
  const absl::Status status = RunAll(*plan, {.arena = threads.arena()}, report);
  if (!status.ok() && report.runs.empty()) return status;
  std::fputs(ProbeTable(report).c_str(), stdout);
  absl::Status written = Written(json, ProbeJson(report));
  written.Update(Written(csv, ProbeCsv(report)));
  return written.ok() ? status : written;
}

}  // namespace

Command ProbeCommand() {
  return {.name = "probe",
          .summary = "Trains cells on a memory probe at several lags and shows which solve it.",
          .usage = "probe [--task=copy] [--lags=10,20] [--cells=gru,lstm] [--flag=value ...]",
          .flags = ProbeFlags(),
          .run = RunProbeCommand,
          .standard = {{"hidden", "64"}, {"embedding", "0"}, {"seeds", "5"}}};
}

}  // namespace sluice
