// What a product in a chain is told of the memory that later kernels need.

#include <cstring>
#include <mutex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/ops/elementwise.h>
#include <sluice/ops/product.h>
#include <sluice/ops/record.h>

#include "graph/tapes.h"

namespace sluice {
namespace {

using ::testing::Each;
using ::testing::UnorderedElementsAre;

std::mutex told_mutex;
std::vector<MemoryRange> told;

// 2 x, as a product that has no use for its right-hand operand; notes what it is told.
absl::Status Twice(const KernelArguments& arguments) {
  const auto* in = arguments.inputs[0].as<float>();
  auto* out = arguments.output.as<float>();
  for (int64_t i = 0; i < arguments.output.type.shape.elements(); ++i) out[i] = 2 * in[i];
  const std::lock_guard lock(told_mutex);
  told.insert(told.end(), arguments.soon.begin(), arguments.soon.end());
  return absl::OkStatus();
}

const RegisterOps kOps({{.name = "test_twice",
                         .kind = OpKind::kProduct,
                         .formula = "2 x",
                         .arity = 2,
                         .type = [](const TypeArguments& arguments) -> absl::StatusOr<TensorType> {
                           return arguments.inputs[0];
                         },
                         .kernel = Twice,
                         .gradient = Differentiation::None(),
                         .flops =
                             [](absl::Span<const TensorType>, const TensorType& output) {
                               return 100 * static_cast<double>(output.shape.elements());
                             },
                         .row_by_row = [](const Attributes&, const Shape&) { return true; }}});

Value TwiceOf(Value x) {
  static const Op& op = OpNamed("test_twice");
  return RecordOp(op, {x, x.tape()->Feed(RandomFloats({1, 1}, 9))}, {});
}

constexpr int64_t kRows = 64;
constexpr int64_t kColumns = 4096;  // 1 MiB
const Shape kShape{kRows, kColumns};
constexpr int64_t kBytes = kRows * kColumns * 4;

class Soon : public ::testing::Test {
 protected:
  Soon() { told.clear(); }

  // The ranges in `tensor`, as (first byte, bytes).
  static std::vector<std::pair<int64_t, int64_t>> ToldOf(const Tensor& tensor) {
    std::vector<std::pair<int64_t, int64_t>> ranges;
    const auto* begin = static_cast<const std::byte*>(tensor.raw());
    for (const MemoryRange& range : told) {
      const int64_t at = static_cast<const std::byte*>(range.data) - begin;
      if (at >= 0 && at < tensor.bytes()) ranges.emplace_back(at, range.bytes);
    }
    return ranges;
  }

  static void Run(Tape& tape, Value result, int threads) {
    const Threads arena(threads);
    const auto read = tape.Read({result}, {.arena = arena.arena()});
    ASSERT_TRUE(read.ok()) << read.status();
  }

  const Tensor x_ = RandomFloats(kShape, 1);
  const Tensor far_ = RandomFloats(kShape, 2);
  const Tensor row_ = RandomFloats({kColumns}, 3);
};

TEST_F(Soon, IsWhatTheNextGroupReadsFromFarAway) {
  Tape tape;
  const Value y = TwiceOf(tape.Feed(x_));
  Run(tape, TwiceOf(Tanh(y * tape.Feed(far_)) + y * tape.Feed(row_)), 1);
  EXPECT_THAT(ToldOf(far_), UnorderedElementsAre(std::pair(0, kBytes)));
  // The product itself has just read x, and a row is no value of the rows.
  EXPECT_THAT(ToldOf(x_), UnorderedElementsAre());
  EXPECT_THAT(ToldOf(row_), UnorderedElementsAre());
}

TEST_F(Soon, IsOfTheRowsThatAThreadWorksOn) {
  Tape tape;
  const Value y = TwiceOf(tape.Feed(x_));
  Run(tape, TwiceOf(Tanh(y * tape.Feed(far_))), 2);
  EXPECT_THAT(ToldOf(far_),
              UnorderedElementsAre(std::pair(0, kBytes / 2), std::pair(kBytes / 2, kBytes / 2)));
}

TEST_F(Soon, IsNothingThatWasTouchedAMomentAgo) {
  const Shape small{kRows, 64};
  Tape tape;
  const Tensor near = RandomFloats(small, 4);
  const Value factor = tape.Feed(near);
  const Value y = TwiceOf(tape.Feed(RandomFloats(small, 5)));
  Run(tape, TwiceOf(Tanh(TwiceOf(Tanh(TwiceOf(y * factor)) * factor))), 1);
  // The first product is told, those that follow are not.
  EXPECT_THAT(ToldOf(near), UnorderedElementsAre(std::pair(0, kRows * 64 * 4)));
}

}  // namespace
}  // namespace sluice
