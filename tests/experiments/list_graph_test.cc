#include <algorithm>
#include <regex>
#include <set>

#include <absl/strings/str_split.h>

#include <sluice/data/text_source.h>
#include <sluice/graph/op.h>
#include <sluice/layers/cell.h>
#include <sluice/optim/optimizer.h>

#include "experiments/program.h"

namespace sluice {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
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

// Every edge leads from a vertex that is declared to one that is.
void ExpectWholePicture(const std::string& dot) {
  EXPECT_THAT(dot, StartsWith("digraph"));
  EXPECT_TRUE(Balanced(dot));
  std::set<std::string> declared;
  std::vector<std::string> used;
  const std::vector<std::string> lines = absl::StrSplit(dot, '\n');
  for (const std::string& line : lines) {
    std::smatch match;
    if (std::regex_search(line, match, std::regex("^([0-9]+) \\["))) declared.insert(match[1]);
    if (std::regex_search(line, match, std::regex("^([0-9]+)->([0-9]+)"))) {
      used.push_back(match[1]);
      used.push_back(match[2]);
    }
  }
  EXPECT_FALSE(declared.empty());
  for (const std::string& vertex : used) EXPECT_TRUE(declared.contains(vertex)) << vertex;
}

TEST_F(GraphTest, EveryCellHasAPictureOfItsPlan) {
  for (const std::string& cell : CellRegistry::Global().Names()) {
    for (const std::string level : {"--plan", "--plan=debug", "--plan=simple"}) {
      SCOPED_TRACE(cell + " " + level);
      const Outcome step = Sluice({"graph", "--cell", cell, level, "--limits=none", "--hidden=8",
                                   "--embedding=4", "--batch=2"});
      EXPECT_EQ(step.exit_code, 0) << step.error;
      EXPECT_THAT(step.out, HasSubstr(cell + ", one step, planned"));
      ExpectWholePicture(step.out);
    }
  }
}

TEST_F(GraphTest, APlannedTrainingStepShowsStagesAndShares) {
  const std::vector<std::string> step = {"graph",         "--rolled",  "--hidden=8",
                                         "--embedding=4", "--batch=4", "--limits=100,10"};
  std::vector<std::string> arguments = step;
  arguments.push_back("--plan");
  const Outcome picture = Sluice(arguments);
  EXPECT_EQ(picture.exit_code, 0) << picture.error;
  ExpectWholePicture(picture.out);
  EXPECT_THAT(picture.out, HasSubstr("label=\"chain of 4 rows, "));
  EXPECT_THAT(picture.out, HasSubstr("× 35"));
  EXPECT_THAT(picture.out, HasSubstr(" %\\n"));

  arguments.back() = "--explain";
  const Outcome text = Sluice(arguments);
  EXPECT_EQ(text.exit_code, 0) << text.error;
  EXPECT_THAT(text.out, StartsWith("Plan at level full: "));
  EXPECT_THAT(text.out, HasSubstr("reaches 100 GFLOP/s or 10.0 GB/s of memory"));
  EXPECT_THAT(text.out, HasSubstr("hoisted     105 products became 3\n"));
  arguments.push_back("--plan=debug");
  EXPECT_THAT(Sluice(arguments).out, StartsWith("Plan at level debug: "));
}

TEST_F(GraphTest, LimitsAreMeasuredUnlessTheyAreGiven) {
  const std::vector<std::string> arguments = {"graph", "--explain", "--hidden=8", "--batch=2"};
  EXPECT_THAT(Sluice(arguments).out, HasSubstr("of peak"));
  std::vector<std::string> without = arguments;
  without.push_back("--limits=none");
  EXPECT_THAT(Sluice(without).out, Not(HasSubstr("of peak")));
}

TEST_F(GraphTest, WrongPlansAndLimits) {
  const auto error_of = [](const std::string& flag) {
    const Outcome outcome = Sluice({"graph", "--plan", flag});
    EXPECT_EQ(outcome.exit_code, 2) << flag;
    EXPECT_THAT(outcome.out, IsEmpty());
    return outcome.error;
  };
  EXPECT_EQ(error_of("--plan=fulll"),
            "sluice: --plan: no level \"fulll\"; did you mean \"full\"?\n");
  for (const std::string limits : {"fast", "100", "100,", "0,10", "100,-1", "nan,1", "1,2,3"}) {
    EXPECT_EQ(error_of("--limits=" + limits),
              absl::StrCat("sluice: --limits: \"", limits,
                           "\" is neither measure nor none nor GFLOP/s,GB/s such as 228,17.5\n"));
  }
}

}  // namespace
}  // namespace sluice
