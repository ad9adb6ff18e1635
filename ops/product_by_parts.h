#ifndef SLUICE_OPS_PRODUCT_BY_PARTS_H_
#define SLUICE_OPS_PRODUCT_BY_PARTS_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include <sluice/graph/dtype.h>
#include <sluice/ops/kernels/kernel_table.h>

namespace sluice {

inline const ProductKernels& KernelsFor(DType dtype) {
  return Kernels().product[static_cast<int>(dtype)];
}

// Memory of one call, at a multiple of 64. (aligned_alloc of some libraries does not find the room
// of the call before again.)
class Scratch {
 public:
  explicit Scratch(int64_t bytes) : memory_(new std::byte[bytes + 64]) {}
  std::byte* data() const {
    return memory_.get() + (64 - reinterpret_cast<uintptr_t>(memory_.get()) % 64) % 64;
  }

 private:
  std::unique_ptr<std::byte[]> memory_;
};

// The right-hand operand as a matrix in memory that is not packed.
struct RightMatrix {
  const void* data;
  MatrixLayout layout;
};

// Computes what `task` says with an operand that is packed part by part: some panels, and of those
// the rows that stay in the cache.
class ProductByParts {
 public:
  ProductByParts(const RightMatrix& right, int64_t k, DType dtype);

  void Run(const ProductTask& task);

 private:
  int64_t PanelBytes() const { return depth_ * kernels_.panel_columns * bytes_; }

  void RunPart(const ProductTask& whole, int64_t p, int64_t k, int64_t panel, int64_t panels);

  const RightMatrix right_;
  const ProductKernels& kernels_;
  const int64_t bytes_;   // of an element
  const int64_t depth_;   // rows of a part
  const int64_t panels_;  // of a part
  const Scratch scratch_;
};

}  // namespace sluice

#endif  // SLUICE_OPS_PRODUCT_BY_PARTS_H_
