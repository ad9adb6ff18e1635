#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/graph/gradients.h>
#include <sluice/layers/linear.h>
#include <sluice/ops/composed.h>

#include "layers/cells_under_test.h"
#include "support/read.h"

namespace sluice::testing {
namespace {

using ::testing::ElementsAre;

TEST(Linear, MultipliesAndAdds) {
  VariableStore variables;
  const Linear linear(variables.root() / "read_out", 2, 3);
  variables.Find("read_out/weights")->value() =
      Tensor(Shape{2, 3}, std::vector<float>{1, 2, 3, 10, 20, 30});
  variables.Find("read_out/bias")->value() = Tensor(Shape{3}, std::vector<float>{0.5, 0.25, 0.125});
  Tape tape;
  const Tensor x(Shape{2, 1, 2}, std::vector<float>{1, 2, 0, -1});
  const Tensor y = MustRead(linear(tape.Feed(x)));
  EXPECT_EQ(y.shape(), (Shape{2, 1, 3}));
  EXPECT_THAT(y.values<float>(), ElementsAre(21.5, 42.25, 63.125, -9.5, -19.75, -29.875));
}

TEST(Linear, StartsAsAskedForAndByDefaultWithGlorotAndZeros) {
  VariableStore variables;
  const Linear standard(variables.root() / "standard", 100, 50);
  const Tensor& weights = variables.Find("standard/weights")->value();
  for (int64_t i = 0; i < weights.elements(); ++i) EXPECT_LE(std::abs(weights.At(i)), 0.2F);
  EXPECT_THAT(variables.Find("standard/bias")->value().values<float>(), ::testing::Each(0));

  const Linear other(variables.root() / "other", 2, 1,
                     {.weights = ConstantInitializer(3), .bias = ConstantInitializer(-1)});
  EXPECT_THAT(variables.Find("other/weights")->value().values<float>(), ElementsAre(3, 3));
  EXPECT_THAT(variables.Find("other/bias")->value().values<float>(), ElementsAre(-1));
}

TEST(Linear, CanDoWithoutABias) {
  VariableStore variables;
  const Linear linear(variables.root() / "projection", 2, 2,
                      {.weights = IdentityInitializer(2), .has_bias = false});
  EXPECT_EQ(variables.parameters(), 4);
  EXPECT_EQ(variables.Find("projection/bias"), nullptr);
  Tape tape;
  const Tensor y = MustRead(linear(tape.Feed(Tensor(Shape{1, 2}, std::vector<float>{3, -4}))));
  EXPECT_THAT(y.values<float>(), ElementsAre(6, -8));
}

TEST(Linear, NamesItsScopeInErrors) {
  VariableStore variables;
  const Linear linear(variables.root() / "read_out", 4, 5);
  Tape tape;
  const Value y = linear(tape.Feed({DType::kF32, {2, 3}}, "x"));
  EXPECT_FALSE(y.valid());
  EXPECT_EQ(tape.status().message(),
            "matmul: inner sizes differ: left is (2, 3), right is (4, 5); in read_out");
}

TEST(Embedding, GivesRowsOfItsTable) {
  VariableStore variables;
  const Embedding embed(variables.root() / "embedding", 3, 2);
  variables.Find("embedding/table")->value() =
      Tensor(Shape{3, 2}, std::vector<float>{1, 2, 3, 4, 5, 6});
  Tape tape;
  const Tensor rows =
      MustRead(embed(tape.Feed(Tensor(Shape{2, 2}, std::vector<int32_t>{2, 0, 0, 1}))));
  EXPECT_EQ(rows.shape(), (Shape{2, 2, 2}));
  EXPECT_THAT(rows.values<float>(), ElementsAre(5, 6, 1, 2, 1, 2, 3, 4));
}

TEST(Embedding, ReadsOutWithItsOwnTableTransposed) {
  VariableStore variables;
  const Embedding embed(variables.root() / "embedding", 3, 2);
  variables.Find("embedding/table")->value() =
      Tensor(Shape{3, 2}, std::vector<float>{1, 2, 3, 4, 5, 6});
  Tape tape;
  const Value h = tape.Feed(Tensor(Shape{1, 1, 2}, std::vector<float>{10, 1}));
  const Value logits = embed.ReadOut(h);
  Variable* bias = variables.Find("embedding/read_out_bias");
  ASSERT_NE(bias, nullptr);
  EXPECT_THAT(bias->value().values<float>(), ElementsAre(0, 0, 0));
  bias->value() = Tensor(Shape{3}, std::vector<float>{0.5, 0, -1});
  EXPECT_EQ(logits.shape(), (Shape{1, 1, 3}));
  EXPECT_THAT(MustRead(logits).values<float>(), ElementsAre(12.5, 34, 55));
}

TEST(Embedding, GetsItsGradientFromBothSides) {
  VariableStore variables({.dtype = DType::kF64});
  const Embedding tied(variables.root() / "tied", 5, 3);
  const Embedding in(variables.root() / "in", 5, 3);
  const Embedding out(variables.root() / "out", 5, 3);
  Variable& table = *variables.Find("tied/table");
  variables.Find("in/table")->value() = table.value().Clone();
  variables.Find("out/table")->value() = table.value().Clone();
  Tape tape;
  const Value ids = tape.Feed(Tensor(Shape{2, 2}, std::vector<int32_t>{4, 1, 1, 0}));
  const Value targets = tape.Feed(Tensor(Shape{2, 2}, std::vector<int32_t>{1, 3, 0, 2}));
  const Value tied_loss = CrossEntropy(tied.ReadOut(Tanh(tied(ids))), targets);
  const Value free_loss = CrossEntropy(out.ReadOut(Tanh(in(ids))), targets);
  const std::vector<Variable*> tied_table = {&table};
  const std::vector<Variable*> free_tables = {variables.Find("in/table"),
                                              variables.Find("out/table")};
  const Value both = Gradients(tied_loss, absl::MakeConstSpan(tied_table))[0];
  const std::vector<Value> each = Gradients(free_loss, absl::MakeConstSpan(free_tables));
  const auto read = tape.Read({both, each[0], each[1]});
  ASSERT_TRUE(read.ok()) << read.status();
  for (int64_t i = 0; i < 15; ++i) {
    EXPECT_NEAR((*read)[0].At(i), (*read)[1].At(i) + (*read)[2].At(i), 1e-15);
    // Neither side alone is all of it, but for ids that are not read.
    EXPECT_NE((*read)[2].At(i), 0);
  }
  EXPECT_NE((*read)[1].At(3), 0) << "id 1 is read";
  EXPECT_EQ((*read)[1].At(6), 0) << "id 2 is not";
}

}  // namespace
}  // namespace sluice::testing
