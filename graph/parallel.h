#ifndef SLUICE_GRAPH_PARALLEL_H_
#define SLUICE_GRAPH_PARALLEL_H_

#include <cstdint>
#include <memory>
#include <type_traits>

#include <absl/functional/function_ref.h>

namespace sluice {

// Work below this many units stays on the calling thread: a fork-join costs about as much as this
// much work. One unit is about a nanosecond of one core.
inline constexpr int64_t kSerialCutOff = 10'000;

// Calls body(begin, end) on pieces that cover 0 .. count - 1. `cost` is the work of one index in
// units of about a nanosecond. The pieces depend on `count` and `cost` only, never on the number of
// threads, so that a body that sums over its piece gives the same bits for any number of them. Runs
// in the TBB arena that the caller is in.
void ParallelFor(int64_t count, double cost, absl::FunctionRef<void(int64_t, int64_t)> body);

// The same for bodies whose results do not depend on the cut at all: as few ranges as keep the
// threads of the arena busy, so that a body may make use of what neighbouring indices share.
void ParallelRanges(int64_t count, double cost, absl::FunctionRef<void(int64_t, int64_t)> body);

// Calls body(0) .. body(count - 1), each as a task of its own that may itself use ParallelFor: for
// tasks of different sizes, of which each makes the same bits wherever it runs.
void ParallelTasks(int64_t count, absl::FunctionRef<void(int64_t)> body);

// While one lives, ParallelFor on its thread stays on that thread, piece after piece: for work that
// is itself a piece of parallel work.
class SerialScope {
 public:
  SerialScope();
  ~SerialScope();
  SerialScope(const SerialScope&) = delete;
  SerialScope& operator=(const SerialScope&) = delete;
};

// Threads of the TBB arena that the caller is in.
int Concurrency();

// The TBB arena to run in, without TBB in this header. Holds a reference: the arena must outlive
// it. Made from anything with `execute(f)`, such as tbb::task_arena.
class ArenaRef {
 public:
  ArenaRef() = default;  // the arena of the calling thread
  template <typename Arena>
  requires(!std::is_same_v<std::remove_cv_t<Arena>, ArenaRef>) ArenaRef(
      Arena& arena)  // NOLINT(google-explicit-constructor): callers pass their tbb::task_arena
      : arena_(&arena), execute_([](void* erased, absl::FunctionRef<void()> body) {
          static_cast<Arena*>(erased)->execute([&] { body(); });
        }) {}

  void Execute(absl::FunctionRef<void()> body) const {
    if (arena_ == nullptr) return body();
    execute_(arena_, body);
  }

 private:
  void* arena_ = nullptr;
  void (*execute_)(void*, absl::FunctionRef<void()>) = nullptr;
};

// An arena of its own with `count` threads, for callers that do not use TBB themselves.
class Threads {
 public:
  explicit Threads(int count);
  ~Threads();
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

  int count() const;
  ArenaRef arena() const;

 private:
  struct Arena;
  std::unique_ptr<Arena> arena_;
};

}  // namespace sluice

#endif  // SLUICE_GRAPH_PARALLEL_H_
