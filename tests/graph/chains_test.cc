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

// An id out of range in a time loop: the same error as of one kernel after the other.
absl::Status RunWithBadIds(std::vector<int> bad, int threads, PlanLevel level) {
  constexpr int64_t kSteps = 3, kBatch = 64, kColumns = 48;
  Tape tape;
  const Value table = tape.Feed(RandomFloats({9, kColumns}, 1));
  std::vector<int32_t> ids(kSteps * kBatch, 4);
  for (const int position : bad) ids[position] = 9 + position;
  const Value all = tape.Feed(Tensor({kSteps, kBatch}, ids));
  const Value weights = tape.Feed(RandomFloats({kColumns, kColumns}, 2));
  const Tape::ScopeMark scope(tape, "rnn/0");
  Value h = tape.Feed(RandomFloats({kBatch, kColumns}, 3));
  for (int64_t t = 0; t < kSteps; ++t) {
    const Tape::ScopeMark inner(tape, absl::StrCat("rnn/0/step", t));
    h = Tanh(MatMul(h, weights) + Gather(table, Index(all, t)));
  }
  const Threads arena(threads);
  return tape.Read({Sum(h)}, {.arena = arena.arena(), .plan = {.level = level}}).status();
}

TEST(Chains, EndWithTheErrorOfRunningInOrder) {
  struct Case {
    std::vector<int> bad;
    const char* message;
  };
  const Case cases[] = {
      {{64 + 50}, "gather: id 123 at position 50 is not within 0 .. 8; in rnn/0/step1"},
      {{2 * 64 + 7, 2 * 64 + 63, 2 * 64 + 40},
       "gather: id 144 at position 7 is not within 0 .. 8; in rnn/0/step2"},
      // The first kernel that fails, though a block of rows before it fails later.
      {{128, 60}, "gather: id 69 at position 60 is not within 0 .. 8; in rnn/0/step0"}};
  for (const Case& c : cases) {
    for (const PlanLevel level : {PlanLevel::kDebug, PlanLevel::kSimple, PlanLevel::kFull}) {
      for (const int threads : {1, 2, 3, 4}) {
        const absl::Status status = RunWithBadIds(c.bad, threads, level);
        EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
        EXPECT_EQ(status.message(), c.message)
            << threads << " threads, level " << static_cast<int>(level);
      }
    }
  }
}

// ---- The rows of a part of a value are not the value's rows ----

using Recorded = std::vector<Value> (*)(Tape& tape, VariableStore& store, int64_t rows,
                                        int64_t columns);

void ExpectHoldsForAnyThreads(Recorded record) {
  {
    Tape tape;
    VariableStore store;
    testing::ExpectMemoryHolds(tape, record(tape, store, 6, 9));
  }
  std::vector<Tensor> one;
  for (const int threads : {1, 2, 3, 4}) {
    Tape tape;
    VariableStore store;
    const std::vector<Value> fetches = record(tape, store, 60, 144);
    const Threads arena(threads);
    const absl::StatusOr<std::vector<Tensor>> read = tape.Read(fetches, {.arena = arena.arena()});
    ASSERT_TRUE(read.ok()) << read.status();
    if (threads == 1) one = *read;
    for (size_t i = 0; i < one.size(); ++i) {
      EXPECT_TRUE(SameBits(one[i], (*read)[i])) << threads << " threads, fetch " << i;
    }
  }
}

// The first third of the rows, cut into as many shorter rows.
Value OtherRows(Value x) {
  const int64_t rows = x.shape()[0];
  return Reshape(Slice(x, 0, 0, rows / 3), {rows, x.shape()[1] / 3});
}

TEST(Chains, DoNotUpdateAVariableOfWhichTheyReadOtherRows) {
  ExpectHoldsForAnyThreads(
      [](Tape& tape, VariableStore& store, int64_t rows, int64_t columns) -> std::vector<Value> {
        Variable& variable = store.root().Trainable("a", {rows, columns}, SmallRandom);
        const Value old = tape.Use(variable);
        const Value w = tape.Feed(RandomFloats({columns / 3, columns / 3}, 1));
        Value y = MatMul(OtherRows(old), w);
        tape.Write(variable, old * 0.5);
        for (int i = 0; i < 8; ++i) y = Tanh(MatMul(y, w));
        return {y};
      });
}

TEST(Chains, DoNotWriteOverAPartOfWhatTheyReadByOtherRows) {
  ExpectHoldsForAnyThreads(
      [](Tape& tape, VariableStore&, int64_t rows, int64_t columns) -> std::vector<Value> {
        const Value x = Exp(tape.Feed(RandomFloats({rows, columns}, 3)));
        const Value s = Sum(Transpose(x, {1, 0})) * 0.001;  // ends the chain that x is made in
        const Value w = tape.Feed(RandomFloats({columns, columns}, 1));
        const Value v = tape.Feed(RandomFloats({columns / 3, columns / 3}, 2));
        Value whole = x * s;
        Value part = OtherRows(x) * s;
        for (int i = 0; i < 6; ++i) {
          whole = Tanh(MatMul(whole, w));
          part = Tanh(MatMul(part, v));
        }
        return {whole, part};
      });
}

}  // namespace
}  // namespace sluice
