#include <gtest/gtest.h>

#include <sluice/graph/eigen.h>

namespace sluice {
namespace {

TEST(AsMatrix, HasTheLastAxisAsColumns) {
  const Tensor tensor(Shape{2, 2, 3}, std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  const auto matrix = AsMatrix<float>(tensor);
  EXPECT_EQ(matrix.rows(), 4);
  EXPECT_EQ(matrix.cols(), 3);
  EXPECT_EQ(matrix(2, 1), 7);
}

TEST(AsMatrix, WritesToTheTensor) {
  Tensor tensor(DType::kF64, Shape{2, 2});
  AsMatrix<double>(tensor)(1, 0) = 3;
  AsMatrix<double>(tensor) *= 2;
  EXPECT_EQ(tensor.At(2), 6);
}

TEST(AsMatrix, OfAVectorIsOneRow) {
  Tensor vector(DType::kI32, Shape{5});
  EXPECT_EQ(AsMatrix<int32_t>(vector).rows(), 1);
  EXPECT_EQ(AsMatrix<int32_t>(vector).cols(), 5);
  Tensor scalar(DType::kI32, Shape{});
  EXPECT_EQ(AsMatrix<int32_t>(scalar).size(), 1);
}

TEST(AsMatrix, OfNoElementsIsEmpty) {
  Tensor tensor(DType::kF32, Shape{3, 0});
  EXPECT_EQ(AsMatrix<float>(tensor).rows(), 3);
  EXPECT_EQ(AsMatrix<float>(tensor).size(), 0);
}

}  // namespace
}  // namespace sluice
