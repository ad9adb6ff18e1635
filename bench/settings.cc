#include <cstdio>
#include <thread>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>
#include <benchmark/benchmark.h>

#include <sluice/bench/settings.h>

namespace sluice {
namespace {

BenchSettings& MutableSettings() {
  static BenchSettings settings;
  return settings;
}

// Whether the argument is one of ours; `valid` says whether its value makes sense.
bool ReadFlag(absl::string_view argument, bool& valid) {
  BenchSettings& settings = MutableSettings();
  if (absl::ConsumePrefix(&argument, "--level=")) {
    const std::optional<PlanLevel> level = LevelOfName(argument);
    valid = level.has_value();
    settings.level = level.value_or(settings.level);
    return true;
  }
  if (absl::ConsumePrefix(&argument, "--seconds=")) {
    valid = absl::SimpleAtod(argument, &settings.seconds) && settings.seconds > 0;
    return true;
  }
  return false;
}

}  // namespace

const BenchSettings& Settings() { return MutableSettings(); }

absl::string_view LevelName(PlanLevel level) {
  switch (level) {
    case PlanLevel::kDebug:
      return "debug";
    case PlanLevel::kSimple:
      return "simple";
    case PlanLevel::kFull:
      return "full";
  }
  return "";
}

std::optional<PlanLevel> LevelOfName(absl::string_view name) {
  for (const PlanLevel level : {PlanLevel::kDebug, PlanLevel::kSimple, PlanLevel::kFull}) {
    if (name == LevelName(level)) return level;
  }
  return std::nullopt;
}

std::vector<int> ThreadCounts() {
  std::vector<int> counts;
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  for (int threads = 1; threads <= cores; threads *= 2) counts.push_back(threads);
  return counts;
}

std::string BenchmarkName(absl::string_view name, int threads, PlanLevel level) {
  return absl::StrCat(name, "/threads:", threads,
                      level == PlanLevel::kFull ? "" : absl::StrCat("/level:", LevelName(level)));
}

int RunBenchmarks(int argc, char** argv, absl::FunctionRef<void()> register_all) {
  // Each benchmark measures by its own clock, in one go (rounds.h), so one iteration is enough for
  // Google Benchmark. Given first, so that a flag of the user's comes after it and counts.
  static char once[] = "--benchmark_min_time=1e-9";
  std::vector<char*> arguments = {argv[0], once};
  for (int i = 1; i < argc; ++i) {
    bool valid = true;
    if (!ReadFlag(argv[i], valid)) arguments.push_back(argv[i]);
    if (valid) continue;
    std::fprintf(stderr, "error: %s: --level is debug, simple or full, --seconds above 0\n",
                 argv[i]);
    return 2;
  }
  int count = static_cast<int>(arguments.size());
  arguments.push_back(nullptr);
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;
  register_all();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace sluice
