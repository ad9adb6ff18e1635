#ifndef SLUICE_BENCH_PLANNED_LAYER_H_
#define SLUICE_BENCH_PLANNED_LAYER_H_

#include <memory>
#include <optional>

#include <sluice/bench/layer_data.h>
#include <sluice/graph/program.h>
#include <sluice/graph/variable.h>

namespace sluice {

// The same training step of a recurrent layer of ours: the cell from primitive ops, gradients and
// all, planned once. Results are written to variables, as an optimiser would.
class PlannedLayer {
 public:
  PlannedLayer(LayerKind kind, const LayerSize& size, const LayerInputs& inputs, int threads,
               PlanLevel level);

  absl::Status Step();
  LayerResults Results() const;                         // of the last step
  const Program& program() const { return *program_; }  // after the first step

 private:
  void CopyWeights(const LayerInputs& inputs);
  absl::StatusOr<Program> Record(const LayerSize& size, const LayerInputs& inputs, PlanLevel level);
  Variable& ResultOf(const std::string& path, const Shape& shape);
  const Tensor& ResultAt(const std::string& path) const;

  LayerKind kind_;
  Threads threads_;
  VariableStore variables_;
  absl::StatusOr<Program> program_;
};

}  // namespace sluice

#endif  // SLUICE_BENCH_PLANNED_LAYER_H_
