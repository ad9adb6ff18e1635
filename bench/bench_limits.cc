// This machine's limits: multiply-adds on registers; reading, writing and copying in each cache and
// in memory, for 1 .. n threads. The other programs measure them again beside what they compare.

#include <cmath>
#include <string>
#include <thread>

#include <absl/strings/str_cat.h>
#include <benchmark/benchmark.h>

#include <sluice/bench/limits.h>
#include <sluice/bench/settings.h>

namespace sluice {
namespace {

constexpr int kSamples = 15;

void MeasureFlops(benchmark::State& state, int threads) {
  PeakFlopsSampler peak(threads);
  while (state.KeepRunningBatch(kSamples)) {
    for (int sample = 0; sample < kSamples; ++sample) peak.Sample();
  }
  state.counters["flops_per_second"] = peak.median();
}

void MeasureMemory(benchmark::State& state, int threads, int64_t bytes) {
  MemorySampler memory(threads, bytes);
  while (state.KeepRunningBatch(kSamples)) {
    for (int sample = 0; sample < kSamples; ++sample) memory.Sample();
  }
  state.counters["read_bytes_per_second"] = memory.read();
  state.counters["write_bytes_per_second"] = memory.write();
  state.counters["copy_bytes_per_second"] = memory.copy();
}

void RegisterAll() {
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  const CacheSizes caches = Caches();
  for (int threads = 1; threads <= cores; ++threads) {
    const auto add = [&](const char* name, auto run) {
      benchmark::RegisterBenchmark(absl::StrCat("limits/", name, "/threads:", threads).c_str(), run)
          ->Unit(benchmark::kMillisecond);
    };
    add("multiply_add", [=](benchmark::State& state) { MeasureFlops(state, threads); });
    const auto add_memory = [&](const char* name, int64_t bytes) {
      add(name, [=](benchmark::State& state) { MeasureMemory(state, threads, bytes); });
    };
    add_memory("first_cache", caches.first / 2 * threads);
    add_memory("second_cache", caches.second / 2 * threads);
    add_memory("memory", 4 * caches.last);
  }
}

}  // namespace
}  // namespace sluice

int main(int argc, char** argv) { return sluice::RunBenchmarks(argc, argv, sluice::RegisterAll); }
