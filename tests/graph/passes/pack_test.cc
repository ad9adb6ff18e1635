#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/ops/composed.h>

#include "graph/tapes.h"

namespace sluice {
namespace {

using ::testing::ElementsAre;

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

// Of whole vectors of columns, with at most eight rows in all.
TEST(PackOperands, LeavesAnOperandOfFewRowsAsItIs) {
  Tape tape;
  const Value weights = tape.Feed(RandomFloats({4, 64}, 1));
  const Value x = tape.Feed(RandomFloats({5, 4}, 2));
  const Value y = tape.Feed(RandomFloats({3, 4}, 3));
  const Value z = tape.Feed(RandomFloats({1, 4}, 4));
  const auto after = [&](const std::vector<Value>& fetches) {
    return Listing(ShareEqual(PackOperands(ShareEqual(GraphOf(tape, fetches)))).nodes);
  };
  EXPECT_THAT(
      after({MatMul(x, weights), MatMul(y, weights)}),
      ElementsAre("0 feed", "1 feed", "2 feed", "3 packed_matmul 1 0", "4 packed_matmul 2 0"));
  EXPECT_THAT(after({MatMul(x, weights), MatMul(y, weights), MatMul(z, weights)}),
              ::testing::Contains("4 pack 0"));
  const Value odd = tape.Feed(RandomFloats({4, 63}, 5));
  EXPECT_THAT(after({MatMul(z, odd)}), ::testing::Contains("2 pack 1"));
  const Value g = tape.Feed(RandomFloats({2, 64}, 6));
  EXPECT_THAT(after({MatMul(g, weights, {.transpose_right = true})}),
              ::testing::Contains("2 pack 0"));
}

// A row has the same bits whether its operand is packed or not.
TEST(PackOperands, GivesTheSameBitsForFewRowsAndForMany) {
  for (const int64_t columns : {16, 48, 64, 80, 112, 256}) {
    for (const int64_t rows : {1, 2, 3, 7, 8}) {
      SCOPED_TRACE(::testing::Message() << rows << " rows, " << columns << " columns");
      const Tensor many = RandomFloats({40, 70}, 1);
      const Tensor few(Shape{rows, 70}, many.values<float>().first(rows * 70));
      const auto product = [&](const Tensor& left) {
        Tape tape;
        const Value weights = tape.Feed(RandomFloats({70, columns}, 2));
        const Value bias = tape.Feed(RandomFloats({columns}, 3));
        return tape.Read({MatMul(tape.Feed(left), weights) + bias}).value().front();
      };
      const Tensor whole = product(many);
      EXPECT_EQ(product(few).values<float>(), whole.values<float>().first(rows * columns));
    }
  }
}

// It packs it part by part for itself.
TEST(PackOperands, LeavesAnOperandToItsOnlyProductOfManyRows) {
  Tape tape;
  const Value weights = tape.Feed(RandomFloats({4, 3}, 1));
  const Value x = tape.Feed(RandomFloats({513, 4}, 2));
  const Value g = tape.Feed(RandomFloats({513, 3}, 3));
  const Value few = tape.Feed(RandomFloats({512, 4}, 4));
  const auto after = [&](const std::vector<Value>& fetches) {
    return Listing(ShareEqual(PackOperands(ShareEqual(GraphOf(tape, fetches)))).nodes);
  };
  // Transposed it is another operand.
  const Value back = MatMul(g, weights, {.transpose_right = true});
  EXPECT_THAT(
      after({MatMul(x, weights), back}),
      ElementsAre("0 feed", "1 feed", "2 feed", "3 packed_matmul 2 0", "4 packed_matmul 1 0"));
  EXPECT_THAT(after({MatMul(x, weights), MatMul(few, weights)}), ::testing::Contains("3 pack 0"));
  EXPECT_THAT(after({MatMul(few, weights)}), ::testing::Contains("2 pack 0"));
}

// Every remainder of panels and of parts of k, both layouts, with and without something to start
// from: the bits of a product of few rows, whose operand is packed as a whole.
TEST(PackOperands, GivesTheSameBitsForPartsOfAnOperand) {
  for (const DType dtype : {DType::kF32, DType::kF64}) {
    for (const int64_t inner : {1, 70, 769, 1600}) {
      for (const int64_t columns : {1, 24, 47, 49, 330}) {
        for (const bool transposed : {false, true}) {
          SCOPED_TRACE(::testing::Message() << Name(dtype) << " (" << inner << ", " << columns
                                            << ")" << (transposed ? " transposed" : ""));
          const Tensor many = RandomFloats({520, inner}, 1).Cast(dtype);
          const Shape shape = transposed ? Shape{columns, inner} : Shape{inner, columns};
          const Tensor right = RandomFloats(shape, 2).Cast(dtype);
          const Tensor bias = RandomFloats({columns}, 3).Cast(dtype);
          const auto product = [&](int64_t rows) {
            Tape tape;
            const Value left = Slice(tape.Feed(many), 0, 0, rows);
            const Value y = MatMul(left, tape.Feed(right), {.transpose_right = transposed});
            return tape.Read({y + tape.Feed(bias), y}).value();
          };
          const std::vector<Tensor> whole = product(520);
          const std::vector<Tensor> few = product(9);
          for (size_t i = 0; i < few.size(); ++i) {
            for (int64_t at = 0; at < few[i].elements(); ++at) {
              ASSERT_EQ(few[i].At(at), whole[i].At(at)) << "fetch " << i << ", element " << at;
            }
          }
        }
      }
    }
  }
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

}  // namespace
}  // namespace sluice
