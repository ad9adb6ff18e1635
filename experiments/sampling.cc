#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include <absl/strings/str_cat.h>

#include <sluice/experiments/sampling.h>

namespace sluice {
namespace {

// Draws the next token from log-probabilities.
int32_t Draw(absl::Span<const float> log_probabilities, const SampleOptions& options,
             RandomStream& random) {
  std::vector<int32_t> order(log_probabilities.size());
  std::iota(order.begin(), order.end(), 0);
  // Likeliest first; equal ones by id, so that a draw is the same everywhere.
  std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    if (log_probabilities[a] != log_probabilities[b]) {
      return log_probabilities[a] > log_probabilities[b];
    }
    return a < b;
  });
  if (options.temperature == 0) return order[0];
  if (options.top_k > 0 && options.top_k < static_cast<int>(order.size())) {
    order.resize(options.top_k);
  }
  std::vector<double> weights;
  double sum = 0;
  for (const int32_t id : order) {
    const double distance = log_probabilities[id] - log_probabilities[order[0]];
    weights.push_back(std::exp(distance / options.temperature));
    sum += weights.back();
  }
  double left = random.Uniform() * sum;
  for (size_t i = 0; i < order.size(); ++i) {
    left -= weights[i];
    if (left < 0) return order[i];
  }
  return order[0];
}

// Log-probabilities of the token after `id`. A NaN among them could not even be sorted.
absl::StatusOr<Tensor> PredictChecked(LanguageModel& model, int32_t id, const RunOptions& run) {
  absl::StatusOr<Tensor> next = model.Predict(id, run);
  if (!next.ok()) return next;
  const absl::Span<const float> numbers = std::as_const(*next).values<float>();
  if (std::any_of(numbers.begin(), numbers.end(), [](float x) { return std::isnan(x); })) {
    return absl::DataLossError(
        "the model's probabilities are not numbers; its weights are damaged, train it again");
  }
  return next;
}

}  // namespace

absl::StatusOr<std::vector<int32_t>> EncodePrefix(const Vocabulary& vocabulary,
                                                  absl::string_view prefix) {
  absl::StatusOr<std::vector<int32_t>> ids = vocabulary.Encode(prefix);
  if (ids.ok() && ids->empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the prefix \"", prefix, "\" has no token to start from"));
  }
  return ids;
}

absl::StatusOr<TextSample> Continue(LanguageModel& model, const Vocabulary& vocabulary,
                                    absl::string_view prefix, const SampleOptions& options,
                                    const RunOptions& run) {
  const absl::StatusOr<std::vector<int32_t>> ids = EncodePrefix(vocabulary, prefix);
  if (!ids.ok()) return ids.status();
  TextSample sample{.prefix = std::string(prefix)};
  RandomStream random(MakeRandomKey(options.seed, absl::StrCat("sample/", prefix)));
  model.ResetSampling();
  double nats = 0;
  absl::StatusOr<Tensor> next;
  for (size_t i = 0; i < ids->size(); ++i) {
    if (i > 0) nats -= next->At((*ids)[i]);
    next = PredictChecked(model, (*ids)[i], run);
    if (!next.ok()) return next.status();
  }
  if (ids->size() > 1) {
    sample.prefix_perplexity = std::exp(nats / static_cast<double>(ids->size() - 1));
  }
  std::vector<int32_t> drawn;
  for (int64_t i = 0; i < options.tokens; ++i) {
    drawn.push_back(Draw(next->values<float>(), options, random));
    next = PredictChecked(model, drawn.back(), run);
    if (!next.ok()) return next.status();
  }
  sample.continuation = vocabulary.Decode(drawn);
  return sample;
}

}  // namespace sluice
