// Only in builds with ThreadSanitizer; options.cmake says why. graph/parallel.cc, which it cannot
// see into, then defines ParallelForUnseen in place of ParallelFor,
// and likewise for its siblings.
#include <sanitizer/tsan_interface.h>

#include <sluice/graph/parallel.h>

namespace sluice {

void ParallelForUnseen(int64_t count, double cost, absl::FunctionRef<void(int64_t, int64_t)> body);

void ParallelRangesUnseen(int64_t count, double cost,
                          absl::FunctionRef<void(int64_t, int64_t)> body);
void ParallelTasksUnseen(int64_t count, absl::FunctionRef<void(int64_t)> body);

void ParallelFor(int64_t count, double cost, absl::FunctionRef<void(int64_t, int64_t)> body) {
  char fork;
  char join;
  __tsan_release(&fork);
  ParallelForUnseen(count, cost, [&](int64_t begin, int64_t end) {
    __tsan_acquire(&fork);
    body(begin, end);
    __tsan_release(&join);
  });
  __tsan_acquire(&join);
}

void ParallelRanges(int64_t count, double cost, absl::FunctionRef<void(int64_t, int64_t)> body) {
  char fork;
  char join;
  __tsan_release(&fork);
  ParallelRangesUnseen(count, cost, [&](int64_t begin, int64_t end) {
    __tsan_acquire(&fork);
    body(begin, end);
    __tsan_release(&join);
  });
  __tsan_acquire(&join);
}

void ParallelTasks(int64_t count, absl::FunctionRef<void(int64_t)> body) {
  char fork;
  char join;
  __tsan_release(&fork);
  ParallelTasksUnseen(count, [&](int64_t task) {
    __tsan_acquire(&fork);
    body(task);
    __tsan_release(&join);
  });
  __tsan_acquire(&join);
}

}  // namespace sluice
