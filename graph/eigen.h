#ifndef SLUICE_GRAPH_EIGEN_H_
#define SLUICE_GRAPH_EIGEN_H_

// The only header that includes Eigen.

#include <Eigen/Core>

#include <sluice/graph/tensor.h>

namespace sluice {

template <typename T>
using RowMajorMatrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <typename T>
using MatrixMap = Eigen::Map<RowMajorMatrix<T>, Eigen::Aligned64>;
template <typename T>
using ConstMatrixMap = Eigen::Map<const RowMajorMatrix<T>, Eigen::Aligned64>;

// Rows and columns that a shape has as a matrix: all axes but the last, and the last. A vector is
// one row, a scalar is (1, 1).
struct MatrixSize {
  Eigen::Index rows;
  Eigen::Index columns;
};
inline MatrixSize MatrixSizeOf(const Shape& shape) {
  Eigen::Index rows = 1;
  for (int axis = 0; axis + 1 < shape.rank(); ++axis) rows *= shape[axis];
  return {rows, shape.back(0)};
}

// The elements of a tensor as an Eigen matrix, in place. T must be the C++ type of its dtype; the
// tensor must outlive the map.
template <typename T>
MatrixMap<T> AsMatrix(Tensor& tensor) {
  const MatrixSize size = MatrixSizeOf(tensor.shape());
  return {tensor.data<T>(), size.rows, size.columns};
}
template <typename T>
ConstMatrixMap<T> AsMatrix(const Tensor& tensor) {
  const MatrixSize size = MatrixSizeOf(tensor.shape());
  return {tensor.data<T>(), size.rows, size.columns};
}
template <typename T>
ConstMatrixMap<T> AsMatrix(Tensor&&) = delete;

}  // namespace sluice

#endif  // SLUICE_GRAPH_EIGEN_H_
