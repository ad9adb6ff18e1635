#ifndef SLUICE_BENCH_LAYER_DATA_H_
#define SLUICE_BENCH_LAYER_DATA_H_

#include <string>
#include <utility>
#include <vector>

#include <absl/status/status.h>

#include <sluice/graph/tensor.h>

namespace sluice {

struct LayerSize {
  int64_t steps, batch, inputs, hidden;
};
// "T35_B32_I28_H256"
std::string Name(const LayerSize& size);

// The equations that two sides agree on. G gates, B bias vectors.
enum class LayerKind {
  kGru,        // reset after the product: update, reset, candidate; 4 biases, the last one within
               // the reset gate's product
  kGruBefore,  // reset before the product: update, reset, candidate; 3 biases
  kLstm,       // input, forget, candidate, output; 4 biases
};
int64_t Gates(LayerKind kind);
int64_t BiasVectors(LayerKind kind);

// What a recurrent layer is given for one training step, gates side by side. All f32.
struct LayerInputs {
  Tensor x;                  // (T, B, I)
  Tensor h;                  // (B, H), before the first step
  Tensor c;                  // (B, H), of an LSTM only
  Tensor input_weights;      // (I, G, H)
  Tensor recurrent_weights;  // (H, G, H)
  Tensor biases;             // (biases, H)
  Tensor output_gradient;    // (T, B, H)
};
LayerInputs RandomLayerInputs(LayerKind kind, const LayerSize& size);

// What comes out: the outputs, and the gradient of sum(outputs * output_gradient) by every input,
// in the inputs' shapes.
struct LayerResults {
  Tensor outputs;  // (T, B, H)
  Tensor x, h, c, input_weights, recurrent_weights, biases;
};

// An error that names the first result of which an element is further from the expected one than
// `tolerance` times the largest expected magnitude.
absl::Status CheckSame(const LayerResults& results, const LayerResults& expected, double tolerance);

}  // namespace sluice

#endif  // SLUICE_BENCH_LAYER_DATA_H_
