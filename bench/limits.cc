#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

#include <sluice/bench/limits.h>
#include <sluice/graph/tensor.h>

namespace sluice {
namespace {

constexpr int kRuns = 7;

// Seconds that `threads` threads take for `work`, the best of several runs.
double BestSeconds(int threads, const std::function<void(int)>& work, int runs = kRuns) {
  double best = 1e30;
  for (int run = 0; run < runs; ++run) {
    const auto start = std::chrono::steady_clock::now();
    std::vector<std::thread> others;
    for (int i = 1; i < threads; ++i) others.emplace_back(work, i);
    work(0);
    for (std::thread& thread : others) thread.join();
    best = std::min(
        best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

// Independent chains of multiply-adds: enough to fill any processor's pipelines, few enough to stay
// in its registers.
constexpr int kChains = 12;

template <int kBytes>
struct Vector {
  typedef float Type __attribute__((vector_size(kBytes)));
};

// A macro because an attribute cannot be a template's argument. The loop over chains has to be
// unrolled, and its product and sum contracted (CMakeLists.txt), for this to be a limit of
// anything.
#define SLUICE_MULTIPLY_ADD(name, bytes, attributes)                                 \
  attributes float name(int64_t rounds) {                                            \
    typename Vector<bytes>::Type sums[kChains] = {};                                 \
    /* Chains that begin alike would be computed once. */                            \
    for (int chain = 0; chain < kChains; ++chain) sums[chain] += 1.0F / (1 + chain); \
    typename Vector<bytes>::Type factor = {};                                        \
    factor += 0.5F;                                                                  \
    for (int64_t round = 0; round < rounds; ++round) {                               \
      _Pragma("GCC unroll 12") for (int chain = 0; chain < kChains; ++chain) {       \
        sums[chain] = sums[chain] * factor + factor;                                 \
      }                                                                              \
    }                                                                                \
    float total = 0;                                                                 \
    _Pragma("GCC unroll 12") for (int chain = 0; chain < kChains; ++chain) total +=  \
        sums[chain][0];                                                              \
    return total;                                                                    \
  }

#if defined(__x86_64__)
SLUICE_MULTIPLY_ADD(MultiplyAdd512, 64, __attribute__((target("avx512f,fma"), noinline)))
SLUICE_MULTIPLY_ADD(MultiplyAdd256, 32, __attribute__((target("avx2,fma"), noinline)))
#endif
SLUICE_MULTIPLY_ADD(MultiplyAdd128, 16, __attribute__((noinline)))
#undef SLUICE_MULTIPLY_ADD

struct Widest {
  float (*run)(int64_t);
  int lanes;
};

Widest WidestKernel() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return {MultiplyAdd512, 16};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return {MultiplyAdd256, 8};
#endif
  return {MultiplyAdd128, 4};
}

volatile float sink;  // keeps results from being optimised away

constexpr int64_t kMemoryBytes = int64_t{256} << 20;  // a thread

double BestFlops(int threads, int runs) {
  constexpr int64_t kRounds = 600'000;
  const Widest kernel = WidestKernel();
  const double seconds = BestSeconds(
      threads, [&](int) { sink = kernel.run(kRounds); }, runs);
  return 2.0 * kChains * kernel.lanes * kRounds * threads / seconds;
}

}  // namespace

double PeakFlops(int threads) { return BestFlops(threads, kRuns); }

void PeakFlopsSampler::Sample() { best_ = std::max(best_, BestFlops(threads_, 1)); }

double PeakReadBytes(int threads) {
  std::vector<Tensor> memory;
  for (int i = 0; i < threads; ++i) memory.emplace_back(DType::kI32, Shape{kMemoryBytes / 4});
  const double seconds = BestSeconds(threads, [&](int thread) {
    const int32_t* data = memory[thread].data<int32_t>();
    int32_t lanes[64] = {};
    for (int64_t i = 0; i < kMemoryBytes / 4; i += 64) {
      for (int lane = 0; lane < 64; ++lane) lanes[lane] ^= data[i + lane];
    }
    sink = static_cast<float>(lanes[0] ^ lanes[63]);
  });
  return static_cast<double>(kMemoryBytes) * threads / seconds;
}

double PeakCopyBytes(int threads) {
  std::vector<Tensor> from;
  std::vector<Tensor> to;
  for (int i = 0; i < threads; ++i) {
    from.emplace_back(DType::kI32, Shape{kMemoryBytes / 4});
    to.emplace_back(DType::kI32, Shape{kMemoryBytes / 4});
  }
  const double seconds = BestSeconds(threads, [&](int thread) {
    std::memcpy(to[thread].raw(), from[thread].raw(), kMemoryBytes);
  });
  return 2.0 * static_cast<double>(kMemoryBytes) * threads / seconds;
}

}  // namespace sluice
