#ifndef SLUICE_EXPERIMENTS_COMPARISON_H_
#define SLUICE_EXPERIMENTS_COMPARISON_H_

#include <map>
#include <string>
#include <vector>

#include <sluice/experiments/sampling.h>
#include <sluice/experiments/training.h>

namespace sluice {

// What was trained and what came out.
struct ComparedRun {
  std::string cell;  // as asked for: "gru:reset=after"
  std::string equations;
  std::string conventions;  // all of them: "reset=after, update=keep, ..."
  uint64_t seed = 0;
  int64_t hidden = 0;
  int64_t parameters = 0;
  RunResult result;
  std::vector<TextSample> samples;
};

// A finished or interrupted comparison, ready to be shown and written.
struct Comparison {
  std::string corpus;
  int64_t corpus_tokens = 0;
  int64_t vocabulary = 0;
  std::string sha256;
  std::map<std::string, std::string> options;  // the flags
  int threads = 0;
  std::vector<ComparedRun> runs;
};

// Mean and standard deviation (n - 1; 0 for one value).
struct Spread {
  double mean = 0;
  double deviation = 0;
  int count = 0;
};
Spread SpreadOf(absl::Span<const double> values);

// The table of means over seeds, a row a cell, and a sample of each; for a terminal.
std::string TableText(const Comparison& comparison);
std::string SamplesText(const Comparison& comparison);

// results.json and curves.csv.
std::string ResultsJson(const Comparison& comparison);
std::string CurvesCsv(const Comparison& comparison);

// Makes the folder, and fails where it holds results already or cannot be written to: before hours
// of training.
absl::Status PrepareOutput(const std::string& folder);
absl::Status WriteOutput(const std::string& folder, const Comparison& comparison);

}  // namespace sluice

#endif  // SLUICE_EXPERIMENTS_COMPARISON_H_
