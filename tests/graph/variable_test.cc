#include <gtest/gtest.h>

#include <sluice/graph/tape.h>

#include "graph/tapes.h"

namespace sluice {
namespace {

TEST(Scope, NamesByPath) {
  VariableStore store;
  const Scope scope = store.root() / "rnn" / "0";
  EXPECT_EQ(scope.path(), "rnn/0");
  const Variable& variable = (scope / "update").Trainable("input_weights", {2, 3}, SmallRandom);
  EXPECT_EQ(variable.path(), "rnn/0/update/input_weights");
  EXPECT_EQ(store.Find("rnn/0/update/input_weights"), &variable);
  EXPECT_EQ(store.Find("rnn/0/update"), nullptr);
  EXPECT_EQ(store.root().Fixed("top", {1}).path(), "top");
}

TEST(VariableStore, SharesAVariableThatIsAskedForAgain) {
  VariableStore store;
  Variable& first = store.root().Trainable("a", {2, 3}, SmallRandom);
  first.value().data<float>()[0] = 9;
  Variable& second = store.root().Trainable("a", {2, 3}, SmallRandom);
  EXPECT_EQ(&first, &second);
  EXPECT_EQ(second.value().At(0), 9);
  EXPECT_EQ(store.variables().size(), 1);
}

TEST(VariableStore, ListsInOrderOfCreationAndCountsWhatIsTrained) {
  VariableStore store;
  Variable& b = store.root().Trainable("b", {2, 3}, SmallRandom);
  Variable& slot = store.root().Fixed("slot", {100});
  Variable& a = store.root().Trainable("a", {4}, SmallRandom);
  EXPECT_EQ(store.variables(), (std::vector<Variable*>{&b, &slot, &a}));
  EXPECT_EQ(store.trainable(), (std::vector<Variable*>{&b, &a}));
  EXPECT_EQ(store.parameters(), 10);
}

TEST(VariableStore, ReportsATypeConflictThroughTheTape) {
  VariableStore store;
  Variable& variable = store.root().Trainable("rnn/weights", {2, 3}, SmallRandom);
  EXPECT_EQ(&store.root().Trainable("rnn/weights", {3, 2}, SmallRandom), &variable);
  store.root().Trainable("rnn/weights", {7, 7}, SmallRandom);
  Tape tape;
  const Tape::ScopeMark mark(tape, "rnn");
  EXPECT_FALSE(tape.Use(variable).valid());
  EXPECT_EQ(tape.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(tape.status().message(),
            "variable rnn/weights is f32 (2, 3) and was asked for as f32 (3, 2); give one of them "
            "another name; in rnn");
}

TEST(VariableStore, ReportsAnInitialiserOfAnotherType) {
  VariableStore store;
  store.root().Trainable(
      "a", {2}, [](const TensorType&, RandomKey) { return Tensor(DType::kF64, Shape{2}); });
  EXPECT_EQ(store.status().message(), "variable a: its initialiser made f64 (2), not f32 (2)");
}

TEST(VariableStore, ReportsAShapeThatIsNotValid) {
  VariableStore store;
  store.root().Trainable("a", {-1}, SmallRandom);
  EXPECT_EQ(store.status().message(), "variable a: shape (negative size) is not valid");
}

TEST(VariableStore, StartsAPathTheSameWhateverElseThereIs) {
  VariableStore small({.seed = 7});
  VariableStore large({.seed = 7});
  large.root().Trainable("other", {50}, SmallRandom);
  const Variable& a = small.root().Trainable("a", {10}, SmallRandom);
  const Variable& b = large.root().Trainable("a", {10}, SmallRandom);
  EXPECT_TRUE(SameBits(a.value(), b.value()));
  VariableStore other_seed({.seed = 8});
  const Variable& c = other_seed.root().Trainable("a", {10}, SmallRandom);
  EXPECT_FALSE(SameBits(a.value(), c.value()));
}

TEST(VariableStore, MakesVariablesInItsDtype) {
  VariableStore store({.dtype = DType::kF64});
  EXPECT_EQ(store.root().Fixed("a", {2}).type(), (TensorType{DType::kF64, {2}}));
  EXPECT_EQ(store.step().type(), (TensorType{DType::kI32, {}}));
  EXPECT_FALSE(store.step().trainable());
}

}  // namespace
}  // namespace sluice
