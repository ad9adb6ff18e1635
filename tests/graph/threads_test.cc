#include <thread>

#include <gtest/gtest.h>

#include <sluice/ops/composed.h>

#include "graph/tapes.h"

namespace sluice {
namespace {

// A net of its own for each thread, except for weights that all of them read.
std::vector<Tensor> RunTapes(VariableStore& shared, uint64_t seed) {
  std::vector<Tensor> results;
  VariableStore own({.seed = seed});
  for (int step = 0; step < 5; ++step) {
    Tape tape;
    std::vector<Value> fetches = RecordTrainingStep(tape, own, {.steps = 4});
    Variable& weights = *shared.Find("weights");
    const Value x = tape.Feed(RandomFloats({20, 64}, seed));
    const Value y = Tanh(MatMul(x, tape.Use(weights)));
    fetches.push_back(y);
    const std::vector<Value> gradients = Gradients(Sum(Square(y)), {tape.Use(weights)});
    fetches.push_back(gradients[0]);
    absl::StatusOr<std::vector<Tensor>> read = tape.Read(fetches);
    EXPECT_TRUE(read.ok()) << read.status();
    if (!read.ok()) return results;
    for (Tensor& tensor : *read) results.push_back(std::move(tensor));
  }
  return results;
}

// Only reads the store: its programs are found and given back by many threads.
std::vector<Tensor> Evaluate(VariableStore& shared, uint64_t seed) {
  std::vector<Tensor> results;
  for (int step = 0; step < 20; ++step) {
    Tape tape;
    const Value x = tape.Feed(RandomFloats({20, 64}, seed + static_cast<uint64_t>(step)));
    const std::vector<Value> fetches = {Softmax(MatMul(x, tape.Use(*shared.Find("weights"))))};
    absl::StatusOr<std::vector<Tensor>> read = tape.Read(fetches);
    EXPECT_TRUE(read.ok()) << read.status();
    if (read.ok()) results.push_back(std::move(read->front()));
  }
  return results;
}

using Work = std::vector<Tensor> (*)(VariableStore& shared, uint64_t seed);

void ExpectThreadsAgreeWithSerial(Work work) {
  constexpr int kThreads = 2;
  VariableStore shared;
  shared.root().Trainable("weights", {64, 48}, SmallRandom);
  std::vector<std::vector<Tensor>> serial;
  for (uint64_t i = 0; i < kThreads; ++i) serial.push_back(work(shared, i));
  std::vector<std::vector<Tensor>> parallel(kThreads);
  std::vector<std::thread> threads;
  for (uint64_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] { parallel[i] = work(shared, i); });
  }
  for (std::thread& thread : threads) thread.join();
  for (int i = 0; i < kThreads; ++i) {
    ASSERT_EQ(parallel[i].size(), serial[i].size());
    for (size_t k = 0; k < serial[i].size(); ++k) {
      EXPECT_TRUE(SameBits(parallel[i][k], serial[i][k])) << i << " " << k;
    }
  }
}

TEST(Threads, TrainTapesOfTheirOwnAtOnce) { ExpectThreadsAgreeWithSerial(RunTapes); }

TEST(Threads, EvaluateOneStoreAtOnce) { ExpectThreadsAgreeWithSerial(Evaluate); }

}  // namespace
}  // namespace sluice
