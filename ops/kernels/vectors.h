#ifndef SLUICE_OPS_KERNELS_VECTORS_H_
#define SLUICE_OPS_KERNELS_VECTORS_H_

#include <cstdint>

// Vectors of f32 as wide as the instruction set has them, by the compilers' vector types:
// arithmetic, comparisons and `mask ? a : b` are operators. A lane's result does not depend on
// other lanes.

// Of the loop that follows: it carries no dependence from element to element; and four rounds at
// once.
#if defined(__clang__)
#define SLUICE_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#define SLUICE_UNROLL _Pragma("clang loop unroll_count(4)")
#else
#define SLUICE_INDEPENDENT _Pragma("GCC ivdep")
#define SLUICE_UNROLL _Pragma("GCC unroll 4")
#endif

namespace sluice {
namespace SLUICE_KERNELS {
namespace {

#if defined(__AVX512F__)
inline constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
inline constexpr int kVectorBytes = 32;
#else
inline constexpr int kVectorBytes = 16;
#endif
inline constexpr int kVectorLanes = kVectorBytes / 4;

using Floats [[gnu::vector_size(kVectorBytes)]] = float;
using Integers [[gnu::vector_size(kVectorBytes)]] = int32_t;
using Words [[gnu::vector_size(kVectorBytes)]] = uint32_t;

#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
inline constexpr bool kHasFma = true;
#else
inline constexpr bool kHasFma = false;
#endif

template <typename To, typename From>
inline To BitCast(From from) {
  static_assert(sizeof(To) == sizeof(From));
  return __builtin_bit_cast(To, from);
}

inline Floats All(float number) { return Floats{} + number; }

template <typename Vector, typename Element>
inline Vector Load(const Element* from) {
  Vector vector;
  __builtin_memcpy(&vector, from, sizeof vector);
  return vector;
}
template <typename Vector, typename Element>
inline void Store(Vector vector, Element* to) {
  __builtin_memcpy(to, &vector, sizeof vector);
}

// a * b + c, rounded once where the instruction set can. Written for each lane, for there is no
// built-in of vectors: compilers make it one instruction.
inline Floats MultiplyAdd(Floats a, Floats b, Floats c) {
  if constexpr (!kHasFma) return a * b + c;
  Floats sum;
  for (int lane = 0; lane < kVectorLanes; ++lane) {
    sum[lane] = __builtin_fmaf(a[lane], b[lane], c[lane]);
  }
  return sum;
}
inline Floats MultiplyAdd(Floats a, Floats b, float c) { return MultiplyAdd(a, b, All(c)); }
inline Floats MultiplyAdd(Floats a, float b, Floats c) { return MultiplyAdd(a, All(b), c); }
inline Floats MultiplyAdd(Floats a, float b, float c) { return MultiplyAdd(a, All(b), All(c)); }

// Whether any lane of a comparison holds.
inline bool Any(Integers mask) {
  uint64_t words[kVectorBytes / 8];
  __builtin_memcpy(words, &mask, sizeof words);
  uint64_t any = 0;
  for (const uint64_t word : words) any |= word;
  return any != 0;
}

}  // namespace
}  // namespace SLUICE_KERNELS
}  // namespace sluice

#endif  // SLUICE_OPS_KERNELS_VECTORS_H_
