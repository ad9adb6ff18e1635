#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/ops/composed.h>

#include "graph/tapes.h"

namespace sluice {
namespace {

using ::testing::ElementsAre;

// "chain 3-7: 4 rows, product", "side by side 3-4", "group 3 4 5, internal 3 4": in order, with
// node ids.
std::vector<std::string> Text(const Stages& stages) {
  std::vector<std::string> lines;
  for (const Stage& stage : stages.stages) {
    lines.push_back(
        absl::StrCat(stage.is_chain() ? "chain " : "side by side ", stage.first, "-", stage.last));
    if (stage.is_chain()) absl::StrAppend(&lines.back(), ": ", stage.rows, " rows");
    if (stage.has_product) absl::StrAppend(&lines.back(), ", product");
  }
  for (const Group& group : stages.groups) {
    lines.push_back(absl::StrCat("group ", absl::StrJoin(group.members, " ")));
    std::string internal;
    for (const NodeId id : group.members) {
      if (stages.internal[id]) absl::StrAppend(&internal, " ", id);
    }
    if (!internal.empty()) absl::StrAppend(&lines.back(), ", internal", internal);
  }
  return lines;
}

class FindStagesTest : public ::testing::Test {
 protected:
  Value Feed(const Shape& shape) { return tape_.Feed(RandomFloats(shape, ++feeds_)); }
  std::vector<std::string> TextOf(const std::vector<Value>& fetches) {
    return Text(FindStages(GraphOf(tape_, fetches)));
  }

  VariableStore store_;
  Tape tape_;
  uint64_t feeds_ = 0;
};

// ---- Chains ----

TEST_F(FindStagesTest, ChainsKernelsOfAsManyRows) {
  const Value x = Feed({4, 3}), w = Feed({3, 3});
  const Value h = Tanh(MatMul(x, w));  // 2, 3
  const Value y = MatMul(h, w);        // 4
  EXPECT_THAT(TextOf({y}), ElementsAre("chain 2-4: 4 rows, product"));
}

TEST_F(FindStagesTest, ChainsRowsOfAnyRank) {
  const Value x = Feed({2, 3, 5}), w = Feed({5, 7});
  const int last[] = {-1};
  const Value product = MatMul(x, w);     // 2
  const Value sums = Sum(product, last);  // 3: a list, (2, 3)
  const Value column = Reshape(sums, {6, 1});
  const Value rows = Reshape(x, {6, 5});  // 5
  const Value y = Exp(column) * rows;     // 6, 7
  EXPECT_THAT(TextOf({y}), ElementsAre("chain 2-7: 6 rows, product"));
}

TEST_F(FindStagesTest, EndsAChainWhereOtherRowsAreRead) {
  const Value x = Feed({3, 3}), w = Feed({3, 3});
  const Value h = MatMul(x, w);  // 2
  const Value a = Tanh(h);       // 3
  const Value y = MatMul(w, a);  // 4 reads all rows of 3
  const Value z = Tanh(y);       // 5
  EXPECT_THAT(TextOf({z}), ElementsAre("chain 2-3: 3 rows, product", "chain 4-5: 3 rows, product"));
}

TEST_F(FindStagesTest, EndsAChainWhereAPartOfAValueIsRead) {
  const Value x = Feed({6, 3}), w = Feed({3, 3});
  const Value h = Exp(x);                                 // 2: 6 rows of 3
  const Value a = Tanh(h);                                // 3
  const Value part = Reshape(Slice(a, 0, 0, 4), {6, 2});  // 4, 5: six other rows
  const Value y = Exp(part);                              // 6
  const Value z = Tanh(y);                                // 7
  const Value p = MatMul(a, w);                           // 8
  EXPECT_THAT(TextOf({z, p}), ElementsAre("chain 2-3: 6 rows", "chain 6-8: 6 rows, product",
                                          "group 2 3, internal 2", "group 6 7, internal 6"));
}

TEST_F(FindStagesTest, EndsAChainAtOtherRowsAndAtOtherKernels) {
  const Value x = Feed({4, 3}), y = Feed({5, 3});
  const Value a = Exp(x);                // 2
  const Value b = Tanh(a);               // 3
  const Value c = Exp(y);                // 4
  const Value d = Tanh(c);               // 5
  const Value e = Transpose(d, {1, 0});  // 6
  const Value f = Exp(e);                // 7
  EXPECT_THAT(TextOf({b, f}), ElementsAre("chain 2-3: 4 rows", "chain 4-5: 5 rows",
                                          "group 2 3, internal 2", "group 4 5, internal 4"));
}

TEST_F(FindStagesTest, ChainsNothingOfOneRow) {
  const Value x = Feed({1, 3}), w = Feed({3, 3});
  const Value y = Tanh(MatMul(Exp(x), w));
  EXPECT_THAT(TextOf({y}), ElementsAre());
}

TEST_F(FindStagesTest, LeavesProductsOfManyRowsToAllThreads) {
  const Value w = Feed({3, 3});
  for (const int64_t rows : {512, 513}) {
    const Value y = Tanh(MatMul(Feed({rows, 3}), w));
    const std::vector<std::string> text = Text(FindStages(DropUnused(GraphOf(tape_, {y}))));
    if (rows == 512) {
      EXPECT_THAT(text, ElementsAre("chain 2-3: 512 rows, product"));
    } else {
      EXPECT_THAT(text, ElementsAre());
    }
  }
}

// Operands beyond the caches are for the columns of several threads, unless there are many rows.
TEST_F(FindStagesTest, ChainsNoLargeOperandsForFewRows) {
  const Value small = Feed({1000, 1000});
  const Value large = Feed({1000, 1100});
  const auto text = [&](int64_t rows, Value w) {
    const Value y = Tanh(MatMul(Feed({rows, 1000}), w));
    return Text(FindStages(DropUnused(GraphOf(tape_, {y}))));
  };
  EXPECT_THAT(text(47, small), ElementsAre("chain 2-3: 47 rows, product"));
  EXPECT_THAT(text(47, large), ElementsAre());
  EXPECT_THAT(text(48, large), ElementsAre("chain 2-3: 48 rows, product"));
}

TEST_F(FindStagesTest, CountsAnOperandOnceHoweverManyProductsReadIt) {
  const Value w = Feed({900, 900});
  Value h = Feed({4, 900});
  for (int i = 0; i < 3; ++i) h = MatMul(h, w);
  EXPECT_THAT(TextOf({h}), ElementsAre("chain 2-4: 4 rows, product"));
  const Value v = Feed({900, 900});
  EXPECT_THAT(Text(FindStages(DropUnused(GraphOf(tape_, {MatMul(h, v)})))), ElementsAre());
}

// ---- Side by side ----

TEST_F(FindStagesTest, RunsKernelsSideBySideThatDoNotReadEachOther) {
  const Value x = Feed({4, 3}), y = Feed({3, 2});
  const Value a = Transpose(x, {1, 0});  // 2
  const Value b = Transpose(y, {1, 0});  // 3
  const Value c = Sum(y);                // 4
  const Value d = Transpose(a, {1, 0});  // 5 reads 2
  const Value e = Max(x);                // 6
  EXPECT_THAT(TextOf({b, c, d, e}), ElementsAre("side by side 2-4", "side by side 5-6"));
}

TEST_F(FindStagesTest, SeesWhatIsReadThroughViews) {
  const Value x = Feed({4, 3}), y = Feed({3, 2});
  const Value a = Transpose(x, {1, 0});                  // 2
  const Value b = Sum(y);                                // 3
  const Value c = Transpose(Slice(a, 0, 0, 2), {1, 0});  // 5, by 4
  EXPECT_THAT(TextOf({b, c}), ElementsAre("side by side 2-3"));
}

TEST_F(FindStagesTest, RunsNoWriteBesideOthers) {
  Variable& a = store_.root().Fixed("a", {2, 3});
  const Value x = Feed({3, 2});
  tape_.Write(a, Transpose(x, {1, 0}));
  const Value y = Sum(x);
  EXPECT_THAT(TextOf({y}), ElementsAre());
}

// ---- Groups ----

TEST_F(FindStagesTest, GroupsElementwiseOpsOfOneShape) {
  const Value x = Feed({1, 3}), row = Feed({3});
  const Value a = Exp(x);   // 2
  const Value b = a * row;  // 3: broadcast into
  const Value c = Tanh(b);  // 4
  EXPECT_THAT(TextOf({c}), ElementsAre("group 2 3 4, internal 2 3"));
}

TEST_F(FindStagesTest, KeepsMemoryForWhatOthersRead) {
  const Value x = Feed({1, 3}), w = Feed({3, 3});
  const Value a = Exp(x);     // 2: read by a product
  const Value b = Sin(a);     // 3: fetched
  const Value c = Cos(b);     // 4: read through a view
  const Value d = Negate(c);  // 5
  const Value e = Tanh(d);    // 6
  const Value p = MatMul(a, w);
  const Value view = Reshape(c, {3});
  EXPECT_THAT(TextOf({b, e, p, view})[0], "group 2 3 4 5 6, internal 5");
}

TEST_F(FindStagesTest, GroupsNoOtherShapesAndNothingAlone) {
  const Value x = Feed({1, 3}), y = Feed({1, 4}), w = Feed({3, 3});
  const Value a = Exp(x);        // 3
  const Value b = Exp(y);        // 4
  const Value c = Tanh(y);       // 5
  const Value p = MatMul(a, w);  // 6
  const Value d = Tanh(y * 2);   // 8, 9
  EXPECT_THAT(TextOf({b, c, p, d}), ElementsAre("group 4 5", "group 8 9, internal 8"));
}

// Tile by tile, only the tile's own positions are there.
TEST_F(FindStagesTest, GroupsNobodyWhoReadsAMemberThroughAView) {
  const Value x = Feed({1, 6});
  const Value a = Exp(x);                                 // 1
  const Value b = Tanh(a);                                // 2
  const Value c = Sin(Reshape(Reshape(b, {6}), {1, 6}));  // 5
  const Value d = Cos(c);                                 // 6
  EXPECT_THAT(TextOf({d}), ElementsAre("group 1 2, internal 1", "group 5 6, internal 5"));
}

TEST_F(FindStagesTest, GroupsNoMoreThanTheyCanHold) {
  Value x = Feed({1, 6});
  for (int i = 0; i < 66; ++i) x = Tanh(x);
  const Stages stages = FindStages(GraphOf(tape_, {x}));
  ASSERT_EQ(stages.groups.size(), 2U);
  EXPECT_EQ(stages.groups[0].members.size(), 64U);
  EXPECT_EQ(stages.groups[1].members.size(), 2U);
  EXPECT_FALSE(stages.internal[64]) << "the next group reads it";
}

TEST_F(FindStagesTest, GroupsNothingWithoutElements) {
  const Value x = tape_.Feed(Tensor(DType::kF32, {1, 0}));
  EXPECT_THAT(TextOf({Tanh(Exp(x))}), ElementsAre());
}

TEST_F(FindStagesTest, GroupsOnlyWithinAStage) {
  const Value x = Feed({4, 3}), y = Feed({3});
  const Value a = Exp(x);      // 2
  const Value b = Tanh(a);     // 3
  const Value c = Sum(y);      // 4
  const Value d = Sin(b);      // 5
  const Value e = Cos(d) * c;  // 6, 7
  EXPECT_THAT(TextOf({e}), ElementsAre("chain 2-3: 4 rows", "chain 5-7: 4 rows",
                                       "group 2 3, internal 2", "group 5 6 7, internal 5 6"));
}

}  // namespace
}  // namespace sluice
