#include <cstdio>

#include <absl/flags/flag.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <sluice/experiments/commands.h>
#include <sluice/experiments/flags.h>
#include <sluice/experiments/interrupt.h>
#include <sluice/experiments/progress_line.h>
#include <sluice/experiments/study.h>
#include <sluice/graph/nearest.h>

namespace sluice {
namespace {

absl::StatusOr<const Study*> FindStudy(const std::string& name) {
  std::vector<std::string> names;
  for (const Study& study : Studies()) {
    if (study.name == name) return &study;
    names.push_back(study.name);
  }
  return UsageError(absl::StrCat("no study \"", name, "\"", NearestNameHint(name, names)));
}

std::string StudyText(const Study& study) {
  std::string text = absl::StrCat(study.name, "  ", study.claim, "\n    ", study.source, "\n");
  if (!study.differences.empty()) {
    absl::StrAppend(&text, "    differences: ", study.differences, "\n");
  }
  for (const StudyArm& arm : study.arms) absl::StrAppend(&text, "    ", SettingsText(arm), "\n");
  return text;
}

// "gru, seed 1: accuracy 1.000 at 64, 0.998 at 256; solved after 300 updates; 2.1 s"
std::string RunText(const std::string& label, const ProbeRun& run) {
  std::string text = absl::StrCat(label, ": ");
  if (run.tests.empty()) absl::StrAppend(&text, Name(run.result.status));
  for (const ProbeScore& test : run.tests) {
    absl::StrAppendFormat(&text, "%s%.3f at %d", &test == &run.tests[0] ? "accuracy " : ", ",
                          test.accuracy, test.lag);
  }
  if (!run.tests.empty()) {
    absl::StrAppendFormat(&text, "; loss %.3f of memoryless",
                          run.tests[0].loss / run.tests[0].memoryless_loss);
  }
  absl::StrAppend(&text, "; ",
                  run.solved_after ? absl::StrCat("solved after ", *run.solved_after, " of ")
                                   : "not solved in ",
                  run.result.updates, " updates");
  absl::StrAppendFormat(&text, "; %d parameters; %.1f s\n", run.parameters, run.result.seconds);
  return text;
}

// Settings that do not fit are known before the first run.
absl::Status CheckArms(const Study& study) {
  for (const StudyArm& arm : study.arms) {
    const absl::Status status = CheckProbeSettings(arm.settings, arm.cell, arm.lag);
    if (status.ok()) continue;
    return absl::Status(status.code(), absl::StrCat("study ", study.name, ": ", status.message()));
  }
  return absl::OkStatus();
}

absl::StatusOr<StudyRuns> RunArms(const Study& study, int seeds, const RunOptions& run) {
  StudyRuns runs(study.arms.size());
  const auto all = static_cast<int>(seeds * study.arms.size());
  int done = 0;
  for (int seed = 1; seed <= seeds; ++seed) {
    for (size_t arm = 0; arm < study.arms.size(); ++arm) {
      const StudyArm& each = study.arms[arm];
      const std::string label = absl::StrCat(each.label, ", seed ", seed);
      ProgressLine line;
      const TrainingHooks hooks{
          .progress = [&](const Progress& progress) { line.Show(label, progress, done, all); },
          .interrupted = Interrupted};
      absl::StatusOr<ProbeRun> result =
          RunProbe(each.settings, each.cell, each.lag, seed, run, hooks);
      if (!result.ok()) return result.status();
      line.Clear();
      std::fputs(RunText(label, *result).c_str(), stdout);
      std::fflush(stdout);
      runs[arm].push_back(*std::move(result));
      ++done;
      if (Interrupted()) return runs;
    }
  }
  return runs;
}

absl::Status RunReproduce(absl::Span<const std::string> positional) {
  if (positional.empty()) {
    for (const Study& study : Studies()) std::fputs(StudyText(study).c_str(), stdout);
    return absl::OkStatus();
  }
  const absl::StatusOr<const Study*> found = FindStudy(positional[0]);
  if (!found.ok()) return found.status();
  const Study& study = **found;
  int seeds = absl::GetFlag(FLAGS_seeds);
  absl::Status status = CheckSize("seeds", seeds, 0);
  status.Update(CheckThreads());
  if (!status.ok()) return status;
  if (seeds == 0) seeds = study.seeds;
  if (status = CheckArms(study); !status.ok()) return status;

  Threads threads(ThreadsFromFlags());
  std::fputs(StudyText(study).c_str(), stdout);
  std::fflush(stdout);
  CatchInterrupts();
  const absl::StatusOr<StudyRuns> runs = RunArms(study, seeds, {.arena = threads.arena()});
  if (!runs.ok()) return runs.status();
  if (Interrupted()) return absl::OkStatus();
  double seconds = 0;
  for (const std::vector<ProbeRun>& arm : *runs) {
    for (const ProbeRun& run : arm) seconds += run.result.seconds;
  }
  bool all_hold = true;
  for (const StudyCriterion& criterion : study.criteria) {
    const StudyFinding finding = criterion.judge(*runs);
    all_hold = all_hold && finding.holds;
    std::vector<std::string> labels;
    for (const size_t arm : criterion.arms) labels.push_back(study.arms[arm].label);
    std::printf("%s  %s: %s: %s (published: %s)\n", finding.holds ? "yes" : "NO ",
                absl::StrJoin(labels, "; ").c_str(), criterion.text.c_str(),
                finding.measured.c_str(), criterion.published.c_str());
  }
  std::printf("%s %s: seeds 1 to %d, %.0f s of training\n", study.name.c_str(),
              all_hold ? "reproduces" : "does not reproduce", seeds, seconds);
  if (all_hold) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(study.name, " does not reproduce"));
}

}  // namespace

Command ReproduceCommand() {
  return {.name = "reproduce",
          .summary =
              "Runs a published result again and says whether it comes out; without a name, "
              "lists them.",
          .usage = "reproduce [study] [--seeds=5]",
          .flags = {"seeds", "threads", "plugin"},
          .positional = {"study"},
          .run = RunReproduce,
          .standard = {{"seeds", "0"}}};
}

}  // namespace sluice
