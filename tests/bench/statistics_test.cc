#include <gtest/gtest.h>

#include <sluice/bench/statistics.h>

namespace sluice {
namespace {

TEST(Statistics, QuartilesLieOnTheLineBetweenValues) {
  const Spread spread = SpreadOf({4, 1, 3, 2});
  EXPECT_DOUBLE_EQ(spread.low, 1.75);
  EXPECT_DOUBLE_EQ(spread.median, 2.5);
  EXPECT_DOUBLE_EQ(spread.high, 3.25);
}

TEST(Statistics, OneValueIsAllOfThem) {
  const Spread spread = SpreadOf({7});
  EXPECT_EQ(spread.low, 7);
  EXPECT_EQ(spread.median, 7);
  EXPECT_EQ(spread.high, 7);
}

TEST(Statistics, NoValuesAreZeros) { EXPECT_EQ(SpreadOf({}).median, 0); }

}  // namespace
}  // namespace sluice
