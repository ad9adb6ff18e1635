#ifndef SLUICE_TESTS_SUPPORT_GRADIENT_CHECK_H_
#define SLUICE_TESTS_SUPPORT_GRADIENT_CHECK_H_

#include <cstdint>
#include <functional>
#include <string>

#include <absl/types/span.h>

#include <sluice/graph/tape.h>

namespace sluice::testing {

// Records a value from input values. Called once; must record the same for the same inputs.
using Function = std::function<Value(absl::Span<const Value> inputs)>;

struct GradientCheckOptions {
  // Largest relative error of an element that passes: |analytic - numeric| divided by the largest
  // of both magnitudes and `floor`.
  double tolerance = 1e-7;
  double floor = 1e-3;
  // An input x is moved by step * max(1, |x|); by less where the derivative is not as it should be,
  // because a kink may lie within the step.
  double step = 5e-4;
  uint64_t seed = 1;  // of the weights
};

struct GradientCheck {
  bool ok = false;
  double worst_error = 0;  // relative; infinite if there was nothing to compare
  // The worst element: which input, where in it, both derivatives. Or why nothing was compared.
  std::string report;
};

// Checks `Gradients` of the weighted sum of the elements of function(inputs), with fixed weights of
// random sign and a magnitude between 1/2 and 3/2, against central differences in f64, for every
// element of every float input. The differences of two steps are extrapolated, so that their own
// error is of fourth order in the step. Float inputs must be f64; i32 inputs (ids) stay as they
// are.
GradientCheck CheckGradient(const Function& function, absl::Span<const Tensor> inputs,
                            const GradientCheckOptions& options = {});

// The same of the function's first gradients: compares the gradient of a weighted sum of them with
// the differences of that sum.
GradientCheck CheckSecondGradient(const Function& function, absl::Span<const Tensor> inputs,
                                  const GradientCheckOptions& options = {.tolerance = 1e-6});

}  // namespace sluice::testing

#endif  // SLUICE_TESTS_SUPPORT_GRADIENT_CHECK_H_
