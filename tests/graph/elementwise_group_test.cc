#include <gtest/gtest.h>

#include <sluice/graph/elementwise_group.h>
#include <sluice/ops/elementwise.h>

#include "graph/tapes.h"

namespace sluice {
namespace {

// `full` with the axes whose bit is set in `mask` of size 1.
Shape BroadcastAxes(const Shape& full, int mask) {
  Shape shape = full;
  for (int axis = 0; axis < full.rank(); ++axis) {
    if ((mask >> axis & 1) != 0) shape = shape.With(axis, 1);
  }
  return shape;
}

// The element of a value of shape `from` that stands at row-major position `position` of `full`.
double ElementAt(const Tensor& tensor, const Shape& full, int64_t position) {
  const auto strides = RowMajorStrides(tensor.shape());
  int64_t index = 0;
  for (int axis = full.rank() - 1; axis >= 0; --axis) {
    if (tensor.shape()[axis] != 1) index += position % full[axis] * strides[axis];
    position /= full[axis];
  }
  return tensor.At(index);
}

// Numbers that sums and products of three of are exact.
Tensor SmallNumbers(DType dtype, const Shape& shape, int64_t step) {
  Tensor tensor(dtype, shape);
  for (int64_t i = 0; i < shape.elements(); ++i) {
    const int64_t number = (i * step + step) % 61 - 30;
    if (dtype == DType::kF32) tensor.data<float>()[i] = static_cast<float>(number);
    if (dtype == DType::kF64) tensor.data<double>()[i] = static_cast<double>(number);
    if (dtype == DType::kI32) tensor.data<int32_t>()[i] = static_cast<int32_t>(number);
  }
  return tensor;
}

// a * b + a, of which no axis of both is broadcast.
void ExpectGroupRight(DType dtype, const Shape& full, int mask_a, int mask_b) {
  const Tensor a = SmallNumbers(dtype, BroadcastAxes(full, mask_a), 7);
  const Tensor b = SmallNumbers(dtype, BroadcastAxes(full, mask_b), 11);
  Tape tape;
  const Value x = tape.Feed(a);
  const absl::StatusOr<std::vector<Tensor>> result = tape.Read({{x * tape.Feed(b) + x}});
  ASSERT_TRUE(result.ok()) << result.status();
  for (int64_t i = 0; i < full.elements(); ++i) {
    const double left = ElementAt(a, full, i);
    ASSERT_EQ(result->front().At(i), left * ElementAt(b, full, i) + left)
        << Name(dtype) << " " << a.shape().ToString() << " " << b.shape().ToString() << " at " << i;
  }
}

// Rows that share a tile, that fill one, and that take several; axes of every length.
TEST(ElementwiseGroup, BroadcastsAnyAxes) {
  for (const Shape& full : {Shape{3, 40, 28}, Shape{2, 3, 700}, Shape{50, 2, 3}, Shape{1, 300, 2},
                            Shape{2, 7, 64}, Shape{7, 1, 33}}) {
    for (int mask_a = 0; mask_a < 8; ++mask_a) {
      for (int mask_b = 0; mask_b < 8; ++mask_b) {
        if ((mask_a & mask_b) != 0) continue;
        for (const DType dtype : {DType::kF32, DType::kF64, DType::kI32}) {
          ExpectGroupRight(dtype, full, mask_a, mask_b);
        }
      }
    }
  }
}

}  // namespace
}  // namespace sluice
