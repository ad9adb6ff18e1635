// `race`: pieces of one ParallelFor write the same plain int. `copy_race`: they let the C library
// write the same bytes. `fork_join`: each piece writes its own elements from what was written
// before the fork, and the caller reads them all after the join.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include <sluice/graph/parallel.h>

namespace {

constexpr int64_t kCount = 64;

// Returns once two threads have come here, or after ten seconds: then there is only one, and
// nothing to see. Relaxed, so that it orders nothing.
void MeetAnotherThread() {
  static std::atomic<int> arrived = 0;
  static thread_local const bool counted = (arrived.fetch_add(1, std::memory_order_relaxed), true);
  if (!counted) return;
  const auto start = std::chrono::steady_clock::now();
  while (arrived.load(std::memory_order_relaxed) < 2 &&
         std::chrono::steady_clock::now() - start < std::chrono::seconds(10)) {
    std::this_thread::yield();
  }
}

int Race() {
  int shared = 0;
  sluice::ParallelFor(kCount, sluice::kSerialCutOff, [&](int64_t begin, int64_t end) {
    MeetAnotherThread();
    shared += static_cast<int>(end - begin);
  });
  return shared;
}

int CopyRace() {
  std::vector<char> from(1000, 1);
  std::vector<char> shared(from.size());
  sluice::ParallelFor(kCount, sluice::kSerialCutOff, [&](int64_t, int64_t) {
    MeetAnotherThread();
    std::memcpy(shared.data(), from.data(), from.size());
  });
  return shared[0];
}

int ForkJoin() {
  int sum = 0;
  for (int round = 0; round < 100; ++round) {
    std::vector<int> from(kCount, round);
    std::vector<int> to(kCount);
    sluice::ParallelFor(kCount, sluice::kSerialCutOff, [&](int64_t begin, int64_t end) {
      MeetAnotherThread();
      for (int64_t i = begin; i < end; ++i) to[i] = from[i] + 1;
    });
    for (int64_t i = 0; i < kCount; ++i) sum += to[i] - from[i];
  }
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  sluice::Threads threads(2);
  int result = 0;
  threads.arena().Execute([&] {
    result = mode == "race" ? Race() : mode == "copy_race" ? CopyRace() : ForkJoin();
  });
  std::printf("%d\n", result);
  return 0;
}
