#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/ops/composed.h>

#include "graph/tapes.h"

namespace sluice {
namespace {

using ::testing::ElementsAre;

TEST(DropUnused, LeavesOutWhatNothingNeeds) {
  Tape tape;
  const Value x = tape.Feed(Floats({}, {1}));
  const Value unused_feed = tape.Feed(Floats({}, {2}));
  Exp(unused_feed);
  const Value y = Negate(x);
  Exp(y);
  const PlanGraph before = GraphOf(tape, {y});
  EXPECT_THAT(Listing(before.nodes),
              ElementsAre("0 feed", "1 feed", "2 exp 1", "3 negate 0", "4 exp 3"));
  const PlanGraph after = DropUnused(before);
  EXPECT_THAT(Listing(after.nodes), ElementsAre("0 feed", "1 negate 0"));
  EXPECT_THAT(after.fetches, ElementsAre(1));
  EXPECT_THAT(after.feeds, ElementsAre(0, kNoNode));
}

TEST(DropUnused, KeepsWrites) {
  VariableStore store;
  Variable& variable = store.root().Fixed("a", {});
  Tape tape;
  tape.Write(variable, tape.Use(variable) + 1);
  EXPECT_THAT(Listing(DropUnused(GraphOf(tape, {})).nodes),
              ElementsAre("0 variable", "1 constant", "2 add 0 1", "3 write 2"));
}

TEST(ShareEqual, ComputesEqualExpressionsOnce) {
  Tape tape;
  const Value x = tape.Feed(Floats({2}, {1, 2}));
  const Value a = Exp(Negate(x));
  const Value b = Exp(Negate(x));
  const Value y = a * b;
  const PlanGraph before = GraphOf(tape, {y});
  EXPECT_THAT(Listing(before.nodes), ElementsAre("0 feed", "1 negate 0", "2 exp 1", "3 negate 0",
                                                 "4 exp 3", "5 multiply 2 4"));
  EXPECT_THAT(Listing(ShareEqual(before).nodes),
              ElementsAre("0 feed", "1 negate 0", "2 exp 1", "3 multiply 2 2"));
}

TEST(ShareEqual, TellsAttributesAndFeedsApart) {
  Tape tape;
  const Value x = tape.Feed(Floats({4}, {1, 2, 3, 4}));
  const Value same = tape.Feed(Floats({4}, {1, 2, 3, 4}));
  const std::vector<Value> fetches = {Slice(x, 0, 0, 2), Slice(x, 0, 2, 4), Negate(x),
                                      Negate(same),      Power(x, 2),       Power(x, 3)};
  EXPECT_EQ(ShareEqual(GraphOf(tape, fetches)).nodes.size(), tape.size());
}

TEST(ShareEqual, TellsZeroFromMinusZero) {
  ExpectLevelsAgree([](Tape& tape, VariableStore&) {
    const Value x = tape.Feed(Floats({}, {0}));
    return std::vector<Value>{x * tape.Constant(0.0, DType::kF32),
                              x * tape.Constant(-0.0, DType::kF32)};
  });
}

TEST(ShareEqual, TellsRandomKeysApart) {
  Tape tape;
  const Value step = tape.Feed(Tensor::Scalar<int32_t>(0));
  const std::vector<Value> draws = {Uniform(step, 1, DType::kF32, {3}),
                                    Uniform(step, 1, DType::kF32, {3}),
                                    Uniform(step, 2, DType::kF32, {3})};
  const PlanGraph after = ShareEqual(GraphOf(tape, draws));
  EXPECT_THAT(after.fetches, ElementsAre(1, 1, 2));
}

TEST(PackOperands, PacksAnOperandOnceForManyProducts) {
  Tape tape;
  const Value weights = tape.Feed(RandomFloats({4, 3}, 1));
  const Value x = tape.Feed(RandomFloats({2, 4}, 2));
  const Value y = tape.Feed(RandomFloats({5, 4}, 3));
  const Value g = tape.Feed(RandomFloats({2, 3}, 4));
  const std::vector<Value> products = {MatMul(x, weights), MatMul(y, weights),
                                       MatMul(g, weights, {.transpose_right = true})};
  const PlanGraph before = GraphOf(tape, products);
  EXPECT_THAT(Listing(before.nodes), ElementsAre("0 feed", "1 feed", "2 feed", "3 feed",
                                                 "4 matmul 1 0", "5 matmul 2 0", "6 matmul 3 0"));
  // Transposed it is another operand.
  EXPECT_THAT(Listing(ShareEqual(PackOperands(before)).nodes),
              ElementsAre("0 feed", "1 feed", "2 feed", "3 feed", "4 pack 0", "5 packed_matmul 1 4",
                          "6 packed_matmul 2 4", "7 pack 0", "8 packed_matmul 3 7"));
}

TEST(PackOperands, KeepsValues) {
  ExpectLevelsAgree([](Tape& tape, VariableStore&) {
    const Value weights = tape.Feed(RandomFloats({70, 50}, 1));
    const Value x = tape.Feed(RandomFloats({3, 9, 70}, 2));
    const Value g = tape.Feed(RandomFloats({27, 50}, 3));
    return std::vector<Value>{
        MatMul(x, weights),
        MatMul(g, weights, {.transpose_right = true}),
        MatMul(Reshape(x, {27, 70}), g, {.transpose_left = true}),
    };
  });
}

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
  for (const PlanLevel level : {PlanLevel::kDebug, PlanLevel::kSimple}) {
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
