#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/ops/composed.h>

#include "graph/tapes.h"

namespace sluice {
namespace {

using ::testing::ElementsAre;

class OrderWritesTest : public ::testing::Test {
 protected:
  Variable& Make(absl::string_view name) { return store_.root().Fixed(name, {2}); }
  PlanGraph Ordered(const std::vector<Value>& fetches = {}) {
    return OrderWrites(DropUnused(GraphOf(tape_, fetches)));
  }
  VariableStore store_;
  Tape tape_;
};

TEST_F(OrderWritesTest, PutsAWriteBehindTheLastReaderOfTheOldValue) {
  Variable& a = Make("a");
  const Value old = tape_.Use(a);
  tape_.Write(a, old + 1);
  const Value late = Exp(old);
  EXPECT_THAT(Listing(GraphOf(tape_, {late}).nodes),
              ElementsAre("0 variable", "1 constant", "2 add 0 1", "3 write 2", "4 exp 0"));
  const PlanGraph after = Ordered({late});
  EXPECT_THAT(Listing(after.nodes),
              ElementsAre("0 variable", "1 constant", "2 add 0 1", "3 exp 0", "4 write 2"));
  EXPECT_THAT(after.fetches, ElementsAre(3));
}

TEST_F(OrderWritesTest, SeesReadersThroughViews) {
  Variable& a = Make("a");
  const Value old = tape_.Use(a);
  const Value view = Reshape(Slice(old, 0, 1, 2), {});
  tape_.Write(a, old + 1);
  const Value late = Exp(view);
  const std::vector<std::string> after = Listing(Ordered({late}).nodes);
  EXPECT_EQ(after.back(), "6 write 4");
}

// The write of c reads the old a, and itself waits for the last reader of c.
TEST_F(OrderWritesTest, KeepsAWriteThatWaitsForAWriteThatWaits) {
  Variable& a = Make("a");
  Variable& c = Make("c");
  const Value old_a = tape_.Use(a);
  const Value old_c = tape_.Use(c);
  tape_.Write(a, Exp(old_a));
  tape_.Write(c, old_a);
  const Value late = Negate(old_c);
  const PlanGraph after = Ordered({late});
  EXPECT_EQ(CountOps(after.nodes, "write"), 2);
  EXPECT_THAT(Listing(after.nodes), ElementsAre("0 variable", "1 variable", "2 exp 0", "3 negate 1",
                                                "4 write 0", "5 write 2"));
}

// ---- Whole plans: what they leave in variables and fetches ----

Tensor Of(const TensorType& type, float value) {
  Tensor tensor(type);
  for (float& element : tensor.values<float>()) element = value;
  return tensor;
}
Variable& MakeFilled(VariableStore& store, absl::string_view name, float value) {
  return store.Create(name, {DType::kF32, {2}},
                      [value](const TensorType& type, RandomKey) { return Of(type, value); });
}

TEST(Writes, SwapTwoVariables) {
  for (const PlanLevel level : {PlanLevel::kDebug, PlanLevel::kSimple, PlanLevel::kFull}) {
    VariableStore store;
    Variable& a = MakeFilled(store, "a", 1);
    Variable& b = MakeFilled(store, "b", 2);
    Tape tape;
    const Value old_a = tape.Use(a);
    const Value old_b = tape.Use(b);
    tape.Write(a, old_b);
    tape.Write(b, old_a);
    const auto read = tape.Read({old_a, old_b}, {.plan = {.level = level}});
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ((*read)[0].At(1), 1);
    EXPECT_EQ((*read)[1].At(1), 2);
    EXPECT_EQ(a.value().At(1), 2);
    EXPECT_EQ(b.value().At(1), 1);
  }
}

TEST(Writes, TakeNewValuesFromOldOnes) {
  ExpectLevelsAgree([](Tape& tape, VariableStore& store) {
    Variable& a = MakeFilled(store, "a", 1);
    Variable& b = MakeFilled(store, "b", 2);
    Variable& c = MakeFilled(store, "c", 3);
    const Value old_a = tape.Use(a);
    const Value old_b = tape.Use(b);
    const Value old_c = tape.Use(c);
    tape.Write(a, old_a + old_b);
    tape.Write(b, old_a - old_b);
    tape.Write(c, tape.Use(a));
    return std::vector<Value>{old_a, tape.Use(a), Exp(old_b), old_c, Slice(old_a, 0, 1, 2)};
  });
}

TEST(Writes, OfTheSameValueReachBothVariables) {
  VariableStore store;
  Variable& a = MakeFilled(store, "a", 1);
  Variable& b = MakeFilled(store, "b", 2);
  Tape tape;
  const Value sum = tape.Use(a) + tape.Use(b);
  tape.Write(a, sum);
  tape.Write(b, sum);
  ASSERT_TRUE(tape.Read({sum, sum}).ok());
  EXPECT_EQ(a.value().At(0), 3);
  EXPECT_EQ(b.value().At(0), 3);
}

TEST(Writes, OfAFetchedOldValueKeepTheFetch) {
  VariableStore store;
  Variable& a = MakeFilled(store, "a", 1);
  Tape tape;
  const Value old = tape.Use(a);
  const Value now = old * 3;
  tape.Write(a, now);
  const auto read = tape.Read({old, Reshape(old, {1, 2}), now});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ((*read)[0].At(0), 1);
  EXPECT_EQ((*read)[1].At(1), 1);
  EXPECT_EQ((*read)[2].At(0), 3);
  EXPECT_EQ(a.value().At(0), 3);
}

TEST(Plans, OfATrainingStepAgreeAtEveryLevel) {
  ExpectLevelsAgree(
      [](Tape& tape, VariableStore& store) { return RecordTrainingStep(tape, store, {}); });
}

}  // namespace
}  // namespace sluice
