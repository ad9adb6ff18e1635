#ifndef SLUICE_BENCH_ONEDNN_LAYER_H_
#define SLUICE_BENCH_ONEDNN_LAYER_H_

#include <memory>

#include <sluice/bench/layer_data.h>

namespace sluice {

// A recurrent layer as oneDNN's fused primitive: what a training step needs of it, in the memory
// formats that the primitive asks for. Weights are in the plain format before and after, because an
// optimiser changes them, so they are reordered each step.
class OneDnnLayer {
 public:
  OneDnnLayer(LayerKind kind, const LayerSize& size, const LayerInputs& inputs, int threads);
  ~OneDnnLayer();

  // Forward and backward.
  absl::Status Step();
  LayerResults Results() const;  // of the last step

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice

#endif  // SLUICE_BENCH_ONEDNN_LAYER_H_
