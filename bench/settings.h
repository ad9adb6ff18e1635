#ifndef SLUICE_BENCH_SETTINGS_H_
#define SLUICE_BENCH_SETTINGS_H_

#include <optional>
#include <string>
#include <vector>

#include <absl/functional/function_ref.h>
#include <absl/strings/string_view.h>

#include <sluice/graph/program.h>

namespace sluice {

// Flags that the programs take besides those of Google Benchmark.
struct BenchSettings {
  PlanLevel level = PlanLevel::kFull;  // --level=debug|simple|full
  double seconds = 1;                  // --seconds=: of timed steps, for each benchmark
};
const BenchSettings& Settings();

absl::string_view LevelName(PlanLevel level);
std::optional<PlanLevel> LevelOfName(absl::string_view name);

// 1, 2, 4, ... up to the number of cores.
std::vector<int> ThreadCounts();

// "<name>/threads:2"; a level other than full is part of the name: "<name>/threads:2/level:simple".
std::string BenchmarkName(absl::string_view name, int threads, PlanLevel level);

// The main function of a program: reads the flags, lets `register_all` register and runs.
int RunBenchmarks(int argc, char** argv, absl::FunctionRef<void()> register_all);

}  // namespace sluice

#endif  // SLUICE_BENCH_SETTINGS_H_
