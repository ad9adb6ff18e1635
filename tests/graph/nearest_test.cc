#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/graph/nearest.h>

namespace sluice {
namespace {

TEST(EditDistance, CountsInsertionsDeletionsReplacementsAndSwaps) {
  EXPECT_EQ(EditDistance("", ""), 0);
  EXPECT_EQ(EditDistance("gru", "gru"), 0);
  EXPECT_EQ(EditDistance("", "gru"), 3);
  EXPECT_EQ(EditDistance("gru", ""), 3);
  EXPECT_EQ(EditDistance("gru", "grus"), 1);
  EXPECT_EQ(EditDistance("gru", "gr"), 1);
  EXPECT_EQ(EditDistance("gru", "gnu"), 1);
  EXPECT_EQ(EditDistance("gru", "rgu"), 1);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3);
}

TEST(NearestName, IsTheOneThatWasProbablyMeant) {
  const std::vector<std::string> known = {"gru", "jargon", "kjv", "lstm"};
  EXPECT_EQ(NearestName("kvj", known), "kjv");
  EXPECT_EQ(NearestName("KJV", known), "kjv");
  EXPECT_EQ(NearestName("jagron", known), "jargon");
  EXPECT_EQ(NearestName("jarg", known), "jargon");
  EXPECT_EQ(NearestName("lsmt", known), "lstm");
}

TEST(NearestName, IsEmptyWhereNothingIsNear) {
  const std::vector<std::string> known = {"gru", "jargon"};
  EXPECT_EQ(NearestName("elephant", known), "");
  EXPECT_EQ(NearestName("", known), "");
  EXPECT_EQ(NearestName("x", known), "");
  EXPECT_EQ(NearestName("gru", {}), "");
  EXPECT_EQ(NearestName("x", std::vector<std::string>{"y"}), "")
      << "one letter for another says nothing";
}

TEST(NearestName, TakesTheNearerThenTheFirst) {
  EXPECT_EQ(NearestName("abcd", std::vector<std::string>{"abxx", "abcx", "abcy"}), "abcx");
}

}  // namespace
}  // namespace sluice
