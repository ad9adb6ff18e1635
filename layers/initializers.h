#ifndef SLUICE_LAYERS_INITIALIZERS_H_
#define SLUICE_LAYERS_INITIALIZERS_H_

#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <sluice/graph/variable.h>

namespace sluice {

// First values of variables. Weights are stored (inputs, outputs).

Initializer ConstantInitializer(double number);
Initializer UniformInitializer(double low, double high);
Initializer NormalInitializer(double mean, double deviation);
// Uniform within +-sqrt(6 / (inputs + outputs)). Glorot & Bengio 2010.
Initializer GlorotInitializer();
// Orthonormal rows or columns, whichever are fewer: Q of a normal matrix, its signs fixed by R's
// diagonal, so that it is uniform over all such matrices. Saxe, McClelland, Ganguli 2014. Scaled by
// `gain`.
Initializer OrthogonalInitializer(double gain = 1);
// `scale` on the diagonal, zeros elsewhere.
Initializer IdentityInitializer(double scale = 1);
// ln of a number that is uniform between 1 and longest - 1: the bias of a gate s(b) = 1 - 1/T that
// keeps a value for T steps, T up to `longest`. Tallec & Ollivier 2018.
Initializer ChronoInitializer(double longest);

// How a cell of `hidden` units starts, as a framework does it.
struct InitialValues {
  Initializer input_weights;
  Initializer recurrent_weights;
  Initializer bias;
};

// By name:
//   d2l      weights normal with deviation 0.01, biases 0 (Dive into Deep Learning)
//   pytorch  everything uniform within +-1 / sqrt(hidden) (torch.nn.RNNBase)
//   keras    input weights Glorot, recurrent weights orthogonal, biases 0; each gate's matrix by
//   itself irnn     input weights normal with deviation 0.001, recurrent weights the identity,
//   biases 0 (Le et al. 2015)
absl::StatusOr<InitialValues> InitialValuesByName(absl::string_view name, int64_t hidden);
std::vector<std::string> InitialValuesNames();

}  // namespace sluice

#endif  // SLUICE_LAYERS_INITIALIZERS_H_
