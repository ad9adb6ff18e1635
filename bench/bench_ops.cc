// Every registered op on f32 arrays that fill half of the first-level cache, half of the second, or
// four times the last: GFLOP/s or GB/s, the share of what the machine allows there, and Eigen's
// time beside it where Eigen has the op. Results are first compared with the tests' references.

#include <algorithm>
#include <string>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <benchmark/benchmark.h>

#include <sluice/bench/eigen_ops.h>
#include <sluice/bench/limits.h>
#include <sluice/bench/op_run.h>
#include <sluice/bench/op_samples.h>
#include <sluice/bench/rounds.h>
#include <sluice/bench/settings.h>

namespace sluice {
namespace {

// Sources and writes have no work of their own; a test's op is not of the library.
bool IsMeasured(const Op& op) {
  return op.kind != OpKind::kFeed && op.kind != OpKind::kConstant && op.kind != OpKind::kVariable &&
         op.kind != OpKind::kWrite && !op.samples.empty() && !absl::StartsWith(op.name, "test_");
}

void MeasureOp(benchmark::State& state, const Op& op, int64_t bytes, int threads) {
  OpRun run(op, SampleOfSize(op, bytes), threads);
  const absl::Status check = run.Check();
  if (!check.ok()) return Skip(state, check);

  // Both sides write to the same memory: what pages an array gets decides how well a cache holds
  // it.
  Step peer;
  if (const EigenOp eigen = threads == 1 ? FindEigenOp(op.name) : nullptr) {
    peer = [&run, eigen] {
      eigen(run.inputs(), run.sample().attributes.number, run.output());
      return absl::OkStatus();
    };
  }
  PeakFlopsSampler peak(threads);
  MemorySampler memory(threads, bytes);
  const Rounds rounds = MeasureRounds(
      state, [&] { return run.Step(); }, peer,
      [&] {
        peak.Sample();
        memory.Sample();
      },
      run.arena());
  if (rounds.ours.empty()) return;
  const double seconds = ReportSeconds(state, rounds);
  const double flops = run.flops();
  const double moved = run.bytes_read() + run.bytes_written();
  const double least =
      std::max(flops / peak.median(), memory.Seconds(run.bytes_read(), run.bytes_written()));
  state.counters["share_of_limit"] = ShareOfLimit(least, seconds);
  if (flops > 0) state.counters["flops_per_second"] = flops / seconds;
  state.counters["bytes_per_second"] = moved / seconds;
  if (peer) ReportRatio(state, rounds);
}

void RegisterAll() {
  struct Place {
    const char* name;
    int64_t bytes;
  };
  const CacheSizes caches = Caches();
  for (const Op* op : OpRegistry::Global().All()) {
    if (!IsMeasured(*op)) continue;
    for (const auto& [place, bytes] : {Place{"first_cache", caches.first / 2},
                                       {"second_cache", caches.second / 2},
                                       {"memory", 4 * caches.last}}) {
      for (const int threads : ThreadCounts()) {
        const std::string path = absl::StrCat("op/", op->name, "/f32/", place);
        const std::string name =
            threads == 1 ? path : BenchmarkName(path, threads, PlanLevel::kFull);
        benchmark::RegisterBenchmark(name.c_str(), [op, bytes = bytes,
                                                    threads](benchmark::State& state) {
          MeasureOp(state, *op, bytes, threads);
        })->Unit(benchmark::kMicrosecond);
      }
    }
  }
}

}  // namespace
}  // namespace sluice

int main(int argc, char** argv) { return sluice::RunBenchmarks(argc, argv, sluice::RegisterAll); }
