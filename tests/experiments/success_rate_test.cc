#include <cmath>

#include <gtest/gtest.h>

#include <sluice/experiments/success_rate.h>

namespace sluice {
namespace {

void ExpectInterval(int64_t successes, int64_t trials, double low, double high) {
  const Interval interval = WilsonInterval(successes, trials);
  EXPECT_NEAR(interval.low, low, 5e-5) << successes << "/" << trials;
  EXPECT_NEAR(interval.high, high, 5e-5) << successes << "/" << trials;
}

TEST(WilsonIntervalTest, PublishedValues) {
  // Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3.
  ExpectInterval(81, 263, 0.2553, 0.3662);
  ExpectInterval(15, 148, 0.0624, 0.1605);
  ExpectInterval(0, 20, 0, 0.1611);
  ExpectInterval(1, 29, 0.0061, 0.1718);
}

TEST(WilsonIntervalTest, ItsEndsSolveTheEquationThatDefinesIt) {
  for (const auto& [successes, trials] : {std::pair(1, 3), {4, 5}, {7, 10}, {50, 100}}) {
    const double share = static_cast<double>(successes) / trials;
    const Interval interval = WilsonInterval(successes, trials);
    for (const double p : {interval.low, interval.high}) {
      EXPECT_NEAR(std::abs(share - p), 1.959963984540054 * std::sqrt(p * (1 - p) / trials), 1e-12);
    }
    EXPECT_LT(interval.low, share);
    EXPECT_GT(interval.high, share);
  }
}

TEST(WilsonIntervalTest, AllNothingAndNoTrials) {
  EXPECT_EQ(WilsonInterval(0, 5).low, 0);
  EXPECT_EQ(WilsonInterval(5, 5).high, 1);
  EXPECT_NEAR(WilsonInterval(5, 5).low, 1 - WilsonInterval(0, 5).high, 1e-15);
  EXPECT_EQ(WilsonInterval(0, 0).low, 0);
  EXPECT_EQ(WilsonInterval(0, 0).high, 1);
}

TEST(CensoredMedianTest, ThoseThatNeverSucceedAreLargerThanAll) {
  EXPECT_EQ(CensoredMedian({3, 1, 2}, 0), 2);
  EXPECT_EQ(CensoredMedian({4, 1, 2, 3}, 0), 2.5);
  EXPECT_EQ(CensoredMedian({3, 1, 2}, 1), 2.5);
  EXPECT_EQ(CensoredMedian({3, 1, 2}, 2), 3);
  EXPECT_EQ(CensoredMedian({3, 1, 2}, 3), std::nullopt);  // between 3 and what is not known
  EXPECT_EQ(CensoredMedian({3, 1, 2}, 9), std::nullopt);
  EXPECT_EQ(CensoredMedian({}, 0), std::nullopt);
  EXPECT_EQ(CensoredMedian({}, 2), std::nullopt);
}

}  // namespace
}  // namespace sluice
