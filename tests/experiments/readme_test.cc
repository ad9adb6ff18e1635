#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

std::string Read(const std::string& name) {
  std::ifstream file(std::string(SLUICE_SOURCE_DIR) + "/" + name);
  EXPECT_TRUE(file.is_open()) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

// What stands between "```cpp" and "```".
std::vector<std::string> CodeBlocks(const std::string& markdown) {
  const std::string fence = "```cpp\n";
  std::vector<std::string> blocks;
  for (size_t begin = markdown.find(fence); begin != std::string::npos;
       begin = markdown.find(fence, begin)) {
    begin += fence.size();
    blocks.push_back(markdown.substr(begin, markdown.find("```", begin) - begin));
  }
  return blocks;
}

TEST(ReadmeTest, ItsModelIsTheExample) {
  const std::vector<std::string> blocks = CodeBlocks(Read("README.md"));
  ASSERT_GE(blocks.size(), 2u);
  EXPECT_EQ(blocks[0], Read("examples/language_model.cc"));
}

TEST(ReadmeTest, ItsCellIsThatOfTheExample) {
  const std::vector<std::string> blocks = CodeBlocks(Read("README.md"));
  ASSERT_GE(blocks.size(), 2u);
  EXPECT_THAT(blocks[1], StartsWith("// Minimal gated unit"));
  EXPECT_THAT(blocks[1], EndsWith("\n});\n"));
  EXPECT_THAT(Read("examples/own_cell.cc"), HasSubstr("\n" + blocks[1]));
}

}  // namespace
