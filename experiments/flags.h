#ifndef SLUICE_EXPERIMENTS_FLAGS_H_
#define SLUICE_EXPERIMENTS_FLAGS_H_

#include <map>
#include <string>
#include <vector>

#include <absl/flags/declare.h>
#include <absl/status/statusor.h>

#include <sluice/data/corpus.h>
#include <sluice/experiments/command_line.h>
#include <sluice/experiments/sampling.h>
#include <sluice/experiments/training.h>

// Flags that several commands share.
ABSL_DECLARE_FLAG(std::string, corpus);
ABSL_DECLARE_FLAG(std::string, prefixes);
ABSL_DECLARE_FLAG(sluice::Count, sample_tokens);
ABSL_DECLARE_FLAG(double, temperature);
ABSL_DECLARE_FLAG(int, top_k);
ABSL_DECLARE_FLAG(std::vector<std::string>, plugin);
ABSL_DECLARE_FLAG(std::string, cells);
ABSL_DECLARE_FLAG(int, seeds);
ABSL_DECLARE_FLAG(int, hidden);
ABSL_DECLARE_FLAG(int, layers);
ABSL_DECLARE_FLAG(int, embedding);
ABSL_DECLARE_FLAG(int, batch);
ABSL_DECLARE_FLAG(int, steps);
ABSL_DECLARE_FLAG(int, threads);

namespace sluice {

// Names of flags by what they are about, for the commands that take them.
std::vector<std::string> CorpusFlags();
std::vector<std::string> ModelFlags();
std::vector<std::string> TrainingFlags();

absl::StatusOr<Corpus> CorpusFromFlags();
// Everything but cell, vocabulary and seed.
absl::StatusOr<LanguageModelOptions> ModelFromFlags();
absl::StatusOr<TrainingOptions> TrainingFromFlags();
absl::StatusOr<SampleOptions> SampleFromFlags();
// Known cells with their options, at least one; those of files as texts (cell_text.h), so that a
// file may change meanwhile.
absl::StatusOr<std::vector<std::string>> CellsFromFlags();
// One of them, or a usage error of `flag`.
absl::StatusOr<std::string> CheckedCell(absl::string_view flag, absl::string_view cell);
// How many runs of each cell, with seeds 1, 2, ...
absl::StatusOr<int> SeedsFromFlags();
absl::Status CheckThreads();
int ThreadsFromFlags();

// Far above what is of use, and so low that no product of two sizes overflows.
inline constexpr int64_t kLargestSize = 1 << 20;
// A usage error where a number of this flag is out of its range.
absl::Status CheckSize(absl::string_view name, int64_t value, int64_t least,
                       int64_t most = kLargestSize);

// The values of these flags, as they would be typed.
std::map<std::string, std::string> FlagValues(absl::Span<const std::string> names);

}  // namespace sluice

#endif  // SLUICE_EXPERIMENTS_FLAGS_H_
