#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <sluice/experiments/quick_limits.h>
#include <sluice/graph/tape.h>
#include <sluice/ops/composed.h>

namespace sluice {
namespace {

// Far larger than any cache of a core, and quick enough to be run some times.
constexpr int64_t kMatrixSize = 768;
constexpr int64_t kMemoryFloats = 16 << 20;
constexpr int kRuns = 8;

// The shortest of some runs of all that the tape writes, in seconds.
absl::StatusOr<double> ShortestRun(const Tape& tape, const ArenaRef& arena) {
  using Clock = std::chrono::steady_clock;
  absl::StatusOr<Program> program = Plan(tape, {});
  if (!program.ok()) return program.status();
  double shortest = std::numeric_limits<double>::infinity();
  for (int i = 0; i < kRuns; ++i) {
    const Clock::time_point start = Clock::now();
    if (absl::Status status = program->Run({}, {.arena = arena}).status(); !status.ok()) {
      return status;
    }
    shortest = std::min(shortest, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return shortest;
}

}  // namespace

absl::StatusOr<MachineLimits> QuickLimits(const ArenaRef& arena) {
  VariableStore store;
  const Shape square{kMatrixSize, kMatrixSize};
  Variable& left = store.root().Fixed("left", square);
  Variable& right = store.root().Fixed("right", square);
  Variable& product = store.root().Fixed("product", square);
  Tape product_tape;
  product_tape.Write(product, MatMul(product_tape.Use(left), product_tape.Use(right)));
  const absl::StatusOr<double> product_seconds = ShortestRun(product_tape, arena);
  if (!product_seconds.ok()) return product_seconds.status();

  Variable& memory = store.root().Fixed("memory", {kMemoryFloats});
  Tape memory_tape;
  memory_tape.Write(memory, memory_tape.Use(memory) + 1);
  const absl::StatusOr<double> memory_seconds = ShortestRun(memory_tape, arena);
  if (!memory_seconds.ok()) return memory_seconds.status();

  return MachineLimits{
      .flops_per_second = 2 * std::pow(static_cast<double>(kMatrixSize), 3) / *product_seconds,
      .bytes_per_second = 2.0 * kMemoryFloats * sizeof(float) / *memory_seconds};
}

absl::StatusOr<MachineLimits> ParseLimits(absl::string_view text) {
  if (text == "none") return MachineLimits{};
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ',');
  double gigaflops = 0;
  double gigabytes = 0;
  const bool fits = parts.size() == 2 && absl::SimpleAtod(parts[0], &gigaflops) &&
                    absl::SimpleAtod(parts[1], &gigabytes) && gigaflops > 0 && gigabytes > 0 &&
                    std::isfinite(gigaflops) && std::isfinite(gigabytes);
  if (!fits) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", text, "\" is neither measure nor none nor GFLOP/s,GB/s such as 228,17.5"));
  }
  return MachineLimits{.flops_per_second = gigaflops * 1e9, .bytes_per_second = gigabytes * 1e9};
}

}  // namespace sluice
