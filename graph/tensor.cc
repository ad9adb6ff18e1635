#include <cstdlib>
#include <cstring>
#include <new>

#include <absl/strings/str_cat.h>

#include <sluice/graph/tensor.h>

namespace sluice {
namespace {

// Calls `f` with a typed pointer to the elements of `tensor`.
template <typename F>
auto Visit(const Tensor& tensor, F f) {
  switch (tensor.dtype()) {
    case DType::kF32:
      return f(tensor.data<float>());
    case DType::kF64:
      return f(tensor.data<double>());
    case DType::kI32:
      break;
  }
  return f(tensor.data<int32_t>());
}

template <typename To>
Tensor CastTo(const Tensor& from) {
  Tensor to(kDTypeOf<To>, from.shape());
  Visit(from, [&](const auto* data) {
    for (int64_t i = 0; i < from.elements(); ++i) to.data<To>()[i] = static_cast<To>(data[i]);
  });
  return to;
}

}  // namespace

std::string TensorType::ToString() const {
  return absl::StrCat(Name(dtype), " ", shape.ToString());
}

std::shared_ptr<std::byte> AllocateBuffer(int64_t bytes) {
  const size_t rounded =
      (static_cast<size_t>(bytes) + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment;
  void* memory = std::aligned_alloc(kBufferAlignment, rounded == 0 ? kBufferAlignment : rounded);
  if (memory == nullptr) throw std::bad_alloc();
  std::memset(memory, 0, rounded);
  return {static_cast<std::byte*>(memory), [](std::byte* p) { std::free(p); }};
}

Tensor::Tensor(TensorType type) : type_(type), buffer_(AllocateBuffer(type.bytes())) {}

double Tensor::At(int64_t position) const {
  return Visit(*this, [position](const auto* data) { return static_cast<double>(data[position]); });
}

Tensor Tensor::Clone() const {
  Tensor copy(type_);
  if (bytes() > 0) std::memcpy(copy.raw(), raw(), bytes());
  return copy;
}

Tensor Tensor::Cast(DType dtype) const {
  switch (dtype) {
    case DType::kF32:
      return CastTo<float>(*this);
    case DType::kF64:
      return CastTo<double>(*this);
    case DType::kI32:
      break;
  }
  return CastTo<int32_t>(*this);
}

Tensor Tensor::Reshaped(const Shape& shape) const {
  assert(shape.elements() == elements());
  Tensor view = *this;
  view.type_.shape = shape;
  return view;
}

bool SameBits(const Tensor& a, const Tensor& b) {
  return a.type() == b.type() && (a.bytes() == 0 || std::memcmp(a.raw(), b.raw(), a.bytes()) == 0);
}

}  // namespace sluice
