#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>

#include <sluice/bench/limit_kernels.h>
#include <sluice/bench/limits.h>
#include <sluice/bench/rounds.h>

namespace sluice {
namespace {

const LimitKernels& WidestKernels() {
  static const LimitKernels kernels = [] {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) return limits_avx512::Kernels();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
      return limits_avx2::Kernels();
    }
#endif
    return limits_baseline::Kernels();
  }();
  return kernels;
}

// Seconds that `threads` threads take for `work`, called with the number of the thread; they begin
// together.
double SecondsOf(int threads, const std::function<void(int)>& work) {
  std::atomic<int> waiting = 0;
  std::atomic<bool> begin = false;
  std::vector<std::thread> others;
  for (int i = 1; i < threads; ++i) {
    others.emplace_back([&, i] {
      ++waiting;
      while (!begin) std::this_thread::yield();
      work(i);
    });
  }
  while (waiting < threads - 1) std::this_thread::yield();
  const double start = SecondsNow();
  begin = true;
  work(0);
  for (std::thread& thread : others) thread.join();
  return SecondsNow() - start;
}

volatile float sink;  // keeps results from being optimised away

}  // namespace

void PeakFlopsSampler::Sample() {
  constexpr int64_t kRounds = 600'000;
  const LimitKernels& kernels = WidestKernels();
  double best = 0;  // of some attempts: one may be interrupted
  for (int attempt = 0; attempt < 3; ++attempt) {
    const double seconds = SecondsOf(threads_, [&](int) { sink = kernels.multiply_add(kRounds); });
    best = std::max(best, kernels.flops_of_round * kRounds * threads_ / seconds);
  }
  samples_.push_back(best);
}

MemorySampler::MemorySampler(int threads, int64_t bytes)
    : threads_(threads),
      count_(std::max<int64_t>(64, bytes / threads / 8 / 64 * 64)),
      memory_(DType::kF32, {threads, 2, count_}) {}

void MemorySampler::Sample() {
  const LimitKernels& kernels = WidestKernels();
  const double bytes = 8.0 * static_cast<double>(count_) * threads_;
  // So often that starting threads does not matter.
  const auto repeats = std::max<int64_t>(1, std::llround(1e8 * threads_ / bytes));
  const auto rate = [&](const std::function<void(float*)>& pass) {
    return bytes * static_cast<double>(repeats) / SecondsOf(threads_, [&](int thread) {
             float* memory = memory_.data<float>() + 2 * count_ * thread;
             for (int64_t i = 0; i < repeats; ++i) pass(memory);
           });
  };
  double write = 0;  // the better way
  double copy = 0;
  for (const bool around_caches : {false, true}) {
    write = std::max(write, rate([&](float* m) { kernels.write(m, 2 * count_, around_caches); }));
    copy =
        std::max(copy, rate([&](float* m) { kernels.copy(m, m + count_, count_, around_caches); }));
  }
  read_.push_back(rate([&](float* m) { sink = kernels.read(m, 2 * count_); }));
  write_.push_back(write);
  copy_.push_back(copy);
}

double MemorySampler::Seconds(double bytes_read, double bytes_written) const {
  const double both = std::min(bytes_read, bytes_written);
  return 2 * both / copy() + (bytes_read - both) / read() + (bytes_written - both) / write();
}

double ShareOfLimit(double least_seconds, double seconds) {
  return std::min(1.0, least_seconds / seconds);
}

CacheSizes Caches() {
  CacheSizes sizes;
  for (const benchmark::CPUInfo::CacheInfo& cache : benchmark::CPUInfo::Get().caches) {
    if (cache.type == "Instruction") continue;
    if (cache.level == 1) sizes.first = cache.size;
    if (cache.level == 2) sizes.second = cache.size;
    if (cache.level >= 2) sizes.last = cache.size;
  }
  return sizes;
}

}  // namespace sluice
