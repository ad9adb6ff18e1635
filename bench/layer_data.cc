#include <cmath>
#include <tuple>

#include <absl/strings/str_cat.h>

#include <sluice/bench/difference.h>
#include <sluice/bench/layer_data.h>
#include <sluice/graph/random.h>

namespace sluice {
namespace {

// Uniform in [-scale, scale).
Tensor RandomTensor(const Shape& shape, const char* name, double scale) {
  Tensor tensor(DType::kF32, shape);
  RandomStream random(MakeRandomKey(1, name));
  for (float& value : tensor.values<float>()) {
    value = static_cast<float>(scale * (2 * random.Uniform() - 1));
  }
  return tensor;
}

absl::Status CheckTensor(const char* name, const Tensor& result, const Tensor& expected,
                         double tolerance) {
  if (result.shape() != expected.shape()) {
    return absl::InternalError(absl::StrCat(name, ": shapes differ: ", result.shape().ToString(),
                                            " and ", expected.shape().ToString()));
  }
  Difference difference;
  for (int64_t i = 0; i < result.elements(); ++i) difference.Add(result.At(i), expected.At(i));
  const bool says_nothing = difference.largest == 0 && result.elements() > 0;
  if (difference.Within(tolerance) && !says_nothing) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(name, ": differs by ", difference.worst,
                                          " where the largest is ", difference.largest));
}

}  // namespace

std::string Name(const LayerSize& size) {
  return absl::StrCat("T", size.steps, "_B", size.batch, "_I", size.inputs, "_H", size.hidden);
}

int64_t Gates(LayerKind kind) { return kind == LayerKind::kLstm ? 4 : 3; }
int64_t BiasVectors(LayerKind kind) { return kind == LayerKind::kGruBefore ? 3 : 4; }

LayerInputs RandomLayerInputs(LayerKind kind, const LayerSize& size) {
  const int64_t gates = Gates(kind);
  const double scale = 1 / std::sqrt(static_cast<double>(size.hidden));
  LayerInputs inputs{
      .x = RandomTensor({size.steps, size.batch, size.inputs}, "x", 1),
      .h = RandomTensor({size.batch, size.hidden}, "h", 1),
      .input_weights = RandomTensor({size.inputs, gates, size.hidden}, "input_weights", scale),
      .recurrent_weights =
          RandomTensor({size.hidden, gates, size.hidden}, "recurrent_weights", scale),
      .biases = RandomTensor({BiasVectors(kind), size.hidden}, "biases", scale),
      .output_gradient = RandomTensor({size.steps, size.batch, size.hidden}, "output_gradient", 1)};
  if (kind == LayerKind::kLstm) inputs.c = RandomTensor({size.batch, size.hidden}, "c", 1);
  return inputs;
}

absl::Status CheckSame(const LayerResults& results, const LayerResults& expected,
                       double tolerance) {
  using Field = std::pair<const char*, Tensor LayerResults::*>;
  for (const auto& [name, field] :
       {Field{"outputs", &LayerResults::outputs},
        {"gradient by x", &LayerResults::x},
        {"gradient by h", &LayerResults::h},
        {"gradient by c", &LayerResults::c},
        {"gradient by input weights", &LayerResults::input_weights},
        {"gradient by recurrent weights", &LayerResults::recurrent_weights},
        {"gradient by biases", &LayerResults::biases}}) {
    absl::Status status = CheckTensor(name, results.*field, expected.*field, tolerance);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace sluice
