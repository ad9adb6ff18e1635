#include <algorithm>

#include <sluice/data/text_source.h>
#include <sluice/graph/op.h>
#include <sluice/layers/cell.h>
#include <sluice/optim/optimizer.h>

#include "experiments/program.h"

namespace sluice {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

using ListTest = ProgramTest;
using GraphTest = ProgramTest;

// Every record stands at the start of a line.
template <typename Records>
void ExpectNames(const std::string& text, const Records& records) {
  EXPECT_FALSE(records.empty());
  for (const auto* record : records) {
    EXPECT_THAT("\n" + text, HasSubstr(absl::StrCat("\n", record->name, " "))) << record->name;
  }
}

TEST_F(ListTest, ShowsEverythingThatIsRegistered) {
  ExpectNames(Sluice({"list", "cells"}).out, CellRegistry::Global().All());
  ExpectNames(Sluice({"list", "ops"}).out, OpRegistry::Global().All());
  ExpectNames(Sluice({"list", "optimizers"}).out, OptimizerRegistry::Global().All());
  ExpectNames(Sluice({"list", "corpora"}).out, CorpusRegistry::Global().All());
}

TEST_F(ListTest, WithoutANameShowsAll) {
  const Outcome all = Sluice({"list"});
  EXPECT_EQ(all.exit_code, 0);
  EXPECT_THAT(all.error, IsEmpty());
  for (const char* what : {"cells", "corpora", "ops", "optimizers"}) {
    EXPECT_THAT(all.out, HasSubstr(absl::StrCat("== ", what, " ==\n", Sluice({"list", what}).out)));
  }
}

TEST_F(ListTest, CellsShowTheirOptionsAndPresets) {
  const std::string cells = Sluice({"list", "cells"}).out;
  for (const CellRecord* cell : CellRegistry::Global().All()) {
    for (const CellOption& option : cell->options) {
      EXPECT_THAT(cells, HasSubstr(absl::StrCat("    ", option.name, "=", option.standard, "  ")));
    }
    for (const auto& [name, options] : cell->presets) {
      EXPECT_THAT(cells, HasSubstr(absl::StrCat("    preset=", name, "  ", options)));
    }
  }
  EXPECT_THAT(cells, HasSubstr("Every cell:\n"));
}

bool Balanced(const std::string& dot) {
  return std::count(dot.begin(), dot.end(), '{') == std::count(dot.begin(), dot.end(), '}');
}

TEST_F(GraphTest, EveryCellHasAPicture) {
  for (const std::string& cell : CellRegistry::Global().Names()) {
    SCOPED_TRACE(cell);
    const Outcome step = Sluice({"graph", "--cell", cell});
    EXPECT_EQ(step.exit_code, 0) << step.error;
    EXPECT_THAT(step.out, StartsWith("digraph"));
    EXPECT_THAT(step.out, HasSubstr(cell));
    EXPECT_TRUE(Balanced(step.out));
  }
}

TEST_F(GraphTest, AWholeTrainingStepFoldedIsHardlyLongerForMoreSteps) {
  const auto rolled = [&](const std::string& steps) {
    const Outcome outcome = Sluice({"graph", "--cell=gru", "--rolled", "--hidden=8",
                                    "--embedding=4", "--batch=2", "--steps=" + steps});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.error;
    EXPECT_THAT(outcome.out, StartsWith("digraph"));
    EXPECT_TRUE(Balanced(outcome.out));
    return outcome.out;
  };
  EXPECT_LT(rolled("40").size(), 2 * rolled("8").size());
}

TEST_F(GraphTest, WritesAFile) {
  const Outcome outcome = Sluice({"graph", "--dot=" + Path("gru.dot")});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.error;
  EXPECT_THAT(outcome.out, IsEmpty());
  EXPECT_EQ(Read(Path("gru.dot")), Sluice({"graph"}).out);
  EXPECT_EQ(Sluice({"graph", "--dot=" + Path("missing/gru.dot")}).exit_code, 1);
}

}  // namespace
}  // namespace sluice
