#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include <sluice/ops/composed.h>

#include "graph/tapes.h"

namespace sluice {
namespace {

class ProgramTest : public ::testing::Test {
 protected:
  Program PlanOf(const std::vector<Value>& fetches, PlanLevel level = PlanLevel::kSimple) {
    absl::StatusOr<Program> program = Plan(tape_, fetches, {.level = level});
    EXPECT_TRUE(program.ok()) << program.status();
    return *std::move(program);
  }
  Tape tape_;
};

TEST_F(ProgramTest, TakesItsFeedsByValue) {
  const Value x = tape_.Feed({DType::kF32, {}}, "x");
  const Value y = tape_.Feed({DType::kF32, {}}, "y");
  Program program = PlanOf({x - y});
  EXPECT_EQ((*program.Run({{x, Tensor::Scalar(5.0F)}, {y, Tensor::Scalar(3.0F)}}))[0].At(0), 2);
  EXPECT_EQ((*program.Run({{y, Tensor::Scalar(5.0F)}, {x, Tensor::Scalar(3.0F)}}))[0].At(0), -2);
}

TEST_F(ProgramTest, UsesATensorGivenWhenRecordingUnlessARunGivesAnother) {
  const Value x = tape_.Feed(Tensor::Scalar(5.0F));
  Program program = PlanOf({x * 2});
  EXPECT_EQ((*program.Run())[0].At(0), 10);
  EXPECT_EQ((*program.Run({{x, Tensor::Scalar(7.0F)}}))[0].At(0), 14);
  EXPECT_EQ((*program.Run())[0].At(0), 10);
}

TEST_F(ProgramTest, NamesAFeedThatIsMissing) {
  const Value x = tape_.Feed({DType::kF32, {}}, "inputs");
  Program program = PlanOf({x * 2});
  const absl::Status status = program.Run().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "run: feed \"inputs\" has no tensor");
}

TEST_F(ProgramTest, NeedsNoTensorForAFeedThatNothingReads) {
  const Value x = tape_.Feed({DType::kF32, {}}, "x");
  tape_.Feed({DType::kF32, {}}, "unused");
  EXPECT_TRUE(PlanOf({x}).Run({{x, Tensor::Scalar(1.0F)}}).ok());
}

TEST_F(ProgramTest, NamesAFeedOfAWrongType) {
  const Value x = tape_.Feed({DType::kF32, {32, 128}}, "inputs");
  Program program = PlanOf({x * 2});
  EXPECT_EQ(program.Run({{x, Tensor(DType::kF64, {32, 64})}}).status().message(),
            "run: feed \"inputs\" is f32 (32, 128), got f64 (32, 64)");
}

TEST_F(ProgramTest, RejectsATensorForAValueThatIsNoFeed) {
  const Value x = tape_.Feed(Tensor::Scalar(5.0F));
  const Value y = x * 2;
  Program program = PlanOf({y});
  const std::string message = "run: a tensor is given for a value that is no feed";
  EXPECT_EQ(program.Run({{y, Tensor::Scalar(1.0F)}}).status().message(), message);
  EXPECT_EQ(program.Run({{Value(), Tensor::Scalar(1.0F)}}).status().message(), message);
}

TEST_F(ProgramTest, FetchesFeedsConstantsAndRepeats) {
  const Value x = tape_.Feed(Floats({2}, {1, 2}));
  const Value two = tape_.Constant(2, DType::kF64, {2});
  Program program = PlanOf({x, two, x});
  const std::vector<Tensor> fetches = *program.Run();
  EXPECT_EQ(fetches[0].values<float>(), (std::vector<float>{1, 2}));
  EXPECT_EQ(fetches[1].values<double>(), (std::vector<double>{2, 2}));
  EXPECT_TRUE(SameBits(fetches[0], fetches[2]));
}

TEST_F(ProgramTest, GivesFetchesThatLaterRunsLeaveAlone) {
  const Value x = tape_.Feed({DType::kF32, {}}, "x");
  Program program = PlanOf({x * 2});
  const std::vector<Tensor> first = *program.Run({{x, Tensor::Scalar(1.0F)}});
  ASSERT_TRUE(program.Run({{x, Tensor::Scalar(5.0F)}}).ok());
  EXPECT_EQ(first[0].At(0), 2);
}

TEST_F(ProgramTest, GivesTheSameBitsAgain) {
  VariableStore store;
  const std::vector<Value> fetches = RecordTrainingStep(tape_, store, {});
  std::vector<Tensor> before;
  for (const Variable* variable : store.variables()) before.push_back(variable->value().Clone());
  Program program = PlanOf(fetches);
  const std::vector<Tensor> first = *program.Run();
  for (size_t i = 0; i < before.size(); ++i) {
    Tensor& value = store.variables()[i]->value();
    EXPECT_FALSE(SameBits(value, before[i])) << "the run updates all of them";
    std::copy_n(before[i].data<float>(), before[i].elements(), value.data<float>());
  }
  const std::vector<Tensor> second = *program.Run();
  for (size_t i = 0; i < first.size(); ++i) EXPECT_TRUE(SameBits(first[i], second[i])) << i;
}

TEST_F(ProgramTest, TrainsWhenRunAgain) {
  VariableStore store;
  const std::vector<Value> fetches = RecordTrainingStep(tape_, store, {});
  Program program = PlanOf({fetches[0]});
  const double first = (*program.Run())[0].At(0);
  double last = first;
  for (int i = 0; i < 200; ++i) last = (*program.Run())[0].At(0);
  EXPECT_LT(last, 0.9 * first);
}

TEST_F(ProgramTest, KnowsItsCostsBeforeItRuns) {
  const Value x = tape_.Feed(RandomFloats({2, 3}, 1));
  const Value y = tape_.Feed(RandomFloats({3, 4}, 2));
  const Program program = PlanOf({Negate(MatMul(x, y))});
  EXPECT_EQ(program.flops(), 2 * 2 * 3 * 4 + 2 * 4);
  EXPECT_EQ(program.kernels(), 3);  // pack, product, negate
  EXPECT_GT(program.arena_bytes(), 0);
  EXPECT_EQ(program.nodes().size(), 5);
}

TEST_F(ProgramTest, EndsWithAnErrorThatNamesOpAndScopeForBadData) {
  const Value table = tape_.Feed(RandomFloats({5, 2}, 1));
  const Value ids = tape_.Feed(Tensor(Shape{3}, std::vector<int32_t>{0, 7, 1}));
  const Tape::ScopeMark mark(tape_, "embedding");
  Program program = PlanOf({Gather(table, ids)});
  const absl::Status status = program.Run().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(status.message(), "gather: id 7 at position 1 is not within 0 .. 4; in embedding");
  const Tensor good(Shape{3}, std::vector<int32_t>{0, 4, 1});
  EXPECT_TRUE(program.Run({{ids, good}}).ok());
}

TEST_F(ProgramTest, RejectsFetchesThatAreNoValues) {
  EXPECT_EQ(Plan(tape_, {Value()}).status().message(), "plan: fetch 0 is not on this tape");
}

TEST_F(ProgramTest, MovesWithoutLosingItsPlan) {
  Program program = PlanOf({tape_.Feed(Tensor::Scalar(5.0F)) * 2});
  Program moved = std::move(program);
  EXPECT_EQ((*moved.Run())[0].At(0), 10);
}

// ---- Debug level ----

TEST_F(ProgramTest, ReportsTheFirstNanWhenDebugging) {
  const Value x = tape_.Feed(Floats({2, 3}, {1, 2, 3, 4, -5, 6}));
  const Tape::ScopeMark mark(tape_, "rnn/0");
  const Value y = Exp(Log(x));
  Program program = PlanOf({y}, PlanLevel::kDebug);
  const absl::Status status = program.Run().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(status.message(), "log: element (1, 1) of (2, 3) is nan; in rnn/0");
  EXPECT_TRUE(PlanOf({y}).Run().ok()) << "other levels do not look";
}

TEST_F(ProgramTest, ReportsInfinitiesWhenDebugging) {
  const Value x = tape_.Feed({DType::kF32, {2}}, "x");
  Program program = PlanOf({1 / x}, PlanLevel::kDebug);
  EXPECT_EQ(program.Run({{x, Floats({2}, {1, 0})}}).status().message(),
            "divide: element (1) of (2) is inf");
  EXPECT_EQ(program.Run({{x, Floats({2}, {-0.0F, 1})}}).status().message(),
            "divide: element (0) of (2) is -inf");
  EXPECT_TRUE(program.Run({{x, Floats({2}, {1, 2})}}).ok());
}

TEST_F(ProgramTest, ReportsAScalarWhenDebugging) {
  const Value x = tape_.Feed(Tensor::Scalar(-1.0));
  Program program = PlanOf({Sqrt(x)}, PlanLevel::kDebug);
  EXPECT_EQ(program.Run().status().message(), "sqrt: element () of () is nan");
}

TEST_F(ProgramTest, RunsNodeByNodeAsRecordedWhenDebugging) {
  const Value x = tape_.Feed(RandomFloats({4, 4}, 1));
  const Value y = MatMul(Exp(x), x) + MatMul(Exp(x), x);
  EXPECT_EQ(PlanOf({y}, PlanLevel::kDebug).kernels(), 5);
  EXPECT_EQ(PlanOf({y}).kernels(), 4);
}

}  // namespace
}  // namespace sluice
