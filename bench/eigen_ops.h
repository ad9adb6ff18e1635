#ifndef SLUICE_BENCH_EIGEN_OPS_H_
#define SLUICE_BENCH_EIGEN_OPS_H_

#include <functional>
#include <vector>

#include <absl/strings/string_view.h>

#include <sluice/graph/op.h>

namespace sluice {

// Eigen's way of an op, on f32 inputs of one shape, on the calling thread; null where Eigen has
// none.
using EigenOp =
    std::function<void(const std::vector<Tensor>& inputs, double number, Tensor& output)>;
EigenOp FindEigenOp(absl::string_view op);

}  // namespace sluice

#endif  // SLUICE_BENCH_EIGEN_OPS_H_
