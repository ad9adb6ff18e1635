#ifndef SLUICE_EXPERIMENTS_PROBE_RUN_H_
#define SLUICE_EXPERIMENTS_PROBE_RUN_H_

#include <optional>
#include <string>
#include <vector>

#include <sluice/data/probes/probe.h>
#include <sluice/experiments/sequence_model.h>
#include <sluice/experiments/training.h>

namespace sluice {

// How a cell is trained on a probe.
struct ProbeSettings {
  std::string task = "copy";       // with its options: "copy:symbols=4"
  std::vector<int64_t> test_lags;  // none: the lag it was trained at
  // Without cell, inputs, outputs and seed, which cell and probe give.
  SequenceModelOptions model = {.hidden = 64};
  int64_t parameters = 0;  // not 0: the most units within so many parameters, in place of hidden
  // `steps`, `tokens` and `epochs` have no meaning here.
  TrainingOptions training = {.budget = {.updates = 2000}, .evaluate_every = 50};
  int64_t validation_sequences = 256;
  int64_t test_sequences = 1024;
  bool stop_when_solved = true;
};

struct ProbeScore {
  int64_t lag = 0;
  double loss = 0;
  double accuracy = 0;
  double memoryless_loss = 0;
};

// What came out of one training.
struct ProbeRun {
  std::string cell;         // as asked for
  std::string conventions;  // all of them
  int64_t lag = 0;
  uint64_t seed = 0;
  int64_t hidden = 0;
  int64_t parameters = 0;
  double memoryless_loss = 0;
  RunResult result;
  // Updates after which a validation first reached the accuracy that counts as solved.
  std::optional<int64_t> solved_after;
  std::vector<ProbeScore> tests;  // for each test lag; none where it diverged or was interrupted

  int64_t batch = 0;
  int64_t sequences_to_solve() const { return solved_after.value_or(0) * batch; }
};

// Mistakes in task, lags, cell, options or sizes, ahead of any training.
absl::Status CheckProbeSettings(const ProbeSettings& settings, const std::string& cell,
                                int64_t lag);

// Trains the cell at this lag on sequences drawn by the seed, until a validation is solved or the
// budget is used up, and tests it at the test lags. Sequences are the same for all cells.
absl::StatusOr<ProbeRun> RunProbe(const ProbeSettings& settings, const std::string& cell,
                                  int64_t lag, uint64_t seed, const RunOptions& run,
                                  const TrainingHooks& hooks = {});

}  // namespace sluice

#endif  // SLUICE_EXPERIMENTS_PROBE_RUN_H_
