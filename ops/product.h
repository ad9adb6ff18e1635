#ifndef SLUICE_OPS_PRODUCT_H_
#define SLUICE_OPS_PRODUCT_H_

#include <sluice/graph/tape.h>

namespace sluice {

struct MatMulOptions {
  bool transpose_left = false;
  bool transpose_right = false;
};

// The matrix product x · w. `w` has two axes. All axes of x but the last count as rows, unless x is
// transposed, when it must have two: x (..., K), w (K, N) -> (..., N). An element of the result is
// one chain of multiply-adds over K, whatever the other sizes.
Value MatMul(Value x, Value w, const MatMulOptions& options = {});

}  // namespace sluice

#endif  // SLUICE_OPS_PRODUCT_H_
