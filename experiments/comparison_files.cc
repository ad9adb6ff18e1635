#include <filesystem>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <nlohmann/json.hpp>

#include <sluice/experiments/comparison.h>
#include <sluice/experiments/files.h>
#include <sluice/experiments/machine_json.h>
#include <sluice/experiments/text_table.h>

namespace sluice {
namespace {

using Json = nlohmann::ordered_json;

Json ScoreJson(const std::optional<Score>& score) {
  if (!score) return nullptr;
  return {{"nats_per_token", score->nats_per_token},
          {"bits_per_token", score->bits_per_token()},
          {"perplexity", score->perplexity()}};
}

Json RunJson(const ComparedRun& run) {
  Json samples = Json::array();
  for (const TextSample& sample : run.samples) {
    samples.push_back({{"prefix", sample.prefix},
                       {"prefix_perplexity", sample.prefix_perplexity},
                       {"continuation", sample.continuation}});
  }
  return {{"cell", run.cell},
          {"equations", run.equations},
          {"conventions", run.conventions},
          {"seed", run.seed},
          {"hidden", run.hidden},
          {"parameters", run.parameters},
          {"train", ScoreJson(run.result.train)},
          {"validation", ScoreJson(run.result.validation)},
          {"test", ScoreJson(run.result.test)},
          {"tokens", run.result.tokens},
          {"updates", run.result.updates},
          {"seconds", run.result.seconds},
          {"tokens_per_second", run.result.tokens_per_second()},
          {"peak_bytes", run.result.peak_bytes},
          {"status", std::string(Name(run.result.status))},
          {"samples", samples}};
}

}  // namespace

std::string ResultsJson(const Comparison& comparison) {
  Json json = {{"corpus",
                {{"name", comparison.corpus},
                 {"tokens", comparison.corpus_tokens},
                 {"vocabulary", comparison.vocabulary},
                 {"sha256", comparison.sha256}}},
               {"options", comparison.options},
               {"machine", MachineJson(comparison.threads)},
               {"runs", Json::array()}};
  for (const ComparedRun& run : comparison.runs) json["runs"].push_back(RunJson(run));
  // A sample of bytes may end in the middle of a character: such bytes are replaced.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string CurvesCsv(const Comparison& comparison) {
  std::string csv = "cell,seed,tokens,updates,seconds,train_nats,validation_nats\n";
  for (const ComparedRun& run : comparison.runs) {
    for (const CurvePoint& point : run.result.curve) {
      absl::StrAppendFormat(&csv, "%s,%d,%d,%d,%.6f,%.9g,", CsvField(run.cell), run.seed,
                            point.tokens, point.updates, point.seconds, point.train_loss);
      if (point.validation_loss) absl::StrAppendFormat(&csv, "%.9g", *point.validation_loss);
      csv += '\n';
    }
  }
  return csv;
}

absl::Status PrepareOutput(const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    return absl::UnavailableError(
        absl::StrCat("cannot make the folder ", folder, ": ", error.message()));
  }
  for (const char* name : {"results.json", "curves.csv"}) {
    const fs::path path = fs::path(folder) / name;
    if (fs::exists(path, error)) {
      return absl::AlreadyExistsError(
          absl::StrCat(path.string(), " is there already; give another --out, or move it away"));
    }
  }
  return CheckWritable((fs::path(folder) / "results.json").string());
}

absl::Status WriteOutput(const std::string& folder, const Comparison& comparison) {
  const std::filesystem::path path(folder);
  absl::Status status = WriteWholeFile((path / "results.json").string(), ResultsJson(comparison));
  status.Update(WriteWholeFile((path / "curves.csv").string(), CurvesCsv(comparison)));
  return status;
}

}  // namespace sluice
