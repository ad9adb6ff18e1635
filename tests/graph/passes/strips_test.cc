#include <gtest/gtest.h>

#include <sluice/graph/passes/strips.h>

namespace sluice {
namespace {

TEST(StripsTest, KnowTheLastUseOfEach) {
  Strips strips;
  for (int64_t offset = 0; offset < 16; offset += 4) strips.AddPart(offset, 4, 16);
  ASSERT_TRUE(strips.regular());
  strips.Use(4, 4, 7);
  strips.Use(4, 4, 5);
  EXPECT_EQ(strips.count(), 4);
  EXPECT_EQ(strips.LastUse(0), 0);
  EXPECT_EQ(strips.LastUse(1), 7);
  strips.Use(0, 16, 9);
  EXPECT_EQ(strips.LastUse(1), 9);
}

// Memory for each of them would be out of proportion to what is used.
TEST(StripsTest, OnePartOfVeryManyIsNone) {
  Strips strips;
  strips.AddPart(0, 4, int64_t{4} << 30);
  strips.Use(0, 4, 7);
  EXPECT_TRUE(strips.has_parts());
  EXPECT_FALSE(strips.regular());
  EXPECT_EQ(strips.count(), 0);
  EXPECT_EQ(strips.LastUseOfWhole(), 7);
}

}  // namespace
}  // namespace sluice
