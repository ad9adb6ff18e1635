#include <cstdio>

#include <absl/flags/flag.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/time/clock.h>
#include <absl/time/time.h>

#include <sluice/experiments/commands.h>
#include <sluice/experiments/comparison.h>
#include <sluice/experiments/flags.h>
#include <sluice/experiments/interrupt.h>
#include <sluice/experiments/progress_line.h>
#include <sluice/layers/cell_text.h>

ABSL_FLAG(std::string, out, "",
          "Folder for results.json and curves.csv; empty: compare-<date>-<time> here.");

namespace sluice {
namespace {

struct Settings {
  std::vector<std::string> cells;
  int seeds = 0;
  LanguageModelOptions model;
  TrainingOptions training;
  SampleOptions sample;
  std::vector<std::string> prefixes;
};

std::vector<std::string> CompareFlags() {
  std::vector<std::string> flags = {"cells", "seeds"};
  for (const auto& more : {CorpusFlags(), ModelFlags(), TrainingFlags()}) {
    flags.insert(flags.end(), more.begin(), more.end());
  }
  for (const char* name : {"prefixes", "sample_tokens", "temperature", "top_k", "out", "plugin"}) {
    flags.emplace_back(name);
  }
  return flags;
}

absl::StatusOr<Settings> SettingsFromFlags() {
  Settings settings;
  absl::StatusOr<std::vector<std::string>> cells = CellsFromFlags();
  if (!cells.ok()) return cells.status();
  settings.cells = *std::move(cells);
  const absl::StatusOr<int> seeds = SeedsFromFlags();
  if (!seeds.ok()) return seeds.status();
  settings.seeds = *seeds;
  absl::StatusOr<LanguageModelOptions> model = ModelFromFlags();
  if (!model.ok()) return model.status();
  settings.model = *std::move(model);
  absl::StatusOr<TrainingOptions> training = TrainingFromFlags();
  if (!training.ok()) return training.status();
  settings.training = *std::move(training);
  absl::StatusOr<SampleOptions> sample = SampleFromFlags();
  if (!sample.ok()) return sample.status();
  settings.sample = *sample;
  settings.prefixes = absl::StrSplit(absl::GetFlag(FLAGS_prefixes), ',', absl::SkipEmpty());
  return settings;
}

absl::StatusOr<ComparedRun> RunOne(const Settings& settings, const Corpus& corpus,
                                   const std::string& cell, uint64_t seed, const RunOptions& run,
                                   const TrainingHooks& hooks) {
  LanguageModelOptions options = settings.model;
  options.cell = cell;
  options.vocabulary = corpus.vocabulary().size();
  options.seed = seed;
  LanguageModel model(options);
  ComparedRun compared{.cell = CellLabel(cell),
                       .equations = model.recurrent().cell().record->equations,
                       .conventions = model.recurrent().cell().Conventions(),
                       .seed = seed,
                       .hidden = options.hidden,
                       .parameters = model.variables().parameters()};
  absl::StatusOr<RunResult> result = Train(model, corpus, settings.training, run, hooks);
  if (!result.ok()) return result.status();
  compared.result = *std::move(result);
  if (seed != 1 || compared.result.status != RunStatus::kFinished) return compared;
  for (const std::string& prefix : settings.prefixes) {
    absl::StatusOr<TextSample> sample =
        Continue(model, corpus.vocabulary(), prefix, settings.sample, run);
    if (!sample.ok()) return sample.status();
    compared.samples.push_back(*std::move(sample));
  }
  return compared;
}

absl::Status RunAll(const Settings& settings, const Corpus& corpus, const RunOptions& run,
                    Comparison& comparison) {
  ProgressLine line;
  const int runs = settings.seeds * static_cast<int>(settings.cells.size());
  // All cells of a seed before the next seed, so that an interrupted comparison is still a fair
  // one.
  for (int seed = 1; seed <= settings.seeds; ++seed) {
    for (const std::string& cell : settings.cells) {
      const std::string label = absl::StrCat(CellLabel(cell), ", seed ", seed);
      const int done = static_cast<int>(comparison.runs.size());
      const TrainingHooks hooks{
          .progress = [&](const Progress& progress) { line.Show(label, progress, done, runs); },
          .interrupted = Interrupted};
      absl::StatusOr<ComparedRun> compared = RunOne(settings, corpus, cell, seed, run, hooks);
      if (!compared.ok()) {
        return absl::Status(compared.status().code(),
                            absl::StrCat(label, ": ", compared.status().message()));
      }
      comparison.runs.push_back(*std::move(compared));
      if (Interrupted()) return absl::OkStatus();
    }
  }
  return absl::OkStatus();
}

std::string OutputFolder() {
  const std::string folder = absl::GetFlag(FLAGS_out);
  if (!folder.empty()) return folder;
  return absl::StrCat("compare-",
                      absl::FormatTime("%Y%m%d-%H%M%S", absl::Now(), absl::LocalTimeZone()));
}

absl::Status RunCompare(absl::Span<const std::string>) {
  const absl::StatusOr<Settings> settings = SettingsFromFlags();
  if (!settings.ok()) return settings.status();
  const absl::StatusOr<Corpus> corpus = CorpusFromFlags();
  if (!corpus.ok()) return corpus.status();
  // What cannot be continued should be known before the training, not after it.
  for (const std::string& prefix : settings->prefixes) {
    const absl::Status status = EncodePrefix(corpus->vocabulary(), prefix).status();
    if (!status.ok()) return AsUsageError("prefixes", status);
  }
  const std::string folder = OutputFolder();
  if (absl::Status status = PrepareOutput(folder); !status.ok()) return status;

  Threads threads(ThreadsFromFlags());
  Comparison comparison{.corpus = corpus->name(),
                        .corpus_tokens = corpus->tokens(),
                        .vocabulary = corpus->vocabulary().size(),
                        .sha256 = corpus->sha256(),
                        .options = FlagValues(CompareFlags()),
                        .threads = threads.count()};
  std::printf("%s: %d tokens, %d symbols; %d training, %d validation, %d test\n",
              corpus->name().c_str(), static_cast<int>(corpus->tokens()),
              static_cast<int>(comparison.vocabulary), static_cast<int>(corpus->train().tokens()),
              static_cast<int>(corpus->validation().tokens()),
              static_cast<int>(corpus->test().tokens()));
  std::fflush(stdout);
  CatchInterrupts();
  // What there is gets shown and written whatever ended the runs.
  const absl::Status status = RunAll(*settings, *corpus, {.arena = threads.arena()}, comparison);
  if (!status.ok() && comparison.runs.empty()) return status;
  std::fputs(TableText(comparison).c_str(), stdout);
  std::fputs(SamplesText(comparison).c_str(), stdout);
  if (absl::Status written = WriteOutput(folder, comparison); !written.ok()) return written;
  std::printf("Written: %s/results.json, %s/curves.csv\n", folder.c_str(), folder.c_str());
  return status;
}

}  // namespace

Command CompareCommand() {
  return {.name = "compare",
          .summary =
              "Trains several cells on one corpus under the same conditions and shows how "
              "they do.",
          .usage = "compare [--corpus=kjv] [--cells=gru,lstm] [--flag=value ...]",
          .flags = CompareFlags(),
          .run = RunCompare};
}

}  // namespace sluice
