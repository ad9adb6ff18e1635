#ifndef SLUICE_BENCH_LOSS_MODEL_H_
#define SLUICE_BENCH_LOSS_MODEL_H_

#include <absl/status/statusor.h>

#include <sluice/graph/parallel.h>
#include <sluice/graph/program.h>
#include <sluice/graph/variable.h>

namespace sluice {

// Logits that are variables themselves, random targets, and nothing else: an update is the mean
// cross-entropy of their softmax, its gradient, and a step of SGD.
class LossModel {
 public:
  LossModel(int64_t rows, int64_t vocabulary, int threads, PlanLevel level);

  // The loss before it.
  absl::StatusOr<double> Update();

  VariableStore& variables() { return variables_; }
  const Tensor& targets() const { return targets_; }

 private:
  Threads threads_;
  RunOptions run_;
  VariableStore variables_;
  Variable& logits_;
  Tensor targets_;
};

}  // namespace sluice

#endif  // SLUICE_BENCH_LOSS_MODEL_H_
