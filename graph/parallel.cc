#include <algorithm>

#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <sluice/graph/parallel.h>

namespace sluice {
namespace {

thread_local int serial_scopes = 0;

}  // namespace

SerialScope::SerialScope() { ++serial_scopes; }
SerialScope::~SerialScope() { --serial_scopes; }

int Concurrency() { return tbb::this_task_arena::max_concurrency(); }

void ParallelFor(int64_t count, double cost, absl::FunctionRef<void(int64_t, int64_t)> body) {
  if (count <= 0) return;
  const double work = static_cast<double>(count) * cost;
  if (work < 2 * static_cast<double>(kSerialCutOff) || count == 1) return body(0, count);
  // At most 64 pieces: enough to balance any machine this runs on, few enough that their cost does
  // not show.
  const int64_t pieces = std::min<int64_t>(
      {count, 64, static_cast<int64_t>(work / static_cast<double>(kSerialCutOff))});
  const auto run = [&](int64_t piece) {
    body(count * piece / pieces, count * (piece + 1) / pieces);
  };
  if (serial_scopes > 0) {
    for (int64_t piece = 0; piece < pieces; ++piece) run(piece);
    return;
  }
  tbb::parallel_for(int64_t{0}, pieces, run, tbb::static_partitioner());
}

void ParallelRanges(int64_t count, double cost, absl::FunctionRef<void(int64_t, int64_t)> body) {
  if (count <= 0) return;
  const double work = static_cast<double>(count) * cost;
  if (serial_scopes > 0 || work < 2 * static_cast<double>(kSerialCutOff)) return body(0, count);
  const int64_t threads = Concurrency();
  if (threads == 1) return body(0, count);
  // Long work in more ranges than threads, for a thread may be kept from running.
  constexpr double kLong = 200'000;
  const int64_t ranges = std::min(
      count, std::clamp(static_cast<int64_t>(work / kLong), int64_t{1}, int64_t{4}) * threads);
  tbb::parallel_for(
      int64_t{0}, ranges,
      [&](int64_t range) { body(count * range / ranges, count * (range + 1) / ranges); },
      tbb::simple_partitioner());
}

void ParallelTasks(int64_t count, absl::FunctionRef<void(int64_t)> body) {
  tbb::parallel_for(
      int64_t{0}, count, [&](int64_t task) { body(task); }, tbb::simple_partitioner());
}

struct Threads::Arena {
  explicit Arena(int count) : arena(count) {}
  tbb::task_arena arena;
};

Threads::Threads(int count) : arena_(std::make_unique<Arena>(std::max(1, count))) {}
Threads::~Threads() = default;
int Threads::count() const { return arena_->arena.max_concurrency(); }
ArenaRef Threads::arena() const { return ArenaRef(arena_->arena); }

}  // namespace sluice
