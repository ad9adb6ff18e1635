#include <algorithm>
#include <mutex>
#include <vector>

#include <gtest/gtest.h>
#include <tbb/task_arena.h>

#include <sluice/graph/parallel.h>
#include <sluice/ops/composed.h>

#include "graph/tapes.h"

namespace sluice {
namespace {

using Piece = std::pair<int64_t, int64_t>;

std::vector<Piece> PiecesOf(int64_t count, double cost) {
  std::mutex mutex;
  std::vector<Piece> pieces;
  ParallelFor(count, cost, [&](int64_t begin, int64_t end) {
    const std::lock_guard lock(mutex);
    pieces.emplace_back(begin, end);
  });
  std::sort(pieces.begin(), pieces.end());
  return pieces;
}

TEST(ParallelFor, CoversEveryIndexOnce) {
  for (const int64_t count : {1, 2, 63, 64, 65, 1000, 99'999}) {
    for (const double cost : {0.01, 1.0, 1000.0, 1e6}) {
      int64_t next = 0;
      for (const auto& [begin, end] : PiecesOf(count, cost)) {
        EXPECT_EQ(begin, next);
        EXPECT_LT(begin, end) << "a piece is not empty";
        next = end;
      }
      EXPECT_EQ(next, count) << cost;
    }
  }
}

TEST(ParallelFor, OfNothingDoesNothing) {
  EXPECT_TRUE(PiecesOf(0, 1e9).empty());
  EXPECT_TRUE(PiecesOf(-1, 1e9).empty());
}

TEST(ParallelFor, KeepsSmallWorkOnTheCallingThread) {
  EXPECT_EQ(PiecesOf(100, 1).size(), 1);
  EXPECT_GT(PiecesOf(100'000, 1).size(), 1);
}

TEST(ParallelFor, CutsTheSamePiecesForAnyNumberOfThreads) {
  std::vector<std::vector<Piece>> by_threads;
  for (const int count : {1, 2, 3, 8}) {
    const Threads threads(count);
    EXPECT_EQ(threads.count(), count);
    threads.arena().Execute([&] { by_threads.push_back(PiecesOf(12'345, 100)); });
  }
  for (const std::vector<Piece>& pieces : by_threads) EXPECT_EQ(pieces, by_threads[0]);
}

TEST(ArenaRef, RunsInTheArenaItWasGiven) {
  tbb::task_arena arena(3);
  int concurrency = 0;
  ArenaRef(arena).Execute([&] { concurrency = tbb::this_task_arena::max_concurrency(); });
  EXPECT_EQ(concurrency, 3);
}

TEST(ArenaRef, RunsOnTheCallingThreadByDefault) {
  bool ran = false;
  ArenaRef().Execute([&] { ran = true; });
  EXPECT_TRUE(ran);
}

TEST(ArenaRef, TakesKernelsToItsThreads) {
  std::vector<std::vector<Tensor>> results;
  for (const int count : {1, 2, 4}) {
    tbb::task_arena arena(count);
    VariableStore store;
    Tape tape;
    const std::vector<Value> fetches = RecordTrainingStep(
        tape, store, {.steps = 6, .batch = 40, .inputs = 30, .hidden = 100, .symbols = 90});
    absl::StatusOr<std::vector<Tensor>> read = tape.Read(fetches, {.arena = arena});
    ASSERT_TRUE(read.ok()) << read.status();
    results.push_back(*read);
  }
  for (const std::vector<Tensor>& result : results) {
    for (size_t i = 0; i < result.size(); ++i) EXPECT_TRUE(SameBits(result[i], results[0][i])) << i;
  }
}

}  // namespace
}  // namespace sluice
