#ifndef SLUICE_OPS_KERNELS_VECTORS_H_
#define SLUICE_OPS_KERNELS_VECTORS_H_

#include <cstdint>

// Vectors of f32 as wide as the instruction set has them, by the compilers' vector types:
// arithmetic, comparisons and `mask ? a : b` are operators. A lane's result does not depend on
// other lanes.

// Of the loop that follows: it carries no dependence from element to element; and all of its few
// rounds one after the other, without a loop.
#if defined(__clang__)
#define SLUICE_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#define SLUICE_UNROLL _Pragma("clang loop unroll(full)")
#else
#define SLUICE_INDEPENDENT _Pragma("GCC ivdep")
#define SLUICE_UNROLL _Pragma("GCC unroll 16")
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

#if defined(__AVX512F__)
// 1 / sqrt(x), relative error below 2^-14.
inline Floats InverseSqrt14(Floats x) { return __builtin_ia32_rsqrt14ps512_mask(x, x, -1); }
#endif

// Whether any lane is below zero, as those of a comparison that hold are.
template <typename Integer = int32_t, typename Vector>
inline bool AnyNegative(Vector numbers) {
  using Part [[gnu::vector_size(16)]] = Integer;
  Part parts[kVectorBytes / 16];
  __builtin_memcpy(parts, &numbers, sizeof parts);
  Part any = parts[0];
  SLUICE_UNROLL
  for (int i = 1; i < kVectorBytes / 16; ++i) any |= parts[i];
  Integer bits = 0;
  SLUICE_UNROLL
  for (int i = 0; i < static_cast<int>(16 / sizeof(Integer)); ++i) bits |= any[i];
  return bits < 0;
}

// Vectors that a function is computed of at once: its instructions wait for each other, and
// meanwhile those of the other vectors run.
template <int kCount>
struct Group {
  Floats part[kCount];
};

template <int kCount, typename F>
inline Group<kCount> Map(Group<kCount> x, F f) {
  Group<kCount> result;
  SLUICE_UNROLL
  for (int i = 0; i < kCount; ++i) result.part[i] = f(x.part[i]);
  return result;
}
template <int kCount, typename F>
inline Group<kCount> Map(Group<kCount> a, Group<kCount> b, F f) {
  Group<kCount> result;
  SLUICE_UNROLL
  for (int i = 0; i < kCount; ++i) result.part[i] = f(a.part[i], b.part[i]);
  return result;
}

template <int kCount>
inline Group<kCount> operator-(Group<kCount> x) {
  return Map(x, [](Floats part) { return -part; });
}
template <int kCount>
inline Group<kCount> operator+(Group<kCount> a, Group<kCount> b) {
  return Map(a, b, [](Floats x, Floats y) { return x + y; });
}
template <int kCount>
inline Group<kCount> operator-(Group<kCount> a, Group<kCount> b) {
  return Map(a, b, [](Floats x, Floats y) { return x - y; });
}
template <int kCount>
inline Group<kCount> operator*(Group<kCount> a, Group<kCount> b) {
  return Map(a, b, [](Floats x, Floats y) { return x * y; });
}
template <int kCount>
inline Group<kCount> operator/(Group<kCount> a, Group<kCount> b) {
  return Map(a, b, [](Floats x, Floats y) { return x / y; });
}

}  // namespace
}  // namespace SLUICE_KERNELS
}  // namespace sluice

#endif  // SLUICE_OPS_KERNELS_VECTORS_H_
