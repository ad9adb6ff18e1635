#include <thread>

#include <absl/flags/flag.h>
#include <absl/flags/reflection.h>
#include <absl/strings/str_cat.h>

#include <sluice/experiments/flags.h>
#include <sluice/layers/cell_text.h>

// ---- Corpus ----
ABSL_FLAG(std::string, corpus, "kjv",
          "Text to learn: a name (sluice list corpora) or the path of a UTF-8 file, also .gz.");
ABSL_FLAG(std::string, unit, "character", "What a token is: character, byte or word.");
ABSL_FLAG(std::string, normalise, "none",
          "none; lower: lower case; letters: lower-case letters and spaces only.");
ABSL_FLAG(sluice::Count, max_tokens, {0}, "Uses so many tokens of the text; 0: all.");
ABSL_FLAG(sluice::Count, max_vocabulary, {0},
          "Keeps so many of the most frequent symbols, the others become <unk>; 0: all.");
ABSL_FLAG(double, validation_share, 0.05, "Share of the text that chooses between models.");
ABSL_FLAG(double, test_share, 0.05, "Share of the text that is scored at the end only.");

ABSL_FLAG(std::vector<std::string>, plugin, {},
          "Shared libraries with cells, ops, optimizers, corpora or probes, made by "
          "sluice_add_plugin (CMake); several with commas, or as several flags.");

// ---- Runs ----
ABSL_FLAG(
    std::string, cells, "gru,lstm,elman",
    "Cells to compare, with their conventions: gru:reset=after,lstm:forget_bias=1; also files "
    "of equations, mine.cell, and equations in braces, \"{mine: h' = tanh(W x + U h + b)}\"; all: "
    "every registered one.");
ABSL_FLAG(int, seeds, 3, "Runs of each cell, with seeds 1, 2, ...");

// ---- Model ----
ABSL_FLAG(int, hidden, 256, "Units of each layer.");
ABSL_FLAG(int, layers, 1, "Recurrent layers.");
ABSL_FLAG(int, embedding, 64, "Size of the vector that stands for a token; 0: one-hot.");
ABSL_FLAG(bool, tied, false, "The read-out shares the embedding's table.");
ABSL_FLAG(double, dropout, 0, "Probability of dropout between layers.");
ABSL_FLAG(bool, variational, false, "One dropout mask for all steps of a sequence.");

// ---- Training ----
ABSL_FLAG(int, batch, 32, "Sequences side by side.");
ABSL_FLAG(int, steps, 35, "Steps of truncated back-propagation.");
ABSL_FLAG(sluice::Count, tokens, {0}, "Trains on so many tokens; 1M if no other limit is given.");
ABSL_FLAG(sluice::Count, epochs, {0}, "Trains for so many passes over the training part.");
ABSL_FLAG(double, seconds, 0, "Trains for so long, without evaluations.");
ABSL_FLAG(std::string, optimizer, "adam", "Update rule (sluice list optimizers).");
ABSL_FLAG(double, learning_rate, 0, "Learning rate; 0: the optimizer's standard.");
ABSL_FLAG(double, clip, 1, "Largest norm of the gradients; 0: no clipping.");
ABSL_FLAG(int, threads, 0, "Threads; 0: one for each core. Results do not depend on them.");

// ---- Samples ----
ABSL_FLAG(std::string, prefixes, "time traveller,traveller",
          "Beginnings to continue at the end, with commas between them.");
ABSL_FLAG(sluice::Count, sample_tokens, {50}, "Length of each sample.");
ABSL_FLAG(double, temperature, 0,
          "Randomness of samples: 0 takes the likeliest token, 1 is the "
          "model's own distribution.");
ABSL_FLAG(int, top_k, 0, "Samples from so many of the likeliest tokens; 0: all.");

namespace sluice {
namespace {

constexpr int64_t kStandardTokens = 1'000'000;

absl::Status CheckAtLeast(absl::string_view name, double value, double least) {
  if (value >= least) return absl::OkStatus();
  return UsageError(absl::StrCat("--", name, " must be at least ", least, ", got ", value));
}

// TBB does not survive an arena of a million.
constexpr int64_t kMostThreads = 1024;

absl::Status CheckShare(absl::string_view name, double value) {
  if (value >= 0 && value < 1) return absl::OkStatus();
  return UsageError(absl::StrCat("--", name, " must be at least 0 and below 1, got ", value));
}

// The first error among several checks.
absl::Status First(std::initializer_list<absl::Status> checks) {
  for (const absl::Status& status : checks) {
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckSize(absl::string_view name, int64_t value, int64_t least, int64_t most) {
  if (value >= least && value <= most) return absl::OkStatus();
  return UsageError(
      absl::StrCat("--", name, " must be from ", least, " to ", most, ", got ", value));
}

std::vector<std::string> CorpusFlags() {
  return {"corpus",           "unit",      "normalise", "max_tokens", "max_vocabulary",
          "validation_share", "test_share"};
}
std::vector<std::string> ModelFlags() {
  return {"hidden", "layers", "embedding", "tied", "dropout", "variational"};
}
std::vector<std::string> TrainingFlags() {
  return {"batch",     "steps",         "tokens", "epochs", "seconds",
          "optimizer", "learning_rate", "clip",   "threads"};
}

absl::StatusOr<Corpus> CorpusFromFlags() {
  const absl::StatusOr<Unit> unit = ParseUnit(absl::GetFlag(FLAGS_unit));
  if (!unit.ok()) return AsUsageError("unit", unit.status());
  const absl::StatusOr<Normalisation> normalisation =
      ParseNormalisation(absl::GetFlag(FLAGS_normalise));
  if (!normalisation.ok()) return AsUsageError("normalise", normalisation.status());
  const double validation = absl::GetFlag(FLAGS_validation_share);
  const double test = absl::GetFlag(FLAGS_test_share);
  absl::Status status =
      First({CheckShare("validation_share", validation), CheckShare("test_share", test)});
  if (!status.ok()) return status;
  if (validation + test >= 1) {
    return UsageError("--validation_share and --test_share together must be below 1");
  }
  if (absl::GetFlag(FLAGS_max_vocabulary).value == 1) {
    return UsageError("--max_vocabulary must be 0 (all symbols) or at least 2, got 1");
  }
  const std::string name = absl::GetFlag(FLAGS_corpus);
  absl::StatusOr<Corpus> corpus =
      Corpus::Load(name, {.unit = *unit,
                          .normalisation = *normalisation,
                          .max_tokens = absl::GetFlag(FLAGS_max_tokens).value,
                          .max_vocabulary = absl::GetFlag(FLAGS_max_vocabulary).value,
                          .validation_share = validation,
                          .test_share = test});
  // A name that is neither a corpus nor a file is wrong usage; a corpus whose package is missing is
  // not.
  if (absl::IsNotFound(corpus.status()) && CorpusRegistry::Global().FindOrNull(name) == nullptr) {
    return AsUsageError("corpus", corpus.status());
  }
  return corpus;
}

absl::StatusOr<LanguageModelOptions> ModelFromFlags() {
  const LanguageModelOptions options{.embedding = absl::GetFlag(FLAGS_embedding),
                                     .hidden = absl::GetFlag(FLAGS_hidden),
                                     .layers = absl::GetFlag(FLAGS_layers),
                                     .dropout = absl::GetFlag(FLAGS_dropout),
                                     .variational = absl::GetFlag(FLAGS_variational),
                                     .tied = absl::GetFlag(FLAGS_tied)};
  absl::Status status =
      First({CheckSize("hidden", options.hidden, 1), CheckSize("layers", options.layers, 1),
             CheckSize("embedding", options.embedding, 0), CheckShare("dropout", options.dropout)});
  if (status.ok() && options.tied && options.embedding != options.hidden) {
    status = UsageError(absl::StrCat("--tied needs --embedding as large as --hidden; they are ",
                                     options.embedding, " and ", options.hidden));
  }
  if (!status.ok()) return status;
  return options;
}

absl::StatusOr<TrainingOptions> TrainingFromFlags() {
  TrainingOptions options{.budget = {.tokens = absl::GetFlag(FLAGS_tokens).value,
                                     .epochs = absl::GetFlag(FLAGS_epochs).value,
                                     .seconds = absl::GetFlag(FLAGS_seconds)},
                          .optimizer = absl::GetFlag(FLAGS_optimizer),
                          .learning_rate = absl::GetFlag(FLAGS_learning_rate),
                          .clip = absl::GetFlag(FLAGS_clip),
                          .batch = absl::GetFlag(FLAGS_batch),
                          .steps = absl::GetFlag(FLAGS_steps)};
  absl::Status status =
      First({CheckSize("batch", options.batch, 1), CheckSize("steps", options.steps, 1),
             CheckAtLeast("seconds", options.budget.seconds, 0),
             CheckAtLeast("learning_rate", options.learning_rate, 0),
             CheckAtLeast("clip", options.clip, 0), CheckThreads()});
  if (!status.ok()) return status;
  if (const auto record = OptimizerRegistry::Global().Find(options.optimizer); !record.ok()) {
    return AsUsageError("optimizer", record.status());
  }
  Budget& budget = options.budget;
  if (budget.tokens == 0 && budget.epochs == 0 && budget.seconds == 0) {
    budget.tokens = kStandardTokens;
  }
  return options;
}

absl::StatusOr<SampleOptions> SampleFromFlags() {
  const SampleOptions options{.tokens = absl::GetFlag(FLAGS_sample_tokens).value,
                              .temperature = absl::GetFlag(FLAGS_temperature),
                              .top_k = absl::GetFlag(FLAGS_top_k)};
  absl::Status status = First({CheckAtLeast("temperature", options.temperature, 0),
                               CheckAtLeast("top_k", options.top_k, 0)});
  if (!status.ok()) return status;
  return options;
}

absl::StatusOr<std::vector<std::string>> CellsFromFlags() {
  std::vector<std::string> cells;
  for (std::string& cell : SplitCells(absl::GetFlag(FLAGS_cells))) {
    if (cell == "all") {
      const std::vector<std::string> names = CellRegistry::Global().Names();
      cells.insert(cells.end(), names.begin(), names.end());
    } else {
      cells.push_back(std::move(cell));
    }
  }
  if (cells.empty()) return UsageError("--cells names no cell");
  std::map<std::string, std::string> labelled;
  for (std::string& cell : cells) {
    absl::StatusOr<std::string> checked = CheckedCell("cells", cell);
    if (!checked.ok()) return checked.status();
    cell = *std::move(checked);
    // Results go by the label.
    const std::string label = CellLabel(cell);
    if (labelled.try_emplace(label, cell).first->second != cell) {
      return UsageError(absl::StrCat("--cells: two different cells are called ", label));
    }
  }
  return cells;
}

absl::StatusOr<std::string> CheckedCell(absl::string_view flag, absl::string_view cell) {
  absl::StatusOr<std::string> checked = WithoutFile(cell);
  const absl::Status status = checked.ok() ? ParseCellSpec(*checked).status() : checked.status();
  if (!status.ok()) return AsUsageError(flag, status);
  return checked;
}

absl::StatusOr<int> SeedsFromFlags() {
  const int seeds = absl::GetFlag(FLAGS_seeds);
  if (seeds < 1) return UsageError("--seeds must be at least 1");
  return seeds;
}

absl::Status CheckThreads() {
  return CheckSize("threads", absl::GetFlag(FLAGS_threads), 0, kMostThreads);
}

int ThreadsFromFlags() {
  const int threads = absl::GetFlag(FLAGS_threads);
  return threads > 0 ? threads : static_cast<int>(std::thread::hardware_concurrency());
}

std::map<std::string, std::string> FlagValues(absl::Span<const std::string> names) {
  std::map<std::string, std::string> values;
  for (const std::string& name : names) {
    values[name] = absl::FindCommandLineFlag(name)->CurrentValue();
  }
  return values;
}

}  // namespace sluice
