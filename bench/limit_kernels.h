#ifndef SLUICE_BENCH_LIMIT_KERNELS_H_
#define SLUICE_BENCH_LIMIT_KERNELS_H_

#include <cstdint>

namespace sluice {

// Loops that do nothing but one thing, compiled for each instruction set. Numbers of floats are
// multiples of 64, memory is aligned to 64 bytes.
struct LimitKernels {
  // `rounds` times as many floating-point operations; returns something that depends on all.
  float (*multiply_add)(int64_t rounds);
  double flops_of_round;
  float (*read)(const float* from, int64_t count);
  // `around_caches`: with stores that do not read the lines that they overwrite.
  void (*write)(float* to, int64_t count, bool around_caches);
  void (*copy)(const float* from, float* to, int64_t count, bool around_caches);
};

namespace limits_baseline {
LimitKernels Kernels();
}
namespace limits_avx2 {
LimitKernels Kernels();
}
namespace limits_avx512 {
LimitKernels Kernels();
}

}  // namespace sluice

#endif  // SLUICE_BENCH_LIMIT_KERNELS_H_
