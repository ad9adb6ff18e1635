// Chains of rows as they run: cut for several threads, with errors, and at shapes that are easily
// taken for others.

#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

#include <sluice/ops/composed.h>

#include "graph/tapes.h"
#include "support/memory_replay.h"

namespace sluice {
namespace {

// Enough work by row that a chain is cut; x is (..., 48).
Value Work(Value x) {
  const Value weights = x.tape()->Feed(RandomFloats({48, 48}, 1));
  for (int i = 0; i < 6; ++i) x = Tanh(MatMul(x, weights));
  return x;
}

// One step of a batch may be a batch of one step: (1, B, C) with (B, C).
TEST(Chains, KeepRowsApartWhereRanksDiffer) {
  ExpectLevelsAgree([](Tape& tape, VariableStore&) {
    const Value weights = tape.Feed(RandomFloats({48, 48}, 1));
    const Value x = tape.Feed(RandomFloats({67, 48}, 2));
    const Value column = tape.Feed(RandomFloats({67, 1}, 3));
    // Between products, so that each element-wise op is one kernel by itself.
    Value y = Work(tape.Feed(RandomFloats({1, 67, 48}, 4)));
    y = MatMul(MatMul(y, weights) * x, weights);
    y = MatMul(column - MatMul(y, weights), weights);
    return std::vector<Value>{y};
  });
}

}  // namespace
}  // namespace sluice
