#ifndef SLUICE_GRAPH_DTYPE_H_
#define SLUICE_GRAPH_DTYPE_H_

#include <cstdint>

#include <absl/strings/string_view.h>

namespace sluice {

// Element type of a tensor. Ids (tokens, row numbers) are i32; everything differentiable is f32 or
// f64.
enum class DType : uint8_t { kF32, kF64, kI32 };

// The id that stands for "no target" in what a model is to predict: padding.
inline constexpr int32_t kIgnoredTarget = -1;

constexpr int64_t BytesPerElement(DType dtype) { return dtype == DType::kF64 ? 8 : 4; }
constexpr bool IsFloat(DType dtype) { return dtype != DType::kI32; }

constexpr absl::string_view Name(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "f32";
    case DType::kF64:
      return "f64";
    case DType::kI32:
      return "i32";
  }
  return "?";
}

template <typename T>
struct DTypeOf;
template <>
struct DTypeOf<float> {
  static constexpr DType kValue = DType::kF32;
};
template <>
struct DTypeOf<double> {
  static constexpr DType kValue = DType::kF64;
};
template <>
struct DTypeOf<int32_t> {
  static constexpr DType kValue = DType::kI32;
};
template <typename T>
inline constexpr DType kDTypeOf = DTypeOf<T>::kValue;

}  // namespace sluice

#endif  // SLUICE_GRAPH_DTYPE_H_
