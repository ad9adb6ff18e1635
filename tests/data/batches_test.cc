#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/data/batches.h>

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;

// The tokens of a corpus are their own positions, so a batch shows where it was cut.
constexpr int64_t kAhead = 5;  // tokens of the corpus that are not the part's
Part Numbered(int64_t tokens) {
  TokenIds ids(kAhead + tokens + 3, 100'000);
  for (int32_t i = 0; i < ids.size(); ++i) {
    const int32_t token = i - static_cast<int32_t>(kAhead);
    ids.Write(i, absl::MakeConstSpan(&token, 1));
  }
  return Part(std::make_shared<const TokenIds>(std::move(ids)), kAhead, kAhead + tokens, "x",
              "validation");
}

std::vector<int32_t> Column(const Tensor& tensor, int64_t column) {
  std::vector<int32_t> values;
  for (int64_t t = 0; t < tensor.shape()[0]; ++t) {
    values.push_back(tensor.values<int32_t>()[t * tensor.shape()[1] + column]);
  }
  return values;
}

// Checks all that holds for any batch; adds its targets to `targets`.
void CheckBatch(const Batch& batch, const Shape& shape, std::multiset<int32_t>& targets) {
  ASSERT_EQ(batch.inputs.type(), (TensorType{DType::kI32, shape}));
  ASSERT_EQ(batch.targets.type(), (TensorType{DType::kI32, shape}));
  ASSERT_EQ(batch.mask.type(), (TensorType{DType::kF32, shape}));
  int64_t tokens = 0;
  for (int64_t i = 0; i < shape.elements(); ++i) {
    const int32_t input = batch.inputs.values<int32_t>()[i];
    const int32_t target = batch.targets.values<int32_t>()[i];
    if (batch.mask.values<float>()[i] == 0) {
      ASSERT_EQ(input, 0);
      ASSERT_EQ(target, kIgnoredTarget);
      continue;
    }
    ASSERT_EQ(batch.mask.values<float>()[i], 1);
    ASSERT_EQ(target, input + 1);
    targets.insert(target);
    ++tokens;
  }
  ASSERT_EQ(batch.tokens, tokens);
}

// first, first + 1, ..., last
std::multiset<int32_t> Range(int64_t first, int64_t last) {
  std::multiset<int32_t> range;
  for (int64_t i = first; i <= last; ++i) range.insert(static_cast<int32_t>(i));
  return range;
}

TEST(Streams, GoOnFromBatchToBatchAndEndMasked) {
  const Batches batches = *Numbered(12).Streams({.batch = 2, .steps = 4});
  ASSERT_EQ(batches.size(), 2);
  const Batch first = batches[0];
  EXPECT_TRUE(first.starts_sequence);
  EXPECT_EQ(first.tokens, 8);
  EXPECT_THAT(Column(first.inputs, 0), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(Column(first.targets, 0), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(Column(first.inputs, 1), ElementsAre(6, 7, 8, 9));
  const Batch last = batches[1];
  EXPECT_FALSE(last.starts_sequence);
  EXPECT_EQ(last.tokens, 3);
  EXPECT_THAT(Column(last.inputs, 0), ElementsAre(4, 5, 0, 0));  // 11 targets: one more here
  EXPECT_THAT(Column(last.targets, 0), ElementsAre(5, 6, -1, -1));
  EXPECT_THAT(Column(last.targets, 1), ElementsAre(11, -1, -1, -1));
  EXPECT_THAT(last.mask.values<float>(), ElementsAre(1, 1, 1, 0, 0, 0, 0, 0));
}

TEST(Streams, PredictEveryTokenButTheFirstOnce) {
  for (int64_t tokens = 2; tokens < 40; ++tokens) {
    for (int64_t batch = 1; batch < tokens; ++batch) {
      for (const int64_t steps : {1, 3, 7, 50}) {
        const Batches batches = *Numbered(tokens).Streams({.batch = batch, .steps = steps});
        std::multiset<int32_t> targets;
        for (const Batch& each : batches) CheckBatch(each, Shape{steps, batch}, targets);
        ASSERT_EQ(targets, Range(1, tokens - 1)) << tokens << " " << batch << " " << steps;
      }
    }
  }
}

TEST(Streams, StartOnce) {
  const Batches batches = *Numbered(100).Streams({.batch = 3, .steps = 5});
  int64_t position = 0;
  for (const Batch& batch : batches) EXPECT_EQ(batch.starts_sequence, position++ == 0);
  EXPECT_EQ(position, 7);
}

TEST(Streams, LeaveOutTheOffset) {
  const Part part = Numbered(20);
  const Batches batches = *part.Streams({.batch = 2, .steps = 4, .offset = 3});
  std::multiset<int32_t> targets;
  for (const Batch& batch : batches) CheckBatch(batch, Shape{4, 2}, targets);
  EXPECT_EQ(targets, Range(4, 19));
}

TEST(Windows, PredictEveryTokenButTheFirstOnce) {
  for (int64_t tokens = 2; tokens < 40; ++tokens) {
    for (const int64_t batch : {1, 2, 5, 60}) {
      for (const int64_t steps : {1, 3, 7, 50}) {
        const Batches batches =
            *Numbered(tokens).Windows({.batch = batch, .steps = steps, .seed = 7});
        std::multiset<int32_t> targets;
        for (const Batch& each : batches) {
          CheckBatch(each, Shape{steps, batch}, targets);
          ASSERT_TRUE(each.starts_sequence);
        }
        ASSERT_EQ(targets, Range(1, tokens - 1)) << tokens << " " << batch << " " << steps;
      }
    }
  }
}

std::vector<int32_t> FirstInputs(const Part& part, const WindowOptions& options) {
  std::vector<int32_t> inputs;
  const Batches batches = *part.Windows(options);
  for (const Batch& batch : batches) {
    for (int64_t b = 0; b < options.batch; ++b) {
      if (batch.mask.values<float>()[b] == 1) inputs.push_back(batch.inputs.values<int32_t>()[b]);
    }
  }
  return inputs;
}

TEST(Windows, BeginAtMultiplesOfTheStepsInAnOrderOfSeedAndEpoch) {
  const Part part = Numbered(1001);
  const WindowOptions options = {.batch = 8, .steps = 10, .seed = 1, .epoch = 0};
  const std::vector<int32_t> order = FirstInputs(part, options);
  EXPECT_EQ(FirstInputs(part, options), order);
  WindowOptions other_epoch = options, other_seed = options;
  other_epoch.epoch = 1;
  other_seed.seed = 2;
  EXPECT_NE(FirstInputs(part, other_epoch), order);
  EXPECT_NE(FirstInputs(part, other_seed), order);
  std::vector<int32_t> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  ASSERT_EQ(sorted.size(), 100u);
  for (int32_t i = 0; i < 100; ++i) EXPECT_EQ(sorted[i], 10 * i);
  EXPECT_NE(sorted, order);
}

TEST(Batches, MayBeKeptAndAskedForAgain) {
  const Batches batches = *Numbered(50).Streams({.batch = 4, .steps = 3});
  std::vector<Batch> kept;
  for (const Batch& batch : batches) kept.push_back(batch);
  ASSERT_EQ(static_cast<int64_t>(kept.size()), batches.size());
  for (int64_t i = 0; i < batches.size(); ++i) {
    EXPECT_TRUE(SameBits(kept[i].inputs, batches[i].inputs));
    EXPECT_TRUE(SameBits(kept[i].targets, batches[i].targets));
    EXPECT_TRUE(SameBits(kept[i].mask, batches[i].mask));
  }
}

TEST(Batches, SayThatThePartIsTooShort) {
  EXPECT_EQ(Numbered(12).Streams({.batch = 32, .steps = 35}).status().ToString(),
            "INVALID_ARGUMENT: corpus \"x\": validation has 12 tokens, a batch of 32 streams needs "
            "at least 33; use a smaller --batch or a larger text");
  EXPECT_EQ(Numbered(1).Streams({.batch = 1, .steps = 35}).status().ToString(),
            "INVALID_ARGUMENT: corpus \"x\": validation has 1 token, a batch of 1 stream needs at "
            "least 2; use a smaller --batch or a larger text");
  EXPECT_EQ(Numbered(12).Streams({.batch = 4, .steps = 35, .offset = 8}).status().ToString(),
            "INVALID_ARGUMENT: corpus \"x\": validation has 4 tokens behind the offset of 8, a "
            "batch of 4 streams needs at least 5; use a smaller --batch or a larger text");
  EXPECT_EQ(Numbered(0).Windows({}).status().ToString(),
            "INVALID_ARGUMENT: corpus \"x\": validation has 0 tokens, a window needs at least 2; "
            "use a larger text or a larger share for validation");
  EXPECT_TRUE(Numbered(33).Streams({.batch = 32, .steps = 35}).ok());
  EXPECT_TRUE(Numbered(2).Windows({}).ok());
}

TEST(Batches, SayWhichSizeIsWrong) {
  const Part part = Numbered(12);
  EXPECT_EQ(part.Streams({.batch = 0}).status().ToString(),
            "INVALID_ARGUMENT: batch must be at least 1, not 0");
  EXPECT_EQ(part.Streams({.batch = 1, .steps = -2}).status().ToString(),
            "INVALID_ARGUMENT: steps must be at least 1, not -2");
  EXPECT_EQ(part.Streams({.batch = 1, .steps = 2, .offset = -1}).status().ToString(),
            "INVALID_ARGUMENT: offset must not be negative, but is -1");
  EXPECT_EQ(part.Windows({.batch = -1}).status().ToString(),
            "INVALID_ARGUMENT: batch must be at least 1, not -1");
  EXPECT_EQ(part.Windows({.batch = 1, .steps = 0}).status().ToString(),
            "INVALID_ARGUMENT: steps must be at least 1, not 0");
}

}  // namespace
}  // namespace sluice
