#include <gtest/gtest.h>

#include <sluice/graph/shape.h>
#include <sluice/graph/tape.h>

namespace sluice {
namespace {

TEST(Shape, KnowsItsSizes) {
  const Shape shape{2, 3, 4};
  EXPECT_EQ(shape.rank(), 3);
  EXPECT_EQ(shape.elements(), 24);
  EXPECT_EQ(shape.back(0), 4);
  EXPECT_EQ(shape.back(2), 2);
  EXPECT_EQ(shape.back(3), 1);
  EXPECT_EQ(shape.ToString(), "(2, 3, 4)");
  EXPECT_EQ(shape.With(1, 7), (Shape{2, 7, 4}));
}

TEST(Shape, OfNoAxesIsAScalar) {
  EXPECT_EQ(Shape().elements(), 1);
  EXPECT_EQ(Shape().ToString(), "()");
  EXPECT_TRUE(Shape().valid());
}

TEST(Shape, WithAnEmptyAxisHasNoElements) { EXPECT_EQ((Shape{3, 0, 2}).elements(), 0); }

TEST(Shape, SaysWhyItIsNotValid) {
  const Shape long_one{1, 2, 3, 4, 5};
  EXPECT_FALSE(long_one.valid());
  EXPECT_EQ(long_one.ToString(), "(too many axes)");
  const Shape negative{1, -2};
  EXPECT_FALSE(negative.valid());
  EXPECT_EQ(negative.ToString(), "(negative size)");
}

TEST(Shape, DiffersByRank) {
  EXPECT_NE(Shape{}, Shape{0});
  EXPECT_NE((Shape{2}), (Shape{2, 0}));
}

TEST(Broadcast, AlignsAtTheInnermostAxis) {
  EXPECT_EQ(*BroadcastShapes({5, 4, 3}, {4, 1}), (Shape{5, 4, 3}));
  EXPECT_EQ(*BroadcastShapes({3}, {2, 3}), (Shape{2, 3}));
  EXPECT_EQ(*BroadcastShapes({}, {2, 3}), (Shape{2, 3}));
  EXPECT_EQ(*BroadcastShapes({1, 3}, {2, 1}), (Shape{2, 3}));
}

TEST(Broadcast, OfAnEmptyAxisIsEmpty) {
  EXPECT_EQ(*BroadcastShapes({0, 3}, {1, 3}), (Shape{0, 3}));
  EXPECT_FALSE(BroadcastShapes({0}, {2}).ok());
}

TEST(Broadcast, NamesBothShapesInItsError) {
  const absl::Status status = BroadcastShapes({32, 128}, {64}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "shapes (32, 128) and (64) do not broadcast");
}

TEST(Broadcast, ToAShapeNeverShrinks) {
  EXPECT_TRUE(BroadcastsTo({4, 1}, {5, 4, 3}));
  EXPECT_TRUE(BroadcastsTo({4, 3}, {4, 3}));
  EXPECT_FALSE(BroadcastsTo({5, 4, 3}, {4, 3}));
  EXPECT_FALSE(BroadcastsTo({4, 3}, {4, 1}));
}

TEST(Strides, AreRowMajor) {
  const auto strides = RowMajorStrides({2, 3, 4});
  EXPECT_EQ(strides[0], 12);
  EXPECT_EQ(strides[1], 4);
  EXPECT_EQ(strides[2], 1);
}

TEST(Tape, RejectsShapesThatAreNotValid) {
  Tape feed_tape;
  feed_tape.Feed({DType::kF32, {1, 1, 1, 1, 1}}, "x");
  EXPECT_EQ(feed_tape.status().message(), "feed x: shape (too many axes) is not valid");
  Tape constant_tape;
  constant_tape.Constant(1, DType::kF32, {-1});
  EXPECT_EQ(constant_tape.status().message(), "constant: shape (negative size) is not valid");
}

}  // namespace
}  // namespace sluice
