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

TEST(Chains, MultiplyByNothing) {
  ExpectLevelsAgree([](Tape& tape, VariableStore&) {
    const Value none = tape.Feed(Tensor(DType::kF32, {0, 48}));
    const Value x = Work(tape.Feed(RandomFloats({64, 48}, 1)));
    const Value empty = Slice(x, 1, 7, 7);  // (64, 0)
    const Value nothing = MatMul(empty, none);
    const Value y = Work(x - nothing);
    return std::vector<Value>{nothing, y, Tanh(MatMul(empty, none) + y), x};
  });
}

TEST(Chains, CarryValuesWithoutElements) {
  ExpectLevelsAgree([](Tape& tape, VariableStore&) {
    const Value x = Work(tape.Feed(RandomFloats({64, 48}, 1)));
    const int last[] = {-1};
    const Value column = Sum(x, last, /*keep_axes=*/true);
    const Value empty = Tanh(Slice(x, 1, 7, 7));  // (64, 0)
    const Value y = Work(Concat({empty, x}, 1));
    return std::vector<Value>{empty * column, Sum(empty, last) + Sum(y, last), y};
  });
}

}  // namespace
}  // namespace sluice
