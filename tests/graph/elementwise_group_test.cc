#include <gtest/gtest.h>

#include <sluice/graph/elementwise_group.h>
#include <sluice/ops/elementwise.h>

#include "graph/tapes.h"
#include "support/read.h"

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

// y = a + b, z = y - a, both in memory: z reads y. Streamed results have the same bits, and nothing
// else is written, wherever a piece begins and memory lies.
void ExpectSameStreamed(DType dtype, const Shape& full, const Shape& of_b, int64_t begin,
                        int64_t end) {
  const Tensor a = SmallNumbers(dtype, full, 7);
  const Tensor b = SmallNumbers(dtype, of_b, 11);
  const Attributes none;
  const TensorType type = a.type();
  using Call = ElementwiseGroup::Call;
  const Call calls[] = {{.op = OpRegistry::Global().Find("add"),
                         .attributes = &none,
                         .inputs = {{0, type}, {1, b.type()}},
                         .output = 2,
                         .type = type},
                        {.op = OpRegistry::Global().Find("subtract"),
                         .attributes = &none,
                         .inputs = {{2, type}, {0, type}},
                         .output = 3,
                         .type = type}};
  Tensor results[2][2];
  for (const bool streamed : {false, true}) {
    const ElementwiseGroup group(calls, streamed ? 0 : int64_t{1} << 40);
    ASSERT_EQ(group.is_streamed(), streamed);
    for (Tensor& result : results[streamed]) result = SmallNumbers(dtype, full, 13);
    std::vector<void*> memory;
    for (const NodeId id : group.externals()) {
      memory.push_back(const_cast<void*>(id == 0   ? a.raw()
                                         : id == 1 ? b.raw()
                                                   : results[streamed][id - 2].raw()));
    }
    group.RunElements(memory, begin, end);
  }
  for (int result = 0; result < 2; ++result) {
    EXPECT_TRUE(SameBits(results[0][result], results[1][result]))
        << "result " << result << " of " << full.ToString() << " and " << of_b.ToString();
  }
}

TEST(ElementwiseGroup, StreamsTheSameBits) {
  const DType dtype = DType::kF64;
  for (const int64_t size : {2, 7, 64, 257, 5000}) {
    ExpectSameStreamed(dtype, {size}, {size}, 0, size);
    ExpectSameStreamed(dtype, {size}, {size}, size / 3, size);
    ExpectSameStreamed(dtype, {3, size}, {size}, 0, 3 * size);
    ExpectSameStreamed(dtype, {3, size}, {3, 1}, size / 2, 3 * size - 1);
    ExpectSameStreamed(dtype, {size, 5}, {5}, 0, 5 * size);
    ExpectSameStreamed(dtype, {size, 5}, {size, 1}, 3, 5 * size - 1);
  }
}

TEST(ElementwiseGroup, MayWriteOverItsInput) {
  for (const int64_t size : {64, 5001}) {
    Tensor x = SmallNumbers(DType::kF32, {size}, 7);
    const Tensor before = x.Cast(DType::kF64);
    const Attributes none;
    const ElementwiseGroup::Call call{.op = OpRegistry::Global().Find("add"),
                                      .attributes = &none,
                                      .inputs = {{0, x.type()}, {1, x.type()}},
                                      .output = 2,
                                      .type = x.type()};
    const ElementwiseGroup group({&call, 1}, 0);
    void* memory[] = {x.raw(), x.raw(), x.raw()};
    group.Run(memory);
    for (int64_t i = 0; i < size; ++i) ASSERT_EQ(x.At(i), 2 * before.At(i));
  }
}

}  // namespace
}  // namespace sluice
