// Tapes by chance: memory holds at every level, and all levels and numbers of threads agree.

#include <algorithm>
#include <set>

#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

#include <sluice/ops/composed.h>

#include "graph/tapes.h"
#include "support/memory_replay.h"

namespace sluice {
namespace {

struct TapeSizes {
  int64_t steps;
  int64_t rows;
  int64_t columns;
  DType dtype = DType::kF32;
};

// Writes a tape of all sorts of sharing: views of views, concatenations of concatenations, reads
// before and after writes, time loops over slices and over gathered rows, columns and rows that are
// broadcast, reductions of rows, and gradients of some of it.
class RandomTape {
 public:
  RandomTape(Tape& tape, VariableStore& store, const TapeSizes& sizes, uint64_t seed)
      : tape_(tape), sizes_(sizes), random_(MakeRandomKey(seed, "tape")) {
    const auto make = [&](absl::string_view name, const Shape& shape) {
      return &store.Create(name, {sizes.dtype, shape}, [](const TensorType& type, RandomKey key) {
        return SmallRandom({DType::kF32, type.shape}, key).Cast(type.dtype);
      });
    };
    for (const char* name : {"a", "b", "c"}) variables_.push_back(make(name, plain_));
    bias_ = make("bias", {sizes.columns});
    row_ = make("row", {1, sizes.columns});
    values_.push_back(Feed(plain_, seed));
    values_.push_back(tape.Constant(0.5, sizes.dtype, plain_));
    weights_ = Feed({sizes.columns, sizes.columns}, seed + 1) * 0.5;
    sequence_ = Feed({sizes.steps, sizes.rows, sizes.columns}, seed + 2);
    wholes_ = {sequence_, Exp(sequence_)};
    mask_ = Feed({sizes.steps, sizes.rows}, seed + 3);
    std::vector<int32_t> ids(sizes.steps * sizes.rows);
    for (int32_t& id : ids) id = static_cast<int32_t>(random_.Below(sizes.rows));
    ids_ = tape.Feed(Tensor({sizes.steps, sizes.rows}, ids));
  }

  std::vector<Value> Record(int count) {
    for (int i = 0; i < count; ++i) values_.push_back(Bounded(Step()));
    std::vector<Value> fetches = {values_.back()};
    for (const Value& value : values_) {
      if (random_.Below(8) == 0) fetches.push_back(value);
    }
    if (random_.Below(2) == 0) AddGradients(fetches);
    return fetches;
  }

 private:
  Value Feed(const Shape& shape, uint64_t seed) {
    return tape_.Feed(RandomFloats(shape, seed).Cast(sizes_.dtype));
  }
  Value Any() { return values_[random_.Below(values_.size())]; }
  // A value of the usual shape.
  Value Plain() {
    Value value;
    do {
      value = Any();
    } while (value.shape() != plain_);
    return value;
  }
  Variable& AnyVariable() { return *variables_[random_.Below(variables_.size())]; }
  bool Coin() { return random_.Below(2) == 0; }
  // Numbers stay of the order of one, so that levels agree to rounding.
  static Value Bounded(Value x) { return IsFloat(x.dtype()) && x.shape().rank() < 2 ? Tanh(x) : x; }

  Value Step() {
    const int64_t rows = sizes_.rows;
    const int64_t columns = sizes_.columns;
    const int last[] = {-1};
    switch (random_.Below(30)) {
      case 0:
        return Tanh(Any());
      case 1:
        return Tanh(Plain() + Plain());
      case 2:
        return Tanh(Plain() * Slice(Plain(), 0, 0, 1));
      case 3:
        return Tanh(Plain() - Slice(Plain(), 1, columns / 2, columns / 2 + 1));
      case 4:
        return Tail(Concat({Slice(Plain(), 0, 0, 1), Tanh(Slice(Plain(), 0, 0, rows))}, 0));
      case 5:
        return Tanh(MatMul(Concat({Slice(Plain(), 1, 0, 2), Slice(Plain(), 1, 0, columns - 2)}, 1),
                           weights_));
      case 6:
        return Slice(Concat({Tanh(Plain()), Plain(), Sin(Plain())}, 0), 0, rows, 2 * rows);
      case 7:
        return Reshape(Tanh(Transpose(Plain(), {1, 0})), plain_);
      case 8:
        return Tanh(MatMul(Plain(), weights_));
      case 9:
        return Select(Less(Plain(), Plain()), Plain(), Plain());
      case 10:
        return Index(Stack({Tanh(Plain()), Negate(Plain())}), static_cast<int64_t>(Coin()));
      case 11:
        return tape_.Use(AnyVariable());
      case 12:
        return Tanh(MatMul(Plain(), weights_) + tape_.Use(*bias_) + Plain());
      case 13:
        return Tanh(MatMul(Plain(), weights_) + MatMul(Plain(), weights_) + tape_.Use(*row_));
      case 14:  // like Softmax, through lists of one number a row
        return Plain() * Reshape(Tanh(Sum(Exp(Plain()), last)), {rows, 1});
      case 15:
        return Max(Plain(), last, /*keep_axes=*/true) * Plain();
      case 16:
        return Gather(Plain(), Index(ids_, AnyStep()));
      case 17:
        return Index(Gather(Plain(), ids_), AnyStep());
      case 18:
        return Tanh(Index(sequence_, AnyStep()) + Plain());
      case 19:  // of another rank, with one step
        return Index(Tanh(Slice(sequence_, 0, 0, 1) * Plain()), 0);
      case 20:
      case 21:
        return TimeLoop();
      case 23:
      case 24:  // all steps at once
        wholes_.push_back(Whole());
        return Index(AnyWhole(), AnyStep());
      case 25:
        return Tanh(Index(AnyWhole(), AnyStep()));
      case 26:
        return Index(AnyWhole(), AnyStep()) * Plain();
      case 27: {  // each step by itself
        const Value whole = AnyWhole();
        std::vector<Value> steps;
        for (int64_t t = 0; t < sizes_.steps; ++t) {
          steps.push_back(Tanh(Coin() ? Index(whole, t) * Plain() : Index(whole, t)));
        }
        wholes_.push_back(Stack(steps));
        return Index(AnyWhole(), AnyStep());
      }
      case 22:  // an empty range, which changes nothing
        return Concat({Slice(Plain(), 0, 0, 0), Plain(), Slice(Tanh(Plain()), 0, 1, 1)}, 0);
      default:
        return Written();
    }
  }

  Value AnyWhole() { return wholes_[random_.Below(wholes_.size())]; }
  // A value of all steps.
  Value Whole() {
    switch (random_.Below(5)) {
      case 0:
        return Tanh(AnyWhole());
      case 1:
        return Tanh(AnyWhole() + AnyWhole());
      case 2:
        return Tanh(MatMul(AnyWhole(), weights_) + tape_.Use(*bias_));
      case 3:
        return AnyWhole() * Plain();
      default: {
        std::vector<Value> steps;
        for (int64_t t = 0; t < sizes_.steps; ++t) steps.push_back(Plain());
        return Stack(steps);
      }
    }
  }

  Value Tail(Value x) { return Slice(x, 0, x.shape()[0] - sizes_.rows, x.shape()[0]); }
  int64_t AnyStep() { return static_cast<int64_t>(random_.Below(sizes_.steps)); }

  Value Written() {
    Variable& variable = AnyVariable();
    const Value value = Coin() ? Plain() : Tanh(Plain() + tape_.Use(variable));
    if (written_.insert(&variable).second) tape_.Write(variable, value);
    return value;
  }

  // Some recurrent net over the sequence, or over rows of a table.
  Value TimeLoop() {
    const Value from = Coin() ? sequence_ : Gather(Plain(), ids_);
    const Value hidden_weights = tape_.Use(AnyVariable());
    const bool square = sizes_.rows == sizes_.columns;
    const bool masked = Coin();
    const bool gated = Coin();
    const bool joined = Coin();
    const bool backwards = Coin();
    Value h = Plain();
    std::vector<Value> outputs;
    for (int64_t i = 0; i < sizes_.steps; ++i) {
      const int64_t t = backwards ? sizes_.steps - 1 - i : i;
      const Tape::StepMark step(tape_, static_cast<int32_t>(t));
      const Value x_t = Index(from, t);
      Value sum = MatMul(x_t, weights_) + MatMul(h, square && Coin() ? hidden_weights : weights_);
      sum = sum + tape_.Use(*bias_);
      Value next = Tanh(sum);
      if (gated) {
        const Value gate = Sigmoid(MatMul(Concat({x_t, h}, 1), Joint()) + tape_.Use(*row_));
        next = gate * h + (1 - gate) * next;
      }
      if (masked) {
        const Value m = Reshape(Index(mask_, t), {sizes_.rows, 1});
        next = m * next + (1 - m) * h;
      }
      h = next;
      outputs.push_back(joined ? MatMul(h, weights_) : h);
    }
    if (backwards) std::reverse(outputs.begin(), outputs.end());
    return Tanh(Index(Stack(outputs), AnyStep()));
  }

  Value Joint() {
    if (!joint_.valid()) joint_ = Concat({weights_, Negate(weights_)}, 0);
    return joint_;
  }

  void AddGradients(std::vector<Value>& fetches) {
    Value loss = Sum(Tanh(fetches[0]));
    for (size_t i = 1; i < fetches.size(); ++i) loss = loss + Sum(Square(Tanh(fetches[i])));
    const bool has_bias = tape_.ReadOf(*bias_) != kNoNode;
    std::vector<Value> by = {weights_, sequence_};
    if (has_bias) by.push_back(tape_.Use(*bias_));
    if (tape_.ReadOf(*row_) != kNoNode) by.push_back(tape_.Use(*row_));
    const std::vector<Value> gradients = Gradients(loss, by);
    fetches.insert(fetches.end(), gradients.begin(), gradients.end());
    if (has_bias) tape_.Write(*bias_, by[2] - 0.1 * gradients[2]);
  }

  Tape& tape_;
  const TapeSizes sizes_;
  const Shape plain_ = {sizes_.rows, sizes_.columns};
  RandomStream random_;
  std::vector<Variable*> variables_;
  Variable* bias_;
  Variable* row_;
  std::set<const Variable*> written_;
  std::vector<Value> values_;
  Value weights_, joint_;
  Value sequence_;             // (T, B, C)
  std::vector<Value> wholes_;  // (T, B, C)
  Value mask_;                 // (T, B)
  Value ids_;                  // (T, B), of rows of a plain value
};

std::string TapeTestName(const ::testing::TestParamInfo<TapeSizes>& info) {
  return absl::StrCat("T", info.param.steps, "_B", info.param.rows, "_C", info.param.columns,
                      info.param.dtype == DType::kF64 ? "_f64" : "");
}

class RandomTapes : public ::testing::TestWithParam<TapeSizes> {};

TEST_P(RandomTapes, HoldInMemoryAndAgree) {
  for (uint64_t seed = 0; seed < 150; ++seed) {
    SCOPED_TRACE(seed);
    const int count = 3 + static_cast<int>(seed % 30);
    Tape tape;
    VariableStore store;
    const std::vector<Value> fetches = RandomTape(tape, store, GetParam(), seed).Record(count);
    ASSERT_TRUE(tape.status().ok()) << tape.status();
    testing::ExpectMemoryHolds(tape, fetches, seed);
    ExpectLevelsAgree([&](Tape& other, VariableStore& other_store) {
      return RandomTape(other, other_store, GetParam(), seed).Record(count);
    });
    if (::testing::Test::HasFailure()) break;
  }
}
INSTANTIATE_TEST_SUITE_P(Small, RandomTapes,
                         ::testing::Values(TapeSizes{3, 4, 6}, TapeSizes{1, 4, 6},
                                           TapeSizes{3, 1, 6}, TapeSizes{1, 1, 5},
                                           TapeSizes{4, 4, 4}, TapeSizes{2, 5, 3},
                                           TapeSizes{3, 4, 6, DType::kF64}),
                         TapeTestName);

// Large enough that chains are cut into blocks of rows, of which the last is smaller.
class LargeRandomTapes : public RandomTapes {};

TEST_P(LargeRandomTapes, Agree) {
  for (uint64_t seed = 0; seed < 12; ++seed) {
    SCOPED_TRACE(seed);
    ExpectLevelsAgree([&](Tape& tape, VariableStore& store) {
      return RandomTape(tape, store, GetParam(), 1000 + seed).Record(20);
    });
    if (::testing::Test::HasFailure()) break;
  }
}
INSTANTIATE_TEST_SUITE_P(Large, LargeRandomTapes,
                         ::testing::Values(TapeSizes{4, 67, 50, DType::kF64},
                                           TapeSizes{1, 67, 50, DType::kF64},
                                           TapeSizes{7, 33, 33, DType::kF64}),
                         TapeTestName);

}  // namespace
}  // namespace sluice
