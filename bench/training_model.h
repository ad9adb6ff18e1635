#ifndef SLUICE_BENCH_TRAINING_MODEL_H_
#define SLUICE_BENCH_TRAINING_MODEL_H_

#include <string>

#include <absl/status/statusor.h>

#include <sluice/data/batches.h>
#include <sluice/experiments/language_model.h>

namespace sluice {

struct ModelSize {
  int64_t steps, batch, vocabulary;
  int64_t embedding;  // 0: one-hot
  int64_t hidden;
  int layers;
};
// "T35_B32_V28_H256_L1"
std::string Name(const ModelSize& size);

// A language model with one batch of random tokens, which it is trained on again and again: SGD,
// gradients clipped to a norm of 1, the state carried from step to step.
class TrainingModel {
 public:
  TrainingModel(const std::string& cell, const ModelSize& size, int threads, PlanLevel level);

  // An update and an evaluation of the batch on a tape; the loss, of an update the one before it.
  Value RecordUpdate(Tape& tape);
  Value RecordEvaluation(Tape& tape);
  // As a script does it: recorded again each time.
  absl::StatusOr<double> Update();
  absl::StatusOr<double> Evaluate();
  // Planned, to be kept.
  absl::StatusOr<Program> PlanUpdate();
  absl::StatusOr<Program> PlanEvaluation();
  // One run of a planned program; its only fetch, the loss.
  absl::StatusOr<double> Run(Program& program) const;

  // Bytes of the variables and of one program's intermediate values.
  int64_t PeakBytes(const Program& program);

  const Batch& batch() const { return batch_; }
  LanguageModel& model() { return model_; }
  const RunOptions& run_options() const { return run_; }
  double tokens() const { return static_cast<double>(batch_.tokens); }

 private:
  Threads threads_;
  RunOptions run_;
  LanguageModel model_;
  Batch batch_;
  Sgd optimizer_;
};

// An error unless the first updates change every variable as the same model's do that is run node
// by node (level debug), and the first loss is that of a model that knows nothing, about ln V.
absl::Status CheckTraining(const std::string& cell, const ModelSize& size, int threads,
                           PlanLevel level);

}  // namespace sluice

#endif  // SLUICE_BENCH_TRAINING_MODEL_H_
