// The same bits whatever the number of threads, and whatever stands beside an element.

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>
#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <sluice/graph/random.h>
#include <sluice/ops/movement.h>
#include <sluice/ops/product.h>
#include <sluice/ops/reduction.h>

#include "ops/op_cases.h"
#include "support/read.h"

namespace sluice::testing {
namespace {

Tensor RunSample(const Op& op, const Sample& sample, absl::Span<const Tensor> inputs,
                 const RunOptions& options) {
  Tape tape;
  std::vector<Value> feeds;
  for (const Tensor& input : inputs) feeds.push_back(tape.Feed(input));
  return MustRead(RecordSample(op, sample, feeds), options);
}

Tensor Random(DType dtype, const Shape& shape, uint64_t seed) {
  RandomStream random(seed);
  Tensor numbers(DType::kF64, shape);
  for (double& number : numbers.values<double>()) number = random.Normal();
  return numbers.Cast(dtype);
}

// As many workers as the tests ask for, also where the machine has fewer processors.
class ManyThreads : public ::testing::Test {
 private:
  const tbb::global_control workers_{tbb::global_control::max_allowed_parallelism, 8};
};

TEST_F(ManyThreads, GiveTheSameBits) {
  for (const OpCase& op_case : OpCases()) {
    const Op& op = *OpRegistry::Global().Find(op_case.name);
    for (const Sample& f32_sample : op_case.large) {
      for (const DType dtype : {DType::kF32, DType::kF64}) {
        if (absl::StartsWith(op.name, "packed_matmul") && dtype != DType::kF32) continue;
        const Sample sample = Retyped(op, f32_sample, dtype);
        const std::vector<Tensor> inputs = DrawInputs(sample, op_case.draw, 6);
        const Threads one(1);
        const Tensor alone = RunSample(op, sample, inputs, {.arena = one.arena()});
        for (const int count : {2, 3, 4, 7}) {
          const Threads threads(count);
          ASSERT_TRUE(SameBits(alone, RunSample(op, sample, inputs, {.arena = threads.arena()})))
              << op.name << " of " << sample.inputs.front().type.ToString() << " with " << count
              << " threads";
        }
      }
    }
  }
}

TEST_F(ManyThreads, MayBeTheCallersArena) {
  tbb::task_arena arena(3);
  for (const OpCase& op_case : OpCases()) {
    const Op& op = *OpRegistry::Global().Find(op_case.name);
    if (op_case.large.empty()) continue;
    const Sample& sample = op_case.large.front();
    const std::vector<Tensor> inputs = DrawInputs(sample, op_case.draw, 7);
    const Tensor result = RunSample(op, sample, inputs, {});
    EXPECT_TRUE(SameBits(result, RunSample(op, sample, inputs, {.arena = arena}))) << op.name;
    arena.execute(
        [&] { EXPECT_TRUE(SameBits(result, RunSample(op, sample, inputs, {}))) << op.name; });
  }
}

// ---- Element-wise ----

constexpr int64_t kCount = 70;

// Ordinary numbers of the op's range, between others that no op should treat differently by place.
template <typename T>
std::vector<T> MixedNumbers(const SampleInput& range, uint64_t seed) {
  RandomStream random(seed);
  std::vector<T> numbers;
  // The largest floats; for i32 nothing that overflows.
  const T large = std::is_floating_point_v<T> ? std::numeric_limits<T>::max() : T(1000);
  const T special[] = {T(0), T(-1), T(1), large, -large};
  for (int64_t i = 0; i < kCount; ++i) {
    numbers.push_back(
        i % 7 == 3 ? special[i % 5]
                   : static_cast<T>(range.low + (range.high - range.low) * random.Uniform()));
  }
  if constexpr (std::is_floating_point_v<T>) {
    numbers[10] = std::numeric_limits<T>::infinity();
    numbers[23] = -std::numeric_limits<T>::infinity();
    numbers[31] = std::numeric_limits<T>::denorm_min();
    numbers[38] = -std::numeric_limits<T>::denorm_min();
    numbers[52] = std::numeric_limits<T>::quiet_NaN();
    numbers[59] = T(-0.0);
  }
  return numbers;
}

// Two NaNs count as the same: their sign is not defined, and depends on the order of operands.
template <typename T>
bool Same(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(a) && std::isnan(b)) return true;
  }
  return std::memcmp(&a, &b, sizeof(T)) == 0;
}

template <typename T>
void ExpectElementsIndependentOfPlace(const Op& op) {
  const Sample& sample = op.samples.front();
  std::vector<std::vector<T>> inputs;
  for (size_t i = 0; i < sample.inputs.size(); ++i) {
    inputs.push_back(MixedNumbers<T>(sample.inputs[i], 8 + i));
  }
  const auto run = [&](int64_t begin, int64_t count) {
    const void* pointers[3] = {};
    for (size_t i = 0; i < inputs.size(); ++i) pointers[i] = inputs[i].data() + begin;
    std::vector<T> result(count + 1, T(77));  // one more, to see that it is left alone
    op.tiles.For(kDTypeOf<T>)(count, pointers, sample.attributes.number, result.data());
    EXPECT_EQ(result[count], T(77)) << op.name << " writes past " << count << " elements";
    return result;
  };
  const std::vector<T> all = run(0, kCount);
  for (int64_t begin = 0; begin < kCount; ++begin) {
    for (int64_t count = 1; begin + count <= kCount; ++count) {
      const std::vector<T> part = run(begin, count);
      for (int64_t i = 0; i < count; ++i) {
        ASSERT_TRUE(Same(part[i], all[begin + i]))
            << op.name << " of " << Name(kDTypeOf<T>) << ": element " << begin + i
            << " differs when " << count << " are computed from " << begin << ": " << part[i]
            << " and " << all[begin + i];
      }
    }
  }
}

TEST(ElementwiseOp, ElementDoesNotDependOnItsNeighbours) {
  for (const Op* op : OpRegistry::Global().All()) {
    if (op->kind != OpKind::kElementwise || absl::StartsWith(op->name, "test_")) continue;
    ExpectElementsIndependentOfPlace<float>(*op);
    ExpectElementsIndependentOfPlace<double>(*op);
    if (op->tiles.i32 != nullptr) ExpectElementsIndependentOfPlace<int32_t>(*op);
  }
}

TEST(ElementwiseOp, PrefixHasTheBitsOfTheWhole) {
  for (const Op* op : OpRegistry::Global().All()) {
    if (op->kind != OpKind::kElementwise || absl::StartsWith(op->name, "test_")) continue;
    Sample sample = op->samples.front();
    for (SampleInput& input : sample.inputs) input.type.shape = Shape{kCount};
    const std::vector<Tensor> inputs = DrawInputs(sample, Draw::kUniform, 9);
    const Tensor whole = RunSample(*op, sample, inputs, {});
    for (int64_t count = 1; count <= kCount; ++count) {
      std::vector<Tensor> prefixes;
      for (const Tensor& input : inputs) {
        prefixes.emplace_back(Shape{count}, input.values<float>().first(count));
      }
      const Tensor part = RunSample(*op, sample, prefixes, {});
      ASSERT_TRUE(SameBits(part, Tensor(Shape{count}, whole.values<float>().first(count))))
          << op->name << " of " << count;
    }
  }
}

// ---- Products ----

Tensor TopLeft(const Tensor& matrix, int64_t rows, int64_t columns) {
  Tape tape;
  const Value x = tape.Feed(matrix);
  return MustRead(Slice(Slice(x, 0, 0, rows), 1, 0, columns));
}

Tensor Transposed(const Tensor& matrix) {
  Tape tape;
  return MustRead(Transpose(tape.Feed(matrix), {1, 0}));
}

// Every size of a remainder of the kernel's tiles gives the bits of the same place in a larger
// product, and those are right.
template <typename T>
void ExpectProductIndependentOfSize(bool transpose_left, bool transpose_right) {
  constexpr int64_t kRows = 17;
  constexpr int64_t kInner = 13;
  constexpr int64_t kColumns = 100;
  const Tensor x = Random(kDTypeOf<T>, {kRows, kInner}, 10);
  const Tensor w = Random(kDTypeOf<T>, {kInner, kColumns}, 11);
  const auto product = [&](int64_t rows, int64_t columns) {
    const Tensor left = TopLeft(x, rows, kInner);
    const Tensor right = TopLeft(w, kInner, columns);
    Tape tape;
    return MustRead(MatMul(tape.Feed(transpose_left ? Transposed(left) : left),
                           tape.Feed(transpose_right ? Transposed(right) : right),
                           {transpose_left, transpose_right}));
  };
  const Tensor whole = product(kRows, kColumns);
  for (int64_t i = 0; i < kRows; ++i) {
    for (int64_t j = 0; j < kColumns; ++j) {
      double sum = 0;
      double magnitude = 0;
      for (int64_t k = 0; k < kInner; ++k) {
        sum += x.At(i * kInner + k) * w.At(k * kColumns + j);
        magnitude += std::fabs(x.At(i * kInner + k) * w.At(k * kColumns + j));
      }
      ASSERT_NEAR(whole.At(i * kColumns + j), sum,
                  13 * std::numeric_limits<T>::epsilon() * magnitude);
    }
  }
  for (int64_t rows = 1; rows <= kRows; ++rows) {
    for (int64_t columns = 1; columns <= kColumns; ++columns) {
      ASSERT_TRUE(SameBits(product(rows, columns), TopLeft(whole, rows, columns)))
          << rows << " rows, " << columns << " columns";
    }
  }
}

TEST(MatMul, ElementDoesNotDependOnRowsAndColumns) {
  ExpectProductIndependentOfSize<float>(false, false);
  ExpectProductIndependentOfSize<double>(false, false);
  ExpectProductIndependentOfSize<float>(true, false);
  ExpectProductIndependentOfSize<float>(false, true);
  ExpectProductIndependentOfSize<double>(true, true);
}

TEST(MatMul, RowDoesNotDependOnItsPlaceAmongMany) {
  const Tensor row = Random(DType::kF32, {1, 301}, 12);
  const Tensor w = Random(DType::kF32, {301, 157}, 13);
  Tape tape;
  const Value x = tape.Feed(row);
  const Value weights = tape.Feed(w);
  const Tensor alone = MustRead(MatMul(x, weights));
  const Tensor many = MustRead(MatMul(BroadcastTo(x, {203, 301}), weights));
  for (int64_t i = 0; i < 203; ++i) {
    ASSERT_EQ(std::memcmp(many.data<float>() + i * 157, alone.data<float>(), 157 * 4), 0) << i;
  }
}

// ---- Reductions ----

TEST(Sum, RowHasTheSameBitsAloneAndAmongOthers) {
  for (const int64_t columns : {1, 5, 16, 17, 100, 2049, 70001, 150001}) {
    const Tensor row = Random(DType::kF32, {1, columns}, 14);
    Tape tape;
    const Value x = tape.Feed(row);
    const Tensor alone = MustRead(Sum(x, {1}));
    const Tensor among = MustRead(Sum(BroadcastTo(x, {3, columns}), {1}));
    for (int64_t i = 0; i < 3; ++i) EXPECT_EQ(among.At(i), alone.At(0)) << columns << " columns";
  }
}

// A chain of additions would lose 3e-5 of this sum in f32.
TEST(Sum, RoundingDoesNotGrowWithTheNumberOfElements) {
  constexpr int64_t kElements = 4'000'000;
  const Tensor numbers(Shape{kElements}, std::vector<float>(kElements, 0.1F));
  Tape tape;
  const Value x = tape.Feed(numbers);
  const double expected = kElements * static_cast<double>(0.1F);
  EXPECT_NEAR(MustRead(Sum(x)).At(0), expected, 2e-6 * expected);
  const Value columns = Reshape(x, {kElements / 4, 4});
  EXPECT_NEAR(MustRead(Sum(columns, {0})).At(3), expected / 4, 5e-6 * expected / 4);
}

}  // namespace
}  // namespace sluice::testing
