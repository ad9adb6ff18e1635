#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/layers/cell_spec.h>

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

TEST(ReadmeTest, ItsEquationsAreThoseOfTheFiles) {
  EXPECT_THAT(Read("README.md"), HasSubstr("\n```\n" + Read("layers/cells/mgu.cell") + "```\n"));
  EXPECT_THAT(Read("layers/README.md"),
              HasSubstr("\n```\n" + Read("layers/cells/lstm_peepholes.cell") + "```\n"));
}

TEST(ReadmeTest, ItsCellsInBracesAreCells) {
  int cells = 0;
  for (const char* name : {"README.md", "layers/README.md"}) {
    const std::string text = Read(name);
    for (size_t begin = text.find(": h' ="); begin != std::string::npos;
         begin = text.find(": h' =", begin + 1)) {
      const size_t brace = text.rfind('{', begin);
      const std::string cell = text.substr(brace, text.find('}', begin) + 1 - brace);
      EXPECT_TRUE(sluice::ParseCellSpec(cell).ok()) << cell << sluice::ParseCellSpec(cell).status();
      ++cells;
    }
  }
  EXPECT_EQ(cells, 2);
}

}  // namespace
