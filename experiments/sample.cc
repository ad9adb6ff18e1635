#include <cstdio>

#include <absl/flags/declare.h>
#include <absl/flags/flag.h>
#include <absl/strings/str_cat.h>

#include <sluice/experiments/commands.h>
#include <sluice/experiments/flags.h>
#include <sluice/experiments/model_file.h>

ABSL_DECLARE_FLAG(std::string, model);
ABSL_DECLARE_FLAG(int, seed);
ABSL_FLAG(std::string, prefix, "time traveller", "Beginning of the text.");

namespace sluice {
namespace {

absl::Status RunSample(absl::Span<const std::string>) {
  absl::StatusOr<SampleOptions> options = SampleFromFlags();
  if (!options.ok()) return options.status();
  options->seed = static_cast<uint64_t>(absl::GetFlag(FLAGS_seed));
  absl::StatusOr<SavedModel> saved = LoadModel(absl::GetFlag(FLAGS_model));
  if (!saved.ok()) return saved.status();
  Threads threads(ThreadsFromFlags());
  const absl::StatusOr<TextSample> sample =
      Continue(*saved->model, saved->vocabulary, absl::GetFlag(FLAGS_prefix), *options,
               {.arena = threads.arena()});
  if (!sample.ok()) return sample.status();
  std::printf("%s%s\n", sample->prefix.c_str(), sample->continuation.c_str());
  std::fprintf(stderr, "prefix perplexity %.3f\n", sample->prefix_perplexity);
  return absl::OkStatus();
}

}  // namespace

Command SampleCommand() {
  return {.name = "sample",
          .summary = "Continues a text with a trained model.",
          .usage = "sample [--model=model.sluice] [--prefix=\"time traveller\"] [--flag=value ...]",
          .flags = {"model", "prefix", "sample_tokens", "temperature", "top_k", "seed", "threads",
                    "plugin"},
          .run = RunSample};
}

}  // namespace sluice
