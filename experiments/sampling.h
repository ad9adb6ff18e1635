#ifndef SLUICE_EXPERIMENTS_SAMPLING_H_
#define SLUICE_EXPERIMENTS_SAMPLING_H_

#include <string>
#include <vector>

#include <sluice/data/vocabulary.h>
#include <sluice/experiments/language_model.h>

namespace sluice {

struct SampleOptions {
  int64_t tokens = 50;
  double temperature = 0;  // 0: the likeliest token; 1: the model's own distribution
  int top_k = 0;           // of the likeliest tokens; 0: all
  uint64_t seed = 0;
};

struct TextSample {
  std::string prefix;
  double prefix_perplexity = 0;  // of its tokens but the first; 0 where it has no second
  std::string continuation;
};

// The ids of a text to continue: at least one.
absl::StatusOr<std::vector<int32_t>> EncodePrefix(const Vocabulary& vocabulary,
                                                  absl::string_view prefix);

// Reads the prefix and continues it. A model whose weights give no probabilities, as after damage
// to its file, is an error.
absl::StatusOr<TextSample> Continue(LanguageModel& model, const Vocabulary& vocabulary,
                                    absl::string_view prefix, const SampleOptions& options,
                                    const RunOptions& run);

}  // namespace sluice

#endif  // SLUICE_EXPERIMENTS_SAMPLING_H_
