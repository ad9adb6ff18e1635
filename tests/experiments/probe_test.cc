#include <cmath>
#include <set>

#include <absl/strings/str_split.h>

#include <sluice/data/probes/probe.h>
#include <sluice/experiments/probe_report.h>

#include "experiments/program.h"

namespace sluice {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

// A probe of somebody else's, registered as a plug-in's is: say the last symbol again.
const RegisterProbe kEcho({.name = "test_echo",
                           .title = "Echo",
                           .description = "symbols; each again; lag: steps",
                           .source = "this test",
                           .memoryless = "ln 3",
                           .make = [](int64_t lag, const ProbeOptions&) -> absl::StatusOr<Probe> {
                             return Probe{.steps = lag,
                                          .symbols = 3,
                                          .classes = 3,
                                          .memoryless_loss = std::log(3.0),
                                          .draw = [lag](RandomStream& random) {
                                            ProbeSequence sequence;
                                            for (int64_t t = 0; t < lag; ++t) {
                                              sequence.Add(static_cast<int32_t>(random.Below(3)));
                                              sequence.Ask(sequence.symbols.back());
                                            }
                                            return sequence;
                                          }};
                           }});

class ProbeCommandTest : public ProgramTest {
 protected:
  std::vector<std::string> Small(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {"probe",
                                          "--task=parity",
                                          "--lags=6",
                                          "--cells=gru",
                                          "--seeds=1",
                                          "--hidden=12",
                                          "--updates=400",
                                          "--batch=16",
                                          "--learning_rate=1e-2",
                                          "--threads=1",
                                          "--json=" + Path("probe.json"),
                                          "--csv=" + Path("probe.csv")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  // Runs that must finish.
  Json Run(const std::vector<std::string>& more = {}) {
    outcome_ = Sluice(Small(more));
    EXPECT_EQ(outcome_.exit_code, 0) << outcome_.error;
    return ReadJson(Path("probe.json"));
  }
  std::vector<std::vector<std::string>> Curves() const {
    std::vector<std::vector<std::string>> rows;
    for (absl::string_view line :
         absl::StrSplit(Read(Path("probe.csv")), '\n', absl::SkipEmpty())) {
      rows.push_back(absl::StrSplit(line, ','));
    }
    return rows;
  }
  Outcome outcome_;
};

TEST_F(ProbeCommandTest, TrainsEachCellAtEachLagAndSaysWhatCameOut) {
  const Json results = Run({"--cells=gru,elman", "--lags=4,6", "--seeds=2"});
  EXPECT_THAT(outcome_.error, IsEmpty());
  EXPECT_THAT(outcome_.out, StartsWith("parity: Parity. every=1\nSolved: 0.99 of the answers"));
  EXPECT_THAT(outcome_.out, HasSubstr("\n  gru: reset=before, update=keep, "));
  EXPECT_EQ(results.at("task").at("name"), "parity");
  EXPECT_EQ(results.at("options").at("lags"), "4,6");
  EXPECT_EQ(results.at("machine").at("threads"), 1);
  const Json& runs = results.at("runs");
  ASSERT_EQ(runs.size(), 8);
  std::set<std::string> seen;
  for (const Json& run : runs) {
    seen.insert(absl::StrCat(run.at("cell").get<std::string>(), run.at("lag").get<int>(),
                             run.at("seed").get<int>()));
    EXPECT_EQ(run.at("status"), "finished");
    EXPECT_NEAR(run.at("memoryless_loss"), std::log(2), 1e-12);
    ASSERT_EQ(run.at("tests").size(), 1);
    EXPECT_EQ(run.at("tests")[0].at("lag"), run.at("lag"));
    EXPECT_GT(run.at("seconds"), 0);
    EXPECT_EQ(run.at("answers"), run.at("updates").get<int>() * 16 * run.at("lag").get<int>());
    if (!run.at("solved_after").is_null()) {
      EXPECT_EQ(run.at("solved_after"), run.at("updates"));  // it stops there
      EXPECT_GT(run.at("tests")[0].at("accuracy"), 0.95);
    }
  }
  EXPECT_EQ(seen.size(), 8);
  EXPECT_EQ(runs[0].at("parameters"), 3 * (2 * 12 + 12 * 12 + 12) + 12 * 2 + 2);
  ASSERT_EQ(results.at("summary").size(), 4);
  EXPECT_EQ(results.at("summary")[0].at("cell"), "gru");
  EXPECT_EQ(results.at("summary")[0].at("solved"), 2);
  EXPECT_NEAR(results.at("summary")[0].at("success_rate_low"), 0.3424, 1e-4);
}

TEST_F(ProbeCommandTest, CurvesAreARowForEachValidation) {
  const Json results = Run({"--updates=110", "--evaluate_every=50", "--cells=elman:activation=relu",
                            "--learning_rate=1e-9"});
  const auto rows = Curves();
  ASSERT_EQ(rows.size(), 4);
  EXPECT_EQ(rows[0].size(), 9);
  EXPECT_EQ(rows[0][7], "validation_loss");
  EXPECT_EQ(rows[3][4], "110");
  for (size_t i = 1; i < rows.size(); ++i) {
    ASSERT_EQ(rows[i].size(), 9);
    EXPECT_EQ(rows[i][0], "parity");
    EXPECT_GT(std::stod(rows[i][7]), 0);
    EXPECT_NEAR(std::stod(rows[i][8]), 0.5, 0.2);
  }
  EXPECT_TRUE(results["runs"][0].at("solved_after").is_null());
  EXPECT_TRUE(results["summary"][0].at("median_updates_to_solve").is_null());
  EXPECT_THAT(outcome_.out, HasSubstr("0/1"));
  EXPECT_THAT(outcome_.out, HasSubstr(">110"));
}

TEST_F(ProbeCommandTest, TestsAtOtherLags) {
  const Json results = Run({"--test_lags=6,24"});
  const Json& tests = results.at("runs")[0].at("tests");
  ASSERT_EQ(tests.size(), 2);
  EXPECT_EQ(tests[0].at("lag"), 6);
  EXPECT_EQ(tests[1].at("lag"), 24);
  EXPECT_THAT(outcome_.out, HasSubstr("accuracy at 6  accuracy at 24"));
}

TEST_F(ProbeCommandTest, EveryProbeCanBeTrained) {
  for (const std::string& name : ProbeRegistry::Global().Names()) {
    SCOPED_TRACE(name);
    const Json run = Run({"--task=" + name, "--lags=12", "--updates=3"}).at("runs")[0];
    EXPECT_EQ(run.at("status"), "finished");
    const double loss = run.at("tests")[0].at("loss");
    EXPECT_TRUE(std::isfinite(loss));
    EXPECT_GT(loss, 0);
    const double accuracy = run.at("tests")[0].at("accuracy");
    EXPECT_GE(accuracy, 0);
    EXPECT_LT(accuracy, 0.9);
  }
}

TEST_F(ProbeCommandTest, AProbeOfOnesOwnIsAsGoodAsABuiltIn) {
  const Json run = Run({"--task=test_echo", "--lags=5"}).at("runs")[0];
  EXPECT_FALSE(run.at("solved_after").is_null());
  EXPECT_EQ(run.at("tests")[0].at("accuracy"), 1);
  EXPECT_THAT(Sluice({"list", "probes"}).out, HasSubstr("test_echo  Echo: symbols; each again"));
}

TEST_F(ProbeCommandTest, NumbersAreLearntToo) {
  const Json run =
      Run({"--task=adding", "--lags=10", "--updates=1500", "--hidden=24", "--batch=32"})
          .at("runs")[0];
  EXPECT_LT(run.at("tests")[0].at("loss"), 1.0 / 60);  // a tenth of that without memory
  EXPECT_GT(run.at("tests")[0].at("accuracy"), 0.8);
}

TEST_F(ProbeCommandTest, AsManyUnitsAsTheParametersAllow) {
  const Json runs =
      Run({"--cells=gru,elman", "--parameters=2k", "--updates=1", "--layers=2"}).at("runs");
  for (const Json& run : runs) {
    const int64_t hidden = run.at("hidden");
    const int64_t matrices = run.at("cell") == "gru" ? 3 : 1;
    const auto count = [&](int64_t h) {
      return matrices * (2 * h + h * h + h + 2 * h * h + h) + 2 * h + 2;
    };
    EXPECT_EQ(run.at("parameters"), count(hidden));
    EXPECT_LE(count(hidden), 2000);
    EXPECT_GT(count(hidden + 1), 2000);
  }
}

TEST_F(ProbeCommandTest, TheSameAgainWithAnyNumberOfThreadsAndOtherCellsBesideIt) {
  const auto tests = [&](const std::vector<std::string>& more) {
    return Run(more).at("runs").back().at("tests");
  };
  const std::vector<std::string> large = {"--hidden=96", "--batch=48", "--updates=20"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), large.begin(), large.end());
    return more;
  };
  const Json first = tests(with({}));
  EXPECT_EQ(tests(with({})), first);
  EXPECT_EQ(tests(with({"--threads=3"})), first);
  EXPECT_EQ(tests(with({"--cells=elman,gru"})), first);
  EXPECT_NE(tests(with({"--seeds=2"})), first);
}

TEST_F(ProbeCommandTest, ADivergedRunIsAFailureToSolve) {
  const Json results =
      Run({"--cells=elman:activation=relu", "--optimizer=sgd", "--learning_rate=1e30", "--clip=0"});
  EXPECT_EQ(results.at("runs")[0].at("status"), "diverged");
  EXPECT_THAT(results.at("runs")[0].at("tests"), IsEmpty());
  EXPECT_EQ(results.at("summary")[0].at("runs"), 1);
  EXPECT_EQ(results.at("summary")[0].at("solved"), 0);
}

TEST(ProbeReportTest, InterruptedRunsDoNotCountAndUnsolvedOnesAreCensored) {
  std::vector<ProbeRun> runs(5);
  for (ProbeRun& run : runs) run.cell = "gru";
  runs[0].solved_after = 300;
  runs[1].solved_after = 100;
  runs[2].result.status = RunStatus::kDiverged;
  runs[3].result.status = RunStatus::kInterrupted;
  runs[4].lag = 7;
  const std::vector<ProbeSummary> summaries = Summarise(runs);
  ASSERT_EQ(summaries.size(), 2);
  EXPECT_EQ(summaries[0].solved, 2);
  EXPECT_EQ(summaries[0].trials, 3);
  EXPECT_EQ(summaries[0].median_updates, 300);
  EXPECT_EQ(summaries[1].lag, 7);
  EXPECT_EQ(summaries[1].median_updates, std::nullopt);
}

TEST(SequenceModelTest, CountsWhatItMakes) {
  for (const char* cell : {"gru", "lstm:peepholes=diagonal", "gru:preset=pytorch", "elman"}) {
    for (const int64_t embedding : {0, 5}) {
      for (const int layers : {1, 3}) {
        const SequenceModelOptions options{.cell = cell,
                                           .symbols = 7,
                                           .outputs = 4,
                                           .embedding = embedding,
                                           .hidden = 6,
                                           .layers = layers};
        EXPECT_EQ(CountParameters(options), SequenceModel(options).variables().parameters())
            << cell << " " << embedding << " " << layers;
      }
    }
  }
  const SequenceModelOptions numbers{.cell = "gru", .numbers = 2, .outputs = 1, .hidden = 5};
  EXPECT_EQ(CountParameters(numbers), 3 * (2 * 5 + 25 + 5) + 6);
}

// ---- Mistakes ----

TEST_F(ProbeCommandTest, WrongUsageIsKnownBeforeTheTraining) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"--task=party", "--task: no probe \"party\"; did you mean \"parity\"?"},
      {"--task=parity:evry=1",
       "--task: probe parity has no option \"evry\"; did you mean \"every\"?"},
      {"--lags=0", "--lags: probe parity takes lags from 1 to 100000, got 0"},
      {"--lags=", "--lags names no lag"},
      {"--lags=8,x", "--lags: \"x\" is no lag; lags are whole numbers: 10,20"},
      {"--test_lags=-4", "--test_lags: probe parity takes lags from 1 to 100000, got -4"},
      {"--cells=gur", "--cells: no cell \"gur\"; did you mean \"gru\"?"},
      {"--seeds=0", "--seeds must be at least 1"},
      {"--hidden=0", "--hidden must be from 1 to 1048576, got 0"},
      {"--parameters=9", "--parameters: gru with 1 unit has 16 parameters, more than 9"},
      {"--updates=0", "--updates must be from 1 to 1000000000, got 0"},
      {"--evaluate_every=0", "--evaluate_every must be from 1 to 1000000000, got 0"},
      {"--optimizer=adm", "--optimizer: no optimizer \"adm\"; did you mean \"adam\"?"},
      {"--updats=3",
       "sluice probe has no flag --updats; did you mean \"updates\"?\n"
       "Try: sluice help probe"},
  };
  for (const auto& [flag, message] : cases) {
    SCOPED_TRACE(flag);
    const Outcome outcome = Sluice(Small({flag}));
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_EQ(outcome.error, absl::StrCat("sluice: ", message, "\n"));
    EXPECT_THAT(outcome.out, IsEmpty());
  }
  EXPECT_FALSE(Exists(Path("probe.json")));
}

TEST_F(ProbeCommandTest, AFileThatCannotBeWrittenIsKnownBeforeTheTraining) {
  const Outcome outcome = Sluice(Small({"--json=" + Path("missing/probe.json")}));
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.error, HasSubstr(Path("missing/probe.json")));
  EXPECT_THAT(outcome.out, IsEmpty());
}

TEST_F(ProbeCommandTest, HelpShowsItsOwnStandardValues) {
  const Outcome help = Sluice({"help", "probe"});
  EXPECT_THAT(help.out, HasSubstr("  --hidden=64 "));
  EXPECT_THAT(help.out, HasSubstr("  --embedding=0 "));
  EXPECT_THAT(Sluice({"help", "compare"}).out, HasSubstr("  --hidden=256 "));
  EXPECT_EQ(Sluice({"help", "nothing"}).exit_code, 2);
}

TEST_F(ProbeCommandTest, ListShowsAllProbes) {
  const Outcome list = Sluice({"list", "probes"});
  EXPECT_EQ(list.exit_code, 0);
  for (const ProbeRecord* record : ProbeRegistry::Global().All()) {
    EXPECT_THAT(list.out, HasSubstr(absl::StrCat(record->name, "  ", record->title)));
    EXPECT_THAT(list.out, HasSubstr(record->memoryless));
    EXPECT_THAT(list.out, HasSubstr(record->source));
  }
}

}  // namespace
}  // namespace sluice
