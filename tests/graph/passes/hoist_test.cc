#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/ops/composed.h>

#include "graph/tapes.h"

namespace sluice {
namespace {

// Rows of one value and rows of another begin at the same number only in the first step.
TEST(HoistRows, TellsOneRowFromOneStep) {
  ExpectLevelsAgree([](Tape& tape, VariableStore&) {
    std::vector<Value> results;
    const Value weights = tape.Feed(RandomFloats({6, 5}, 1));
    for (const int64_t steps : {1, 2, 3}) {
      for (const int64_t batch : {1, 3}) {
        const Value x = tape.Feed(RandomFloats({steps, batch, 6}, 2));
        const Value position = tape.Feed(RandomFloats({steps, 6}, 3));
        for (int64_t t = 0; t < steps; ++t) {
          const Value row = Slice(position, 0, t, t + 1);
          results.push_back(MatMul(row * Index(x, t), weights));
          results.push_back(MatMul(Index(x, t) + row, weights));
        }
      }
    }
    // Only the first step, as many rows of it as the other value has altogether.
    const Value x = tape.Feed(RandomFloats({3, 3, 6}, 4));
    const Value position = tape.Feed(RandomFloats({3, 6}, 5));
    results.push_back(MatMul(Index(x, 0) * Slice(position, 0, 0, 1), weights));
    return results;
  });
}

}  // namespace
}  // namespace sluice
