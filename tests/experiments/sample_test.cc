#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include <absl/strings/match.h>
#include <absl/strings/str_split.h>

#include <sluice/experiments/model_file.h>
#include <sluice/experiments/sampling.h>
#include <sluice/experiments/training.h>

#include "experiments/program.h"

namespace sluice {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::StartsWith;

class TrainTest : public ProgramTest {
 protected:
  Outcome Train(const std::vector<std::string>& more = {}) const {
    return Sluice(Tiny("train", more));
  }
  // A sample of the model that was trained last.
  Outcome Sample(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {"sample", "--model=" + Path("model.sluice"),
                                          "--prefix=the ", "--sample_tokens=40", "--threads=1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Sluice(arguments);
  }
  static absl::StatusOr<TextSample> ContinueOf(const SavedModel& saved,
                                               const SampleOptions& options) {
    return Continue(*saved.model, saved.vocabulary, "the ", options, {});
  }
};

using SampleTest = TrainTest;

TEST_F(TrainTest, PrintsWhatItDidAndWritesTheModel) {
  const Outcome outcome = Train();
  EXPECT_EQ(outcome.exit_code, 0) << outcome.error;
  EXPECT_THAT(outcome.error, IsEmpty());
  const std::vector<std::string> lines = absl::StrSplit(outcome.out, '\n');
  ASSERT_EQ(lines.size(), 6) << outcome.out;
  EXPECT_THAT(lines[0],
              MatchesRegex("gru \\(reset=before, .*\\): [0-9]+ parameters, finished after "
                           "2016 tokens in [0-9.]+ s, [0-9]+ tokens/s"));
  EXPECT_THAT(lines[1], MatchesRegex("training: +perplexity [0-9.]+, [0-9.]+ bits/token"));
  EXPECT_THAT(lines[2], StartsWith("validation: perplexity "));
  EXPECT_THAT(lines[3], StartsWith("test:       perplexity "));
  EXPECT_EQ(lines[4], "Written: " + Path("model.sluice"));
}

TEST_F(TrainTest, ADivergedTrainingWritesNoModelAndKeepsTheOldOne) {
  const std::string model = Write("model.sluice", "mine");
  const Outcome outcome = Train(
      {"--cell=elman:activation=relu", "--optimizer=sgd", "--learning_rate=1e30", "--clip=0"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.error, HasSubstr("the training diverged, no model is written"));
  EXPECT_EQ(Read(model), "mine");
}

TEST_F(TrainTest, AModelThatCannotBeWrittenIsKnownBeforeTheTraining) {
  for (const std::string& path : {Path("missing/model"), Path(""), std::string()}) {
    const Outcome outcome = Train({"--model=" + path});
    EXPECT_EQ(outcome.exit_code, 1) << path;
    EXPECT_THAT(outcome.error, StartsWith("sluice: cannot write " + path));
    EXPECT_THAT(outcome.out, IsEmpty());
  }
}

TEST_F(TrainTest, TracesTheFirstUpdates) {
  const Outcome outcome = Train({"--trace=" + Path("trace.json")});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.error;
  const nlohmann::json trace = ReadJson(Path("trace.json"));
  const nlohmann::json& events = trace["traceEvents"];
  EXPECT_THAT(outcome.out, StartsWith(absl::StrCat("Written: ", Path("trace.json"), ", ",
                                                   events.size(), " kernel calls\n")));
  EXPECT_EQ(trace["droppedEvents"], 0);
  const auto count = [&](const std::string& name) {
    return std::count_if(events.begin(), events.end(), [&](const nlohmann::json& event) {
      return event["name"] == name && event["args"]["scope"] == "embedding";
    });
  };
  EXPECT_EQ(count("gather"), kTracedUpdates);
}

TEST_F(TrainTest, ATraceThatCannotBeWrittenIsKnownBeforeTheTraining) {
  const Outcome outcome = Train({"--trace=" + Path("missing/trace.json")});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.error,
            "sluice: cannot write " + Path("missing/trace.json") + ": No such file or directory\n");
  EXPECT_THAT(outcome.out, IsEmpty());
  EXPECT_FALSE(Exists(Path("model.sluice")));
}

TEST_F(SampleTest, TheLikeliestTokensAreTheSameEveryTime) {
  ASSERT_EQ(Train().exit_code, 0);
  const Outcome first = Sample();
  EXPECT_EQ(first.exit_code, 0) << first.error;
  EXPECT_THAT(first.out, StartsWith("the "));
  EXPECT_EQ(first.out.size(), 4 + 40 + 1);  // all characters of the text are ASCII
  EXPECT_THAT(first.error, MatchesRegex("prefix perplexity [0-9.]+\n"));
  EXPECT_EQ(Sample().out, first.out);
  EXPECT_EQ(Sample({"--seed=9"}).out, first.out);
  EXPECT_EQ(Sample({"--threads=2"}).out, first.out);
  // With the likeliest token only there is nothing to draw either.
  EXPECT_EQ(Sample({"--temperature=1", "--top_k=1"}).out, first.out);
}

TEST_F(SampleTest, DrawsDependOnTheSeedOnly) {
  ASSERT_EQ(Train().exit_code, 0);
  const std::string first = Sample({"--temperature=1"}).out;
  EXPECT_EQ(Sample({"--temperature=1"}).out, first);
  EXPECT_NE(Sample({"--temperature=1", "--seed=2"}).out, first);
  EXPECT_NE(Sample({"--temperature=1"}).out, Sample().out);
}

TEST_F(SampleTest, LengthMayBeZeroAndThePrefixMayBeUnknown) {
  ASSERT_EQ(Train().exit_code, 0);
  EXPECT_EQ(Sample({"--sample_tokens=0"}).out, "the \n");
  EXPECT_EQ(Sample({"--prefix=\xE2\x82\xAC"}).exit_code, 0);
  EXPECT_EQ(Sample({"--prefix="}).error, "sluice: the prefix \"\" has no token to start from\n");
  EXPECT_EQ(Sample({"--prefix="}).exit_code, 1);
  EXPECT_EQ(Sample({"--prefix=\xFF"}).exit_code, 1);
}

TEST_F(SampleTest, EveryCellAndATiedReadOutComeBackAsTheyWereSaved) {
  for (const char* cell :
       {"gru", "gru:reset=after:biases=two", "lstm:peepholes=diagonal", "elman:activation=relu"}) {
    for (const bool tied : {false, true}) {
      SCOPED_TRACE(absl::StrCat(cell, tied ? ", tied" : ""));
      LanguageModel model({.cell = cell,
                           .vocabulary = 3,
                           .embedding = 8,
                           .hidden = 8,
                           .layers = 2,
                           .tied = tied,
                           .seed = 5});
      const auto vocabulary =
          Vocabulary::FromSymbols(Unit::kCharacter, Normalisation::kNone, {"<unk>", "a", "b"});
      ASSERT_TRUE(vocabulary.ok());
      const absl::StatusOr<Tensor> before = model.Predict(1, {});
      ASSERT_TRUE(before.ok()) << before.status();
      ASSERT_TRUE(SaveModel(Path("model"), model, *vocabulary).ok());
      const absl::StatusOr<SavedModel> saved = LoadModel(Path("model"));
      ASSERT_TRUE(saved.ok()) << saved.status();
      EXPECT_EQ(saved->vocabulary.symbols(), vocabulary->symbols());
      EXPECT_EQ(saved->model->options().cell, cell);
      const absl::StatusOr<Tensor> after = saved->model->Predict(1, {});
      ASSERT_TRUE(after.ok()) << after.status();
      EXPECT_TRUE(SameBits(*before, *after));
    }
  }
}

TEST_F(SampleTest, TopKDrawsFromTheLikeliestOnly) {
  ASSERT_EQ(Train().exit_code, 0);
  const auto saved = LoadModel(Path("model.sluice"));
  ASSERT_TRUE(saved.ok()) << saved.status();
  const auto firsts = [&](const SampleOptions& options) {
    std::set<std::string> drawn;
    for (uint64_t seed = 0; seed < 200; ++seed) {
      SampleOptions once = options;
      once.seed = seed;
      const auto sample = ContinueOf(*saved, once);
      EXPECT_TRUE(sample.ok()) << sample.status();
      if (sample.ok()) drawn.insert(sample->continuation);
    }
    return drawn.size();
  };
  EXPECT_EQ(firsts({.tokens = 1}), 1);
  EXPECT_EQ(firsts({.tokens = 1, .temperature = 100, .top_k = 3}), 3);
  EXPECT_GT(firsts({.tokens = 1, .temperature = 100}), 8);
  EXPECT_EQ(firsts({.tokens = 1, .temperature = 1e-9}), 1);
}

TEST_F(SampleTest, TemperatureOneDrawsFromTheModelsOwnDistribution) {
  ASSERT_EQ(Train().exit_code, 0);
  const auto saved = LoadModel(Path("model.sluice"));
  ASSERT_TRUE(saved.ok()) << saved.status();
  const auto likeliest = ContinueOf(*saved, {.tokens = 1});
  ASSERT_TRUE(likeliest.ok());
  // Its probability, from the model.
  const auto ids = saved->vocabulary.Encode("the ");
  ASSERT_TRUE(ids.ok());
  saved->model->ResetSampling();
  absl::StatusOr<Tensor> next;
  for (const int32_t id : *ids) next = saved->model->Predict(id, {});
  ASSERT_TRUE(next.ok());
  double sum = 0, largest = 0;
  for (const float nats : next->values<float>()) {
    sum += std::exp(nats);
    largest = std::max(largest, static_cast<double>(std::exp(nats)));
  }
  EXPECT_NEAR(sum, 1, 1e-5);
  constexpr int kDraws = 2000;
  int hits = 0;
  for (uint64_t seed = 0; seed < kDraws; ++seed) {
    const auto sample = ContinueOf(*saved, {.tokens = 1, .temperature = 1, .seed = seed});
    hits += sample.ok() && sample->continuation == likeliest->continuation;
  }
  const double deviation = std::sqrt(largest * (1 - largest) / kDraws);
  EXPECT_NEAR(static_cast<double>(hits) / kDraws, largest, 5 * deviation);
}

TEST_F(SampleTest, WeightsThatAreNotNumbersAreAnError) {
  ASSERT_EQ(Train().exit_code, 0);
  const auto saved = LoadModel(Path("model.sluice"));
  ASSERT_TRUE(saved.ok()) << saved.status();
  Variable* bias = saved->model->variables().Find("read_out/bias");
  ASSERT_NE(bias, nullptr);
  for (float& x : bias->value().values<float>()) x = std::numeric_limits<float>::quiet_NaN();
  ASSERT_TRUE(SaveModel(Path("model.sluice"), *saved->model, saved->vocabulary).ok());
  for (const char* temperature : {"0", "1"}) {
    const Outcome outcome = Sample({absl::StrCat("--temperature=", temperature)});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_EQ(
        outcome.error,
        "sluice: the model's probabilities are not numbers; its weights are damaged, train it "
        "again\n");
  }
}

}  // namespace
}  // namespace sluice
