#include <cmath>

#include <absl/strings/match.h>
#include <absl/strings/str_split.h>

#include <sluice/data/sha256.h>
#include <sluice/layers/cell.h>

#include "experiments/program.h"

namespace sluice {
namespace {

using Json = nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;

class CompareTest : public ProgramTest {
 protected:
  // Runs a comparison that must finish, and returns its results.json.
  Json Compare(const std::vector<std::string>& more = {}) {
    outcome_ = Sluice(Tiny("compare", more));
    EXPECT_EQ(outcome_.exit_code, 0) << outcome_.error;
    const std::string written = outcome_.out.substr(outcome_.out.rfind("Written: ") + 9);
    return ReadJson(written.substr(0, written.find(',')));
  }
  std::vector<std::vector<std::string>> Curves() const {
    std::vector<std::vector<std::string>> rows;
    for (absl::string_view line :
         absl::StrSplit(Read(Path("results/curves.csv")), '\n', absl::SkipEmpty())) {
      rows.push_back(absl::StrSplit(line, ','));
    }
    return rows;
  }
  Outcome outcome_;
};

void ExpectScore(const Json& score) {
  ASSERT_TRUE(score.is_object()) << score;
  EXPECT_EQ(score.size(), 3);
  const double nats = score.at("nats_per_token");
  EXPECT_GT(nats, 0);
  EXPECT_LT(nats, 4);  // better than chance among some 30 symbols would be bad luck not to reach
  EXPECT_NEAR(score.at("bits_per_token"), nats / std::log(2), 1e-12);
  EXPECT_NEAR(score.at("perplexity"), std::exp(nats), 1e-9);
}

TEST_F(CompareTest, AllTrainsEveryRegisteredCell) {
  const Json results = Compare({"--cells=all", "--optimizer=adam", "--tokens=1500"});
  std::vector<std::string> trained;
  for (const Json& run : results.at("runs")) {
    trained.push_back(run.at("cell"));
    EXPECT_EQ(run.at("status"), "finished") << trained.back();
    ExpectScore(run.at("train"));
  }
  EXPECT_EQ(trained, CellRegistry::Global().Names());
}

TEST_F(CompareTest, ResultsHoldCorpusOptionsMachineAndRuns) {
  const Json results = Compare({"--cells=gru:reset=after,elman", "--seeds=2"});
  EXPECT_THAT(outcome_.error, IsEmpty());  // standard error is no terminal: no progress line

  const Json& corpus = results.at("corpus");
  EXPECT_EQ(corpus.at("name"), Path("text.txt"));
  EXPECT_EQ(corpus.at("tokens"), 4000);
  EXPECT_GT(corpus.at("vocabulary"), 15);
  EXPECT_LT(corpus.at("vocabulary"), 40);
  EXPECT_THAT(corpus.at("sha256").get<std::string>(), MatchesRegex("[0-9a-f]{64}"));

  const Json& options = results.at("options");
  EXPECT_EQ(options.at("cells"), "gru:reset=after,elman");
  EXPECT_EQ(options.at("hidden"), "8");
  EXPECT_EQ(options.at("tokens"), "2k");
  EXPECT_EQ(options.at("optimizer"), "adam");
  EXPECT_EQ(options.at("tied"), "false");

  const Json& machine = results.at("machine");
  for (const char* name : {"processor", "instruction_set", "compiler", "build", "system"}) {
    EXPECT_TRUE(machine.at(name).is_string()) << name;
  }
  EXPECT_GE(machine.at("cores"), 1);
  EXPECT_EQ(machine.at("threads"), 1);
  EXPECT_GT(machine.at("memory_bytes"), 1 << 20);

  const Json& runs = results.at("runs");
  ASSERT_EQ(runs.size(), 4);
  // All cells of a seed before the next seed.
  const std::vector<std::pair<std::string, int>> order = {
      {"gru:reset=after", 1}, {"elman", 1}, {"gru:reset=after", 2}, {"elman", 2}};
  for (size_t i = 0; i < runs.size(); ++i) {
    SCOPED_TRACE(i);
    const Json& run = runs[i];
    EXPECT_EQ(run.at("cell"), order[i].first);
    EXPECT_EQ(run.at("seed"), order[i].second);
    EXPECT_EQ(run.at("hidden"), 8);
    EXPECT_EQ(run.at("status"), "finished");
    for (const char* part : {"train", "validation", "test"}) ExpectScore(run.at(part));
    EXPECT_EQ(run.at("tokens"), 2016);  // 2,000 rounded up to batches of 4 x 8
    EXPECT_EQ(run.at("updates"), 63);
    EXPECT_GT(run.at("seconds"), 0);
    EXPECT_NEAR(run.at("tokens_per_second"), 2016 / run.at("seconds").get<double>(), 1e-6);
    EXPECT_GT(run.at("peak_bytes"), 4 * run.at("parameters").get<int64_t>());
    ASSERT_EQ(run.at("samples").size(), i < 2 ? 2 : 0);  // of the first seed
  }
  EXPECT_THAT(runs[0].at("conventions").get<std::string>(),
              MatchesRegex("reset=after, update=keep, gates=sigmoid, init=[a-z0-9]+, biases=one"));
  EXPECT_THAT(runs[1].at("conventions").get<std::string>(), HasSubstr("activation=tanh"));

  const int64_t vocabulary = corpus.at("vocabulary");
  const int64_t outside = vocabulary * 4 + 8 * vocabulary + vocabulary;
  EXPECT_EQ(runs[0].at("parameters"), outside + 3 * (4 * 8 + 8 * 8 + 8));
  EXPECT_EQ(runs[1].at("parameters"), outside + (4 * 8 + 8 * 8 + 8));

  const Json& sample = runs[0].at("samples")[1];
  EXPECT_EQ(sample.at("prefix"), "the ");
  EXPECT_GT(sample.at("prefix_perplexity"), 1);
  EXPECT_FALSE(sample.at("continuation").get<std::string>().empty());
}

TEST_F(CompareTest, ShaIsThatOfTheText) {
  const Json results = Compare();
  Sha256 sha;
  sha.Add(Read(Path("text.txt")));
  EXPECT_EQ(results.at("corpus").at("sha256"), sha.Finish());
}

TEST_F(CompareTest, CurvesAreARowForEachPointOfEachRun) {
  const Json results = Compare({"--cells=gru:reset=after,elman"});
  const auto rows = Curves();
  ASSERT_FALSE(rows.empty());
  EXPECT_THAT(rows[0], ElementsAre("cell", "seed", "tokens", "updates", "seconds", "train_nats",
                                   "validation_nats"));
  int64_t last_tokens = 0;
  for (size_t i = 1; i < rows.size(); ++i) {
    ASSERT_EQ(rows[i].size(), 7) << i;
    const int64_t tokens = std::stoll(rows[i][2]);
    if (rows[i][0] != rows[i - 1][0]) last_tokens = 0;
    EXPECT_GT(tokens, last_tokens);
    last_tokens = tokens;
    EXPECT_EQ(tokens, 32 * std::stoll(rows[i][3]));
    EXPECT_GT(std::stod(rows[i][5]), 0);
    EXPECT_GT(std::stod(rows[i][6]), 0);
  }
  // Ten points a run, the last of which is the final score.
  ASSERT_EQ(rows.size(), 21);
  EXPECT_EQ(rows[10][0], "gru:reset=after");
  EXPECT_EQ(rows[20][0], "elman");
  for (const int run : {0, 1}) {
    EXPECT_EQ(rows[10 * run + 10][2], "2016");
    EXPECT_NEAR(std::stod(rows[10 * run + 10][6]),
                results["runs"][run]["validation"]["nats_per_token"], 1e-8);
  }
  EXPECT_LT(std::stod(rows[10][5]), std::stod(rows[1][5]));
}

// All that does not depend on the clock.
Json Timeless(Json results) {
  for (Json& run : results["runs"]) {
    run.erase("seconds");
    run.erase("tokens_per_second");
  }
  results["options"].erase("out");
  results["options"].erase("threads");
  results["machine"].erase("threads");
  return results;
}

TEST_F(CompareTest, TheSameAgainAndWithAnyNumberOfThreads) {
  // Large enough that the work is cut into pieces.
  const auto compare = [&](const std::string& threads, const std::string& folder) {
    const Outcome outcome = Sluice(Tiny(
        "compare", {"--cells=gru,lstm", "--hidden=96", "--batch=24", "--steps=12", "--layers=2",
                    "--dropout=0.2", "--threads=" + threads, "--out=" + Path(folder)}));
    EXPECT_EQ(outcome.exit_code, 0) << outcome.error;
    return Timeless(ReadJson(Path(folder) + "/results.json"));
  };
  const Json first = compare("1", "one");
  ASSERT_EQ(first.at("runs").size(), 2);
  EXPECT_EQ(compare("1", "again"), first);
  EXPECT_EQ(compare("2", "two"), first);
  EXPECT_EQ(compare("3", "three"), first);
}

TEST_F(CompareTest, ASeedIsAnotherRun) {
  const Json runs = Compare({"--seeds=2"}).at("runs");
  EXPECT_NE(runs[0]["test"], runs[1]["test"]);
}

TEST_F(CompareTest, ADivergedRunIsAResult) {
  const Json results = Compare({"--cells=elman:activation=relu,gru", "--optimizer=sgd",
                                "--learning_rate=1e30", "--clip=0", "--seeds=1"});
  const Json& runs = results.at("runs");
  ASSERT_EQ(runs.size(), 2);
  EXPECT_EQ(runs[0].at("status"), "diverged");
  for (const char* part : {"train", "validation", "test"}) EXPECT_TRUE(runs[0].at(part).is_null());
  EXPECT_LT(runs[0].at("tokens"), 2016);
  EXPECT_EQ(runs[1].at("cell"), "gru");  // the comparison went on
  EXPECT_THAT(runs[0].at("samples"), IsEmpty());
  EXPECT_THAT(outcome_.out, HasSubstr("1 (1 diverged)"));
  for (const auto& row : Curves()) {
    EXPECT_FALSE(absl::StrContains(row[5], "nan") || absl::StrContains(row[5], "inf"));
  }
}

TEST_F(CompareTest, OutputShowsCorpusTableConventionsAndSamples) {
  Compare({"--cells=gru,elman"});
  EXPECT_THAT(outcome_.out, HasSubstr("text.txt: 4000 tokens, "));
  EXPECT_THAT(outcome_.out, HasSubstr("3600 training, 200 validation, 200 test\n"));
  EXPECT_THAT(outcome_.out, HasSubstr("Conventions:\n  gru: reset=before, update=keep, "));
  EXPECT_THAT(outcome_.out, HasSubstr("Samples:\n  gru: [time]"));
  EXPECT_THAT(outcome_.out, HasSubstr(absl::StrCat("Written: ", Path("results"), "/results.json")));
}

TEST_F(CompareTest, PartsWithoutTokensHaveNoScore) {
  const Json run = Compare({"--validation_share=0", "--test_share=0"}).at("runs")[0];
  EXPECT_EQ(run.at("status"), "finished");
  EXPECT_TRUE(run.at("train").is_object());
  EXPECT_TRUE(run.at("validation").is_null());
  EXPECT_TRUE(run.at("test").is_null());
}

TEST_F(CompareTest, BudgetOfEpochsOrSeconds) {
  EXPECT_EQ(Compare({"--tokens=0", "--epochs=1"}).at("runs")[0].at("tokens"), 3599);
  const Json run =
      Compare({"--tokens=0", "--seconds=0.05", "--out=" + Path("timed")}).at("runs")[0];
  EXPECT_GT(run.at("tokens"), 0);
}

TEST_F(CompareTest, MoreStepsThanTheTextHasCostNothing) {
  const Json text = Compare({"--steps=900", "--tokens=4k"}).at("runs")[0];
  EXPECT_EQ(text.at("tokens"), 2 * 3599);  // an update is an epoch of four streams of 900 or 899
  EXPECT_EQ(text.at("updates"), 2);
  const Json longer =
      Compare({"--steps=1000000", "--tokens=4k", "--out=" + Path("longer")}).at("runs")[0];
  EXPECT_EQ(longer.at("test"), text.at("test"));
}

TEST_F(CompareTest, BytesAndWordsAndATiedReadOut) {
  for (const char* unit : {"byte", "word"}) {
    const Outcome outcome = Sluice(Tiny(
        "compare", {absl::StrCat("--unit=", unit), "--out=" + Path(unit), "--validation_share=0.2",
                    "--test_share=0.2", "--tied", "--embedding=8", "--tokens=500"}));
    EXPECT_EQ(outcome.exit_code, 0) << outcome.error;
    const Json results = ReadJson(Path(unit) + "/results.json");
    EXPECT_EQ(results.at("runs")[0].at("status"), "finished");
    EXPECT_EQ(results.at("options").at("unit"), unit);
  }
}

// ---- Mistakes ----

using CompareErrorTest = ProgramTest;

TEST_F(CompareErrorTest, ResultsThatAreThereAreNotOverwritten) {
  ASSERT_EQ(Sluice(Tiny("compare")).exit_code, 0);
  const std::string before = Read(Path("results/results.json"));
  const Outcome again = Sluice(Tiny("compare"));
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_EQ(again.error, absl::StrCat("sluice: ", Path("results/results.json"),
                                      " is there already; give another --out, or move it away\n"));
  EXPECT_EQ(Read(Path("results/results.json")), before);

  std::filesystem::remove(Path("results/results.json"));
  const Outcome curves = Sluice(Tiny("compare"));
  EXPECT_EQ(curves.exit_code, 1);
  EXPECT_THAT(curves.error, HasSubstr("curves.csv is there already"));
}

TEST_F(CompareErrorTest, AFolderThatHoldsOtherThingsIsFine) {
  std::filesystem::create_directories(Path("results"));
  Write("results/notes.txt", "mine");
  EXPECT_EQ(Sluice(Tiny("compare")).exit_code, 0);
  EXPECT_EQ(Read(Path("results/notes.txt")), "mine");
}

TEST_F(CompareErrorTest, AFolderThatCannotBeMadeOrWrittenTo) {
  const std::string file = Write("file", "mine");
  for (const std::string& folder : {file, file + "/results", std::string("/proc/results")}) {
    const Outcome outcome = Sluice(Tiny("compare", {"--out=" + folder}));
    EXPECT_EQ(outcome.exit_code, 1) << folder;
    EXPECT_THAT(outcome.error, HasSubstr(folder));
    EXPECT_THAT(outcome.error, MatchesRegex("sluice: cannot (make the folder|write) .*\n"));
  }
  EXPECT_EQ(Read(file), "mine");
}

TEST_F(CompareErrorTest, TextsThatCannotBeUsed) {
  struct Case {
    std::string name, bytes, message;
  };
  for (const auto& [name, bytes, message] :
       {Case{"bad_utf8", "good \xC3\x28 bad", "UTF-8"}, Case{"empty", "", "empty"},
        Case{"short", "abc", "a batch of 4 streams needs at least 5"},
        Case{"short_validation", std::string(60, 'a'), "validation has 3 tokens, a batch of 4"}}) {
    SCOPED_TRACE(name);
    const std::string path = Write(name, bytes);
    const Outcome outcome = Sluice(Tiny("compare", {"--corpus=" + path, "--prefixes=a"}));
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_THAT(outcome.error, HasSubstr(message));
    EXPECT_THAT(outcome.error, HasSubstr(path));
    EXPECT_FALSE(Exists(Path("results/results.json")));
  }
}

TEST_F(CompareErrorTest, CorporaThatAreNoTexts) {
  const Outcome missing = Sluice(Tiny("compare", {"--corpus=" + Path("missing.txt")}));
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_THAT(missing.error, HasSubstr("--corpus: no corpus and no file is called"));
  const Outcome folder = Sluice(Tiny("compare", {"--corpus=" + Path("")}));
  EXPECT_EQ(folder.exit_code, 1);
  EXPECT_THAT(folder.error, HasSubstr("is a directory"));
  EXPECT_FALSE(Exists(Path("results")));
}

}  // namespace
}  // namespace sluice
