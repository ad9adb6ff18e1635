#ifndef SLUICE_GRAPH_TENSOR_H_
#define SLUICE_GRAPH_TENSOR_H_

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <absl/types/span.h>

#include <sluice/graph/dtype.h>
#include <sluice/graph/shape.h>

namespace sluice {

// Alignment of every buffer, in bytes: one cache line and one AVX-512 register.
inline constexpr int64_t kBufferAlignment = 64;

// Dtype and shape: all that is known of a value while it is recorded.
struct TensorType {
  DType dtype = DType::kF32;
  Shape shape;

  int64_t bytes() const { return shape.elements() * BytesPerElement(dtype); }
  // "f32 (32, 128)"
  std::string ToString() const;
  friend bool operator==(const TensorType& a, const TensorType& b) {
    return a.dtype == b.dtype && a.shape == b.shape;
  }
};

// Numbers in memory, row-major, 64-byte aligned. Copies share the buffer; `Clone()` does not.
class Tensor {
 public:
  // An empty tensor: no buffer, shape (0).
  Tensor() : type_{DType::kF32, Shape{0}} {}
  // All zeros.
  explicit Tensor(TensorType type);
  Tensor(DType dtype, const Shape& shape) : Tensor(TensorType{dtype, shape}) {}
  // One row-major copy of `values`, whose number must be the number of elements of `shape`.
  template <typename T>
  Tensor(const Shape& shape, absl::Span<const T> values) : Tensor(kDTypeOf<T>, shape) {
    assert(static_cast<int64_t>(values.size()) == elements());
    std::copy(values.begin(), values.end(), data<T>());
  }
  template <typename T>
  Tensor(const Shape& shape, const std::vector<T>& values)
      : Tensor(shape, absl::MakeConstSpan(values)) {}
  template <typename T>
  static Tensor Scalar(T value) {
    return Tensor(Shape{}, std::vector<T>{value});
  }

  const TensorType& type() const { return type_; }
  DType dtype() const { return type_.dtype; }
  const Shape& shape() const { return type_.shape; }
  int64_t elements() const { return type_.shape.elements(); }
  int64_t bytes() const { return type_.bytes(); }

  void* raw() { return buffer_.get(); }
  const void* raw() const { return buffer_.get(); }
  // The elements; T must be the C++ type of `dtype()`.
  template <typename T>
  T* data() {
    assert(dtype() == kDTypeOf<T>);
    return reinterpret_cast<T*>(buffer_.get());
  }
  template <typename T>
  const T* data() const {
    assert(dtype() == kDTypeOf<T>);
    return reinterpret_cast<const T*>(buffer_.get());
  }
  template <typename T>
  absl::Span<T> values() {
    return {data<T>(), static_cast<size_t>(elements())};
  }
  template <typename T>
  absl::Span<const T> values() const {
    return {data<T>(), static_cast<size_t>(elements())};
  }
  // Any element, by row-major position, as f64.
  double At(int64_t position) const;

  Tensor Clone() const;
  // A copy in another dtype; floats turn to i32 by truncation towards zero.
  Tensor Cast(DType dtype) const;
  // The same buffer under another shape of as many elements.
  Tensor Reshaped(const Shape& shape) const;

 private:
  TensorType type_;
  std::shared_ptr<std::byte> buffer_;
};

// A zeroed buffer of `bytes`, aligned to kBufferAlignment.
std::shared_ptr<std::byte> AllocateBuffer(int64_t bytes);

// Same dtype, same shape and the same bytes: two NaNs of equal pattern are the same, 0 and -0 are
// not.
bool SameBits(const Tensor& a, const Tensor& b);

}  // namespace sluice

#endif  // SLUICE_GRAPH_TENSOR_H_
