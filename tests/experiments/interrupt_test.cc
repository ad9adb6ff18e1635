#include <chrono>
#include <csignal>
#include <thread>

#include <sluice/experiments/training.h>

#include "experiments/program.h"

namespace sluice {
namespace {

using testing::HasSubstr;

using InterruptTest = ProgramTest;

TEST(TrainingInterruptTest, TheHookEndsATrainingAfterAnUpdate) {
  const auto corpus = Corpus::FromText("text", std::string(2000, 'a') + "b", {});
  ASSERT_TRUE(corpus.ok());
  LanguageModel model({.vocabulary = corpus->vocabulary().size(), .embedding = 2, .hidden = 4});
  int updates = 0;
  const auto result =
      Train(model, *corpus, {.budget = {.tokens = 1'000'000}, .batch = 4, .steps = 8}, {},
            {.interrupted = [&] { return ++updates == 5; }});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->status, RunStatus::kInterrupted);
  EXPECT_EQ(result->updates, 5);
  EXPECT_EQ(result->tokens, 160);
  EXPECT_FALSE(result->train.has_value());
  ASSERT_EQ(result->curve.size(), 1);
  EXPECT_EQ(result->curve[0].tokens, 160);
}

// Sends the signal once the program catches it.
std::thread InterruptSoon(int signal) {
  return std::thread([signal] {
    while (true) {
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      struct sigaction action;
      sigaction(signal, nullptr, &action);
      if (action.sa_handler == SIG_DFL) continue;
      std::raise(signal);
      return;
    }
  });
}

TEST_F(InterruptTest, AComparisonEndsWithWhatThereIs) {
  std::thread other = InterruptSoon(SIGINT);
  const Outcome outcome = Sluice(Tiny("compare", {"--tokens=1G", "--cells=gru,lstm", "--seeds=3"}));
  other.join();
  EXPECT_EQ(outcome.exit_code, 130);
  const nlohmann::json runs = ReadJson(Path("results/results.json")).at("runs");
  ASSERT_EQ(runs.size(), 1);
  EXPECT_EQ(runs[0].at("status"), "interrupted");
  EXPECT_GT(runs[0].at("tokens"), 0);
  EXPECT_TRUE(runs[0].at("test").is_null());
  EXPECT_TRUE(Exists(Path("results/curves.csv")));
  EXPECT_THAT(outcome.out, HasSubstr("1 (1 interrupted)"));
  EXPECT_THAT(outcome.out, HasSubstr("Written: "));
}

TEST_F(InterruptTest, ACommandAfterItIsNotInterrupted) {
  std::thread other = InterruptSoon(SIGINT);
  EXPECT_EQ(Sluice(Tiny("train", {"--tokens=1G"})).exit_code, 130);
  other.join();
  EXPECT_EQ(Sluice(Tiny("train")).exit_code, 0);
}

TEST_F(InterruptTest, AProbeEndsWithWhatThereIs) {
  std::thread other = InterruptSoon(SIGINT);
  const Outcome outcome = Sluice({"probe", "--task=copy", "--lags=50", "--cells=gru,lstm",
                                  "--updates=1M", "--threads=1", "--json=" + Path("probe.json")});
  other.join();
  EXPECT_EQ(outcome.exit_code, 130);
  const nlohmann::json results = ReadJson(Path("probe.json"));
  ASSERT_EQ(results.at("runs").size(), 1);
  EXPECT_EQ(results.at("runs")[0].at("status"), "interrupted");
  EXPECT_EQ(results.at("summary")[0].at("runs"), 0);
  EXPECT_THAT(outcome.out, HasSubstr("0/0"));
}

TEST_F(InterruptTest, AStudyEndsWithoutAVerdict) {
  std::thread other = InterruptSoon(SIGINT);
  const Outcome outcome = Sluice({"reproduce", "selective_copy", "--threads=1"});
  other.join();
  EXPECT_EQ(outcome.exit_code, 130);
  EXPECT_THAT(outcome.out, HasSubstr("interrupted; not solved in "));
  EXPECT_THAT(outcome.out, testing::Not(HasSubstr("reproduces")));
}

TEST_F(InterruptTest, ATrainingSavesTheModelAsItIs) {
  std::thread other = InterruptSoon(SIGTERM);
  const Outcome outcome = Sluice(Tiny("train", {"--tokens=1G"}));
  other.join();
  EXPECT_EQ(outcome.exit_code, 130);
  EXPECT_THAT(outcome.out, HasSubstr("interrupted after"));
  EXPECT_TRUE(Exists(Path("model.sluice")));
}

}  // namespace
}  // namespace sluice
