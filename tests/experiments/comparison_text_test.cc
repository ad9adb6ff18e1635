#include <cmath>

#include <absl/strings/str_split.h>

#include <sluice/experiments/comparison.h>
#include <sluice/experiments/progress_line.h>

#include "experiments/program.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(SpreadTest, MeanAndDeviation) {
  const Spread none = SpreadOf({});
  EXPECT_EQ(none.count, 0);
  EXPECT_EQ(none.mean, 0);
  EXPECT_EQ(none.deviation, 0);

  const Spread one = SpreadOf({3.5});
  EXPECT_EQ(one.count, 1);
  EXPECT_EQ(one.mean, 3.5);
  EXPECT_EQ(one.deviation, 0);

  const Spread some = SpreadOf({2, 4, 4, 4, 5, 5, 7, 9});
  EXPECT_EQ(some.count, 8);
  EXPECT_NEAR(some.mean, 5, 1e-12);
  EXPECT_NEAR(some.deviation, std::sqrt(32.0 / 7), 1e-12);

  // Deviations far smaller than the mean are not lost.
  const Spread close = SpreadOf({1e9 + 1, 1e9 + 2, 1e9 + 3});
  EXPECT_NEAR(close.deviation, 1, 1e-6);
}

ComparedRun MakeRun(const std::string& cell, uint64_t seed, std::optional<double> nats) {
  ComparedRun run{
      .cell = cell, .conventions = "biases=one", .seed = seed, .hidden = 8, .parameters = 123};
  run.result.tokens = 1000;
  run.result.seconds = 2;
  run.result.peak_bytes = 2'500'000;
  if (nats) {
    run.result.train = run.result.validation = run.result.test = Score{*nats};
  } else {
    run.result.status = RunStatus::kDiverged;
  }
  return run;
}

std::vector<std::string> Lines(const std::string& text) { return absl::StrSplit(text, '\n'); }
std::vector<std::string> Words(const std::string& line) {
  return absl::StrSplit(line, ' ', absl::SkipEmpty());
}

TEST(TableTest, ARowForEachCellWithMeansOverSeeds) {
  Comparison comparison;
  comparison.runs = {MakeRun("gru", 1, std::log(2)), MakeRun("elman", 1, std::log(8)),
                     MakeRun("gru", 2, std::log(4)), MakeRun("elman", 2, std::nullopt),
                     MakeRun("lstm", 1, std::nullopt)};
  comparison.runs[4].result.status = RunStatus::kInterrupted;
  const std::vector<std::string> lines = Lines(TableText(comparison));
  ASSERT_GE(lines.size(), 9u);
  EXPECT_EQ(lines[0],
            "Perplexity per token, mean +- standard deviation over runs of different seeds:");
  EXPECT_THAT(Words(lines[1]), ElementsAre("cell", "parameters", "runs", "train", "validation",
                                           "test", "bits/token", "tokens/s", "seconds", "MB"));
  EXPECT_THAT(Words(lines[2]),
              ElementsAre("gru", "123", "2", "3.000", "+-", "1.414", "3.000", "+-", "1.414",
                          "3.000", "+-", "1.414", "1.500", "+-", "0.707", "500", "2.0", "2.5"));
  EXPECT_THAT(Words(lines[3]), ElementsAre("elman", "123", "2", "(1", "diverged)", "8.000", "8.000",
                                           "8.000", "3.000", "500", "2.0", "2.5"));
  EXPECT_THAT(Words(lines[4]), ElementsAre("lstm", "123", "1", "(1", "interrupted)", "-", "-", "-",
                                           "-", "500", "2.0", "2.5"));
  EXPECT_EQ(lines[5], "Conventions:");
  EXPECT_EQ(lines[6], "  gru: biases=one");
  // Columns stand below each other.
  for (int i : {2, 3, 4}) EXPECT_EQ(lines[i].size(), lines[1].size()) << lines[i];
}

TEST(TableTest, NoRun) { EXPECT_EQ(TableText({}), "No run.\n"); }

TEST(SamplesTextTest, OneLineEach) {
  Comparison comparison;
  comparison.runs = {MakeRun("gru", 1, 1)};
  EXPECT_EQ(SamplesText(comparison), "");
  comparison.runs[0].samples = {{"time ", 3.25, "of\nday\r"}};
  EXPECT_EQ(SamplesText(comparison),
            "Samples:\n  gru: [time ]of\\nday\\r  (prefix perplexity 3.25)\n");
}

TEST(CurvesTest, CellsWithCommasAreQuotedAndMissingLossesAreEmpty) {
  Comparison comparison;
  comparison.runs = {MakeRun("own,\"cell\"", 3, 1)};
  comparison.runs[0].result.curve = {{32, 1, 0.5, 2.25, std::nullopt}, {64, 2, 1, 2, 1.5}};
  EXPECT_EQ(CurvesCsv(comparison),
            "cell,seed,tokens,updates,seconds,train_nats,validation_nats\n"
            "\"own,\"\"cell\"\"\",3,32,1,0.500000,2.25,\n"
            "\"own,\"\"cell\"\"\",3,64,2,1.000000,2,1.5\n");
}

TEST(ResultsTest, AreJsonWhateverASampleHolds) {
  Comparison comparison;
  comparison.runs = {MakeRun("gru", 1, 1)};
  comparison.runs[0].samples = {{"\"\\\n", 1, "half a character: \xC3"}};
  const nlohmann::json json = nlohmann::json::parse(ResultsJson(comparison));
  EXPECT_EQ(json["runs"][0]["samples"][0]["prefix"], "\"\\\n");
  EXPECT_EQ(json["runs"][0]["samples"][0]["continuation"], "half a character: \xEF\xBF\xBD");
}

TEST(DurationTest, MinutesAndHours) {
  EXPECT_EQ(DurationText(0), "0:00");
  EXPECT_EQ(DurationText(65.4), "1:05");
  EXPECT_EQ(DurationText(7260), "2:01:00");
}

}  // namespace
}  // namespace sluice
