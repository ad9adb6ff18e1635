#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include <sluice/graph/tensor.h>

namespace sluice {
namespace {

TEST(Tensor, IsAlignedAndZeroed) {
  for (const int64_t size : {0, 1, 3, 16, 17, 1000}) {
    const Tensor tensor(DType::kF32, Shape{size});
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.raw()) % kBufferAlignment, 0) << size;
    for (const float value : tensor.values<float>()) EXPECT_EQ(value, 0);
  }
}

TEST(Tensor, WithoutArgumentsIsEmpty) {
  const Tensor tensor;
  EXPECT_EQ(tensor.elements(), 0);
  EXPECT_EQ(tensor.raw(), nullptr);
  EXPECT_TRUE(SameBits(tensor, Tensor(DType::kF32, Shape{0})));
  EXPECT_EQ(tensor.Clone().elements(), 0);
}

TEST(Tensor, CopiesShareTheBufferAndClonesDoNot) {
  Tensor tensor(Shape{2}, std::vector<float>{1, 2});
  Tensor copy = tensor;
  Tensor clone = tensor.Clone();
  tensor.data<float>()[0] = 5;
  EXPECT_EQ(copy.data<float>()[0], 5);
  EXPECT_EQ(clone.data<float>()[0], 1);
}

TEST(Tensor, ReshapedSharesTheBuffer) {
  Tensor tensor(Shape{2, 3}, std::vector<int32_t>{1, 2, 3, 4, 5, 6});
  const Tensor view = tensor.Reshaped({3, 2});
  EXPECT_EQ(view.shape(), (Shape{3, 2}));
  EXPECT_EQ(view.raw(), tensor.raw());
}

TEST(Tensor, CastTruncatesTowardsZero) {
  const Tensor tensor(Shape{4}, std::vector<double>{1.9, -1.9, 0.5, -0.5});
  const Tensor cast = tensor.Cast(DType::kI32);
  EXPECT_EQ(cast.dtype(), DType::kI32);
  EXPECT_EQ(cast.values<int32_t>(), (std::vector<int32_t>{1, -1, 0, 0}));
  EXPECT_EQ(tensor.Cast(DType::kF32).At(0), static_cast<double>(1.9F));
}

TEST(Tensor, ReadsAnyElementAsF64) {
  EXPECT_EQ(Tensor::Scalar<int32_t>(-7).At(0), -7);
  EXPECT_EQ(Tensor::Scalar(0.25).At(0), 0.25);
}

TEST(Tensor, TypeSaysDtypeAndShape) {
  EXPECT_EQ((TensorType{DType::kF64, {32, 128}}.ToString()), "f64 (32, 128)");
  EXPECT_EQ((TensorType{DType::kF64, {32, 128}}.bytes()), 32768);
}

TEST(SameBits, ComparesBitsAndTypes) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(SameBits(Tensor::Scalar(nan), Tensor::Scalar(nan)));
  EXPECT_FALSE(SameBits(Tensor::Scalar(0.0F), Tensor::Scalar(-0.0F)));
  EXPECT_FALSE(SameBits(Tensor::Scalar(0.0F), Tensor::Scalar<int32_t>(0)));
  EXPECT_FALSE(SameBits(Tensor(DType::kF32, {2, 3}), Tensor(DType::kF32, {3, 2})));
}

}  // namespace
}  // namespace sluice
