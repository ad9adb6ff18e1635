#include <absl/strings/str_split.h>

#include <sluice/experiments/study.h>

#include "experiments/program.h"

namespace sluice {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

ProbeRun Tested(std::vector<double> accuracies, std::optional<int64_t> solved_after = {}) {
  ProbeRun run{.memoryless_loss = 0.2, .solved_after = solved_after, .batch = 2};
  for (const double accuracy : accuracies) run.tests.push_back({.accuracy = accuracy});
  return run;
}

ProbeRun WithCurve(const std::vector<std::pair<int64_t, double>>& losses) {
  ProbeRun run{.memoryless_loss = 0.2};
  for (const auto& [updates, loss] : losses) {
    run.result.curve.push_back({.updates = updates, .validation_loss = loss});
  }
  return run;
}

TEST(StudyTest, EachRunAtEachLagCounts) {
  const StudyRuns runs = {{Tested({1, 0.99}), Tested({0.995, 1})},
                          {Tested({1, 0.98}), Tested({1, 1})},
                          {Tested({0.55, 0.6}), Tested({0.5, 0.5})},
                          {Tested({1}), ProbeRun{.result = {.status = RunStatus::kDiverged}}}};
  EXPECT_TRUE(EachAccuracyAtLeast(0, 0.99, "").judge(runs).holds);
  EXPECT_FALSE(EachAccuracyAtLeast(1, 0.99, "").judge(runs).holds);
  EXPECT_TRUE(EachAccuracyAtMost(2, 0.6, "").judge(runs).holds);
  EXPECT_FALSE(EachAccuracyAtMost(0, 0.6, "").judge(runs).holds);
  EXPECT_FALSE(EachAccuracyAtLeast(3, 0.99, "").judge(runs).holds);
  EXPECT_EQ(EachAccuracyAtLeast(3, 0.99, "").judge(runs).measured, "1.000, diverged");
  EXPECT_FALSE(EachAccuracyAtLeast(0, 0.5, "").judge({{}}).holds);
}

TEST(StudyTest, MeansOverRuns) {
  const StudyRuns runs = {{Tested({1}), Tested({0.92})},
                          {Tested({0.3}), Tested({0.5})},
                          {ProbeRun{.result = {.status = RunStatus::kDiverged}}, Tested({0.9})}};
  EXPECT_TRUE(MeanAccuracyAtLeast(0, 0.95, "").judge(runs).holds);
  EXPECT_FALSE(MeanAccuracyAtLeast(2, 0.5, "").judge(runs).holds);
  EXPECT_TRUE(MeanAccuracyAtMost(1, 0.41, "").judge(runs).holds);
  EXPECT_FALSE(MeanAccuracyAtMost(1, 0.39, "").judge(runs).holds);
  EXPECT_TRUE(MeanAccuracyAbove(0, 1, 0.5, "").judge(runs).holds);
  EXPECT_FALSE(MeanAccuracyAbove(1, 0, 0.5, "").judge(runs).holds);
  EXPECT_TRUE(MeanAccuracyNear(2, 1, 0.1, "").judge(runs).holds);
  EXPECT_FALSE(MeanAccuracyNear(0, 1, 0.1, "").judge(runs).holds);
  EXPECT_EQ(MeanAccuracyNear(0, 1, 0.1, "").judge(runs).measured, "0.960 and 0.400");
}

TEST(StudyTest, RunsThatSolveItInTime) {
  const StudyRuns runs = {{Tested({1}, 50), Tested({1}, 51), Tested({0.2})}};
  EXPECT_TRUE(SolvedWithin(0, 0.3, 100, "").judge(runs).holds);
  EXPECT_FALSE(SolvedWithin(0, 0.5, 100, "").judge(runs).holds);
  EXPECT_TRUE(SolvedWithin(0, 0.5, 102, "").judge(runs).holds);
  EXPECT_EQ(SolvedWithin(0, 0.5, 100, "").judge(runs).measured, "1 of 3: 100, 102, never");
}

TEST(StudyTest, WhoLeavesThePlateauFirst) {
  const ProbeRun fast = WithCurve({{10, 0.2}, {20, 0.09}, {30, 0.01}});
  const ProbeRun slow = WithCurve({{10, 0.2}, {20, 0.195}, {30, 0.08}});
  EXPECT_TRUE(LeavesPlateauFirst(0, 1, "").judge({{fast}, {slow}}).holds);
  EXPECT_FALSE(LeavesPlateauFirst(1, 0, "").judge({{fast}, {slow}}).holds);
  EXPECT_FALSE(LeavesPlateauFirst(0, 1, "").judge({{slow}, {slow}}).holds);
  const ProbeRun halfway = WithCurve({{10, 0.2}, {20, 0.18}, {30, 0.12}});
  EXPECT_FALSE(LeavesPlateauFirst(0, 1, "").judge({{fast}, {halfway}}).holds);
  const ProbeRun never = WithCurve({{10, 0.2}, {20, 0.2}});
  EXPECT_THAT(LeavesPlateauFirst(0, 1, "").judge({{never}, {slow}}).measured,
              HasSubstr("only reaches 0.2000"));
}

using ReproduceTest = ProgramTest;

TEST_F(ReproduceTest, WithoutANameItListsAll) {
  const Outcome outcome = Sluice({"reproduce"});
  EXPECT_EQ(outcome.exit_code, 0);
  for (const Study& study : Studies()) {
    EXPECT_THAT(outcome.out, HasSubstr(absl::StrCat(study.name, "  ", study.claim)));
    EXPECT_THAT(outcome.out, HasSubstr(study.source));
    for (const StudyArm& arm : study.arms) {
      EXPECT_THAT(outcome.out, HasSubstr(SettingsText(arm)));
    }
  }
}

// What each arm names is there.
TEST(StudiesTest, AllCanBeRun) {
  for (const Study& study : Studies()) {
    EXPECT_FALSE(study.criteria.empty()) << study.name;
    for (const StudyArm& arm : study.arms) {
      const absl::Status status = CheckProbeSettings(arm.settings, arm.cell, arm.lag);
      EXPECT_TRUE(status.ok()) << study.name << ": " << status;
    }
    for (const StudyCriterion& criterion : study.criteria) {
      for (const size_t arm : criterion.arms) EXPECT_LT(arm, study.arms.size());
    }
  }
}

TEST_F(ReproduceTest, Mistakes) {
  const Outcome unknown = Sluice({"reproduce", "party"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_EQ(unknown.error, "sluice: no study \"party\"; did you mean \"parity\"?\n");
  EXPECT_EQ(Sluice({"reproduce", "parity", "--seeds=-1"}).exit_code, 2);
  EXPECT_EQ(Sluice({"reproduce", "parity", "--threads=-1"}).exit_code, 2);
  EXPECT_EQ(Sluice({"reproduce", "parity", "--hidden=3"}).exit_code, 2);
}

// The two that take seconds, with one seed each.
TEST_F(ReproduceTest, ParityNeedsAGateThatSeesTheState) {
  const Outcome outcome = Sluice({"reproduce", "parity", "--seeds=1"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out << outcome.error;
  EXPECT_THAT(outcome.out, HasSubstr("\nyes  gru: accuracy at least 0.99 in each run"));
  EXPECT_THAT(outcome.out, HasSubstr("\nyes  mingru: accuracy at most 0.6 in each run"));
  EXPECT_THAT(outcome.out, HasSubstr("parity reproduces: seeds 1 to 1, "));
  EXPECT_THAT(outcome.error, IsEmpty());
}

TEST_F(ReproduceTest, SelectiveCopyAtEqualParameters) {
  const Outcome outcome = Sluice({"reproduce", "selective_copy", "--seeds=1"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out << outcome.error;
  EXPECT_THAT(outcome.out, HasSubstr("\nyes  gru, 4 tokens: mean accuracy at least 0.95"));
  EXPECT_THAT(outcome.out, HasSubstr("\nyes  mingru, 4 tokens: mean accuracy at most 0.6"));
}

}  // namespace
}  // namespace sluice
