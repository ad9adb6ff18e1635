#include <algorithm>
#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include <sluice/graph/random.h>

namespace sluice {
namespace {

using Words = std::array<uint32_t, 4>;

// The counter's first two words are the position, its last two the step.
TEST(Philox, GivesTheKnownAnswersOfRandom123) {
  EXPECT_EQ(Philox(0, 0, 0), (Words{0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8}));
  const uint64_t ones = ~uint64_t{0};
  EXPECT_EQ(Philox(ones, ones, ones), (Words{0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD}));
  EXPECT_EQ(Philox(0x299F31D0A4093822, 0x0370734413198A2E, 0x85A308D3243F6A88),
            (Words{0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1}));
}

TEST(Fingerprint, IsFnv1a) {
  EXPECT_EQ(Fingerprint(""), 0xCBF29CE484222325);
  EXPECT_EQ(Fingerprint("a"), 0xAF63DC4C8601EC8C);
  EXPECT_EQ(Fingerprint("foobar"), 0x85944171F73967E8);
}

TEST(RandomKey, DependsOnSeedAndName) {
  EXPECT_EQ(MakeRandomKey(7, "a"), MakeRandomKey(7, "a"));
  EXPECT_NE(MakeRandomKey(7, "a"), MakeRandomKey(8, "a"));
  EXPECT_NE(MakeRandomKey(7, "a"), MakeRandomKey(7, "b"));
}

TEST(Uniform, StaysBelowOne) {
  EXPECT_EQ(UniformF32(0), 0);
  EXPECT_LT(UniformF32(~0U), 1);
  EXPECT_EQ(UniformF64(0, 0), 0);
  EXPECT_LT(UniformF64(~0U, ~0U), 1);
}

TEST(RandomStream, RepeatsItselfByKeyAndStep) {
  RandomStream a(1);
  RandomStream b(1);
  RandomStream other_step(1, 1);
  bool differs = false;
  for (int i = 0; i < 10; ++i) {
    const uint64_t bits = a.NextBits();
    EXPECT_EQ(bits, b.NextBits());
    differs = differs || bits != other_step.NextBits();
  }
  EXPECT_TRUE(differs);
}

struct Moments {
  double mean = 0;
  double variance = 0;
  double skewness = 0;
};

template <typename Draw>
Moments MomentsOf(Draw draw) {
  constexpr int kDraws = 200'000;
  std::vector<double> values(kDraws);
  for (double& value : values) value = draw();
  Moments moments;
  for (const double value : values) moments.mean += value / kDraws;
  for (const double value : values) {
    moments.variance += std::pow(value - moments.mean, 2) / kDraws;
    moments.skewness += std::pow(value - moments.mean, 3) / kDraws;
  }
  return moments;
}

// Bounds are five standard errors.
TEST(RandomStream, UniformHasTheMomentsOfAUniform) {
  RandomStream random(MakeRandomKey(1, "uniform"));
  const Moments moments = MomentsOf([&] { return random.Uniform(); });
  EXPECT_NEAR(moments.mean, 0.5, 0.0033);
  EXPECT_NEAR(moments.variance, 1.0 / 12, 0.0009);
  EXPECT_NEAR(moments.skewness, 0, 0.0005);
}

TEST(RandomStream, NormalHasTheMomentsOfANormal) {
  RandomStream random(MakeRandomKey(1, "normal"));
  const Moments moments = MomentsOf([&] { return random.Normal(); });
  EXPECT_NEAR(moments.mean, 0, 0.0112);
  EXPECT_NEAR(moments.variance, 1, 0.016);
  EXPECT_NEAR(moments.skewness, 0, 0.044);
}

TEST(RandomStream, BelowReachesEveryNumberEquallyOften) {
  RandomStream random(MakeRandomKey(2, "below"));
  std::vector<int> counts(7);
  constexpr int kDraws = 70'000;
  for (int i = 0; i < kDraws; ++i) ++counts[random.Below(7)];
  double chi_square = 0;
  for (const int count : counts) chi_square += std::pow(count - 10'000, 2) / 10'000;
  EXPECT_LT(chi_square, 22.5);  // 6 degrees of freedom, 0.999
}

// Plain remainders would put half of the draws, not a third, into the first third.
TEST(RandomStream, BelowHasNoBiasForAHugeBound) {
  RandomStream random(MakeRandomKey(3, "below"));
  const uint64_t bound = uint64_t{3} << 62;
  int low = 0;
  constexpr int kDraws = 20'000;
  for (int i = 0; i < kDraws; ++i) {
    const uint64_t value = random.Below(bound);
    ASSERT_LT(value, bound);
    low += value < (uint64_t{1} << 62) ? 1 : 0;
  }
  EXPECT_NEAR(low, kDraws / 3.0, 335);
}

TEST(RandomStream, BelowOneIsZero) {
  RandomStream random(1);
  EXPECT_EQ(random.Below(1), 0);
}

TEST(RandomStream, ShuffleIsAPermutation) {
  std::vector<int> values(1000);
  std::iota(values.begin(), values.end(), 0);
  std::vector<int> shuffled = values;
  RandomStream(5).Shuffle(shuffled);
  EXPECT_NE(shuffled, values);
  std::sort(shuffled.begin(), shuffled.end());
  EXPECT_EQ(shuffled, values);
  std::vector<int> nothing;
  RandomStream(5).Shuffle(nothing);
}

TEST(RandomStream, ShuffleReachesEveryOrderEquallyOften) {
  RandomStream random(MakeRandomKey(4, "shuffle"));
  std::array<int, 27> counts = {};
  for (int i = 0; i < 6000; ++i) {
    std::vector<int> values = {0, 1, 2};
    random.Shuffle(values);
    ++counts[values[0] * 9 + values[1] * 3 + values[2]];
  }
  double chi_square = 0;
  for (const int count : counts) {
    if (count > 0) chi_square += std::pow(count - 1000, 2) / 1000;
  }
  EXPECT_EQ(std::count_if(counts.begin(), counts.end(), [](int count) { return count > 0; }), 6);
  EXPECT_LT(chi_square, 20.5);  // 5 degrees of freedom, 0.999
}

}  // namespace
}  // namespace sluice
