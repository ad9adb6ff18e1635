// Cells as files and texts on the command line.

#include "experiments/program.h"

namespace sluice {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr char kMinimal[] =
    "# Minimal gated unit\n"
    "state h\n"
    "f = sigmoid(W x + U h + b)\n"
    "c = tanh(W x + U (f * h) + b)\n"
    "h' = (1 - f) * h + f * c\n"
    "gates f(keeps: 1 - f)\n";

class CellTextTest : public ProgramTest {
 protected:
  std::string Mine() const { return Write("mine.cell", kMinimal); }
};

TEST_F(CellTextTest, IsComparedLikeAnyOther) {
  const Outcome outcome = Sluice(Tiny(
      "compare", {"--cells=gru," + Mine() + ":biases=two,{leak: h' = 0.5 * h + max(W x, 0)}"}));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.error;
  EXPECT_THAT(outcome.out, HasSubstr("\n  mine.cell:biases=two: init=keras, biases=two"));
  EXPECT_THAT(outcome.out, HasSubstr("\nleak "));
  const nlohmann::json runs = ReadJson(Path("results/results.json"))["runs"];
  ASSERT_EQ(runs.size(), 3u);
  EXPECT_EQ(runs[1]["cell"], "mine.cell:biases=two");
  EXPECT_EQ(runs[1]["equations"],
            "f = sigmoid(W x + U h + b), c = tanh(W x + U (f * h) + b), h' = (1 - f) * h + f * c");
  EXPECT_EQ(runs[2]["equations"], "h' = 0.5 * h + max(W x, 0)");
  EXPECT_THAT(Read(Path("results/curves.csv")), HasSubstr("\nmine.cell:biases=two,1,"));
}

TEST_F(CellTextTest, AModelNeedsItsFileNoMore) {
  const std::string mine = Write("mine.cell", std::string(kMinimal) + "# no UTF-8: \xFF\n");
  const Outcome train = Sluice(Tiny("train", {"--cell=" + mine + ":init=pytorch"}));
  ASSERT_EQ(train.exit_code, 0) << train.error;
  EXPECT_THAT(train.out, StartsWith("mine.cell:init=pytorch (init=pytorch, biases=one"));
  std::filesystem::remove(mine);
  const std::vector<std::string> sample = {"sample", "--model=" + Path("model.sluice"),
                                           "--prefix=time"};
  const Outcome first = Sluice(sample);
  EXPECT_EQ(first.exit_code, 0) << first.error;
  Write("mine.cell", "h' = something else");
  EXPECT_EQ(Sluice(sample).out, first.out);
}

TEST_F(CellTextTest, IsDrawn) {
  const Outcome outcome = Sluice({"graph", "--cell=" + Mine()});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.error;
  EXPECT_THAT(outcome.out, HasSubstr("mine.cell, one step"));
  EXPECT_EQ(Sluice({"graph", "--cell={mine: h' = tanh(W x + U h + b)}", "--rolled"}).exit_code, 0);
}

TEST_F(CellTextTest, MistakesNameTheFlagAndThePlace) {
  const std::string bad = Write("bad.cell", "h' = tanh(W x\n");
  const Outcome outcome = Sluice(Tiny("compare", {"--cells=gru," + bad}));
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.error, absl::StrCat("sluice: --cells: ", bad,
                                        ":1:14: expected \")\", found the end of the line\n"));
  EXPECT_EQ(Sluice(Tiny("train", {"--cell=none.cell"})).error,
            "sluice: --cell: cannot read none.cell: No such file or directory\n");
  EXPECT_FALSE(Exists(Path("results")));
}

TEST_F(CellTextTest, TwoOfOneNameAreNotComparable) {
  std::filesystem::create_directory(Path("other"));
  const std::string other = Write("other/mine.cell", "h' = tanh(W x + U h)");
  EXPECT_EQ(Sluice(Tiny("compare", {"--cells=" + Mine() + "," + other})).error,
            "sluice: --cells: two different cells are called mine.cell\n");
}

}  // namespace
}  // namespace sluice
