// Sums and maxima of contiguous elements: in lanes that do not depend on the instruction set, then
// over the lanes.

#include <sluice/ops/kernels/kernel_table.h>

namespace sluice {
namespace SLUICE_KERNELS {
namespace {

constexpr int kLanes = 16;
constexpr int64_t kBlock =
    128 * kLanes;  // sums of blocks are added up: rounding grows with the blocks, not with n

template <typename T>
T Add(T a, T b) {
  return a + b;
}
// NaN wins, as in every other op.
template <typename T>
T Max(T a, T b) {
  return b > a || b != b ? b : a;
}

template <typename T, T (*kCombine)(T, T)>
T ReduceBlock(int64_t n, const T* input) {
  T lanes[kLanes];
  if (n < kLanes) {
    T result = input[0];
    for (int64_t i = 1; i < n; ++i) result = kCombine(result, input[i]);
    return result;
  }
  for (int lane = 0; lane < kLanes; ++lane) lanes[lane] = input[lane];
  int64_t i = kLanes;
  for (; i + kLanes <= n; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) lanes[lane] = kCombine(lanes[lane], input[i + lane]);
  }
  for (int lane = 0; i < n; ++i, ++lane) lanes[lane] = kCombine(lanes[lane], input[i]);
  for (int width = kLanes / 2; width > 0; width /= 2) {
    for (int lane = 0; lane < width; ++lane) {
      lanes[lane] = kCombine(lanes[lane], lanes[lane + width]);
    }
  }
  return lanes[0];
}

// n > 0.
template <typename T, T (*kCombine)(T, T)>
void Reduce(int64_t n, const void* input, void* output) {
  const T* in = static_cast<const T*>(input);
  T result = ReduceBlock<T, kCombine>(n < kBlock ? n : kBlock, in);
  for (int64_t i = kBlock; i < n; i += kBlock) {
    result = kCombine(result, ReduceBlock<T, kCombine>(n - i < kBlock ? n - i : kBlock, in + i));
  }
  *static_cast<T*>(output) = result;
}

}  // namespace

void FillReduction(KernelTable& table) {
  table.reduction[0] = {Reduce<float, Add<float>>, Reduce<float, Max<float>>};
  table.reduction[1] = {Reduce<double, Add<double>>, Reduce<double, Max<double>>};
}

}  // namespace SLUICE_KERNELS
}  // namespace sluice
