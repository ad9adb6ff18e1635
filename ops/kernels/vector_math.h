#ifndef SLUICE_OPS_KERNELS_VECTOR_MATH_H_
#define SLUICE_OPS_KERNELS_VECTOR_MATH_H_

#include <cmath>
#include <cstdint>

// Scalar functions without branches, which compilers turn into vector code. Included by kernels
// only, inside a namespace of the instruction set. f64 goes to the C library: it serves checks,
// where exactness counts and speed does not.

namespace sluice {
namespace SLUICE_KERNELS {
namespace {

template <typename To, typename From>
inline To BitCast(From from) {
  static_assert(sizeof(To) == sizeof(From));
  return __builtin_bit_cast(To, from);
}

// a * b + c, rounded once where the instruction set can.
inline float MultiplyAdd(float a, float b, float c) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
  return __builtin_fmaf(a, b, c);
#else
  return a * b + c;
#endif
}

inline constexpr float kInfinity = __builtin_inff();

// e^r for |r| <= ln 2 / 2: the Taylor series up to r^7, whose rest is below 2^-28.
inline float ExpPolynomial(float r) {
  float sum = 1.0F / 5040;
  sum = MultiplyAdd(sum, r, 1.0F / 720);
  sum = MultiplyAdd(sum, r, 1.0F / 120);
  sum = MultiplyAdd(sum, r, 1.0F / 24);
  sum = MultiplyAdd(sum, r, 1.0F / 6);
  sum = MultiplyAdd(sum, r, 0.5F);
  sum = MultiplyAdd(sum, r, 1.0F);
  return MultiplyAdd(sum, r, 1.0F);
}

// e^x = 2^n e^r with n = round(x / ln 2); ln 2 in two parts keeps r exact. The scale 2^n is applied
// in two halves, so that results among the denormals and next to the overflow come out right.
inline float exp(float x) {
  const float clamped = x < -105.0F ? -105.0F : x > 90.0F ? 90.0F : x;  // NaN passes
  constexpr float kRound = 12582912.0F;                                 // 1.5 * 2^23
  const float shifted = MultiplyAdd(clamped, 1.44269504088896341F, kRound);
  const float n = shifted - kRound;
  float r = MultiplyAdd(n, -0.693145751953125F, clamped);
  r = MultiplyAdd(n, -1.42860682030941723e-6F, r);
  const int32_t exponent = BitCast<int32_t>(shifted) - BitCast<int32_t>(kRound);
  const int32_t half = exponent >> 1;
  const float scale1 = BitCast<float>((half + 127) << 23);
  const float scale2 = BitCast<float>((exponent - half + 127) << 23);
  return ExpPolynomial(r) * scale1 * scale2;
}

// ln x = n ln 2 + ln m with m in [sqrt(1/2), sqrt(2)); ln m from the series of 2 artanh((m - 1) /
// (m + 1)).
inline float log(float x) {
  const bool denormal = x < 1.17549435e-38F;
  const float scaled = denormal ? x * 8388608.0F : x;
  // Less the bits of sqrt(1/2); unsigned, for negative x would overflow.
  const auto shifted = static_cast<int32_t>(BitCast<uint32_t>(scaled) - 0x3F3504F3);
  const int32_t n = shifted >> 23;
  const float m = BitCast<float>((shifted & 0x007FFFFF) + 0x3F3504F3);
  const float f = m - 1.0F;
  const float s = f / (2.0F + f);
  const float z = s * s;
  float series = 2.0F / 11;
  series = MultiplyAdd(series, z, 2.0F / 9);
  series = MultiplyAdd(series, z, 2.0F / 7);
  series = MultiplyAdd(series, z, 2.0F / 5);
  series = MultiplyAdd(series, z, 2.0F / 3);
  // ln m = f - f^2/2 + s (f^2/2 + z * series): the first term is exact, the rest small.
  const float half_square = 0.5F * f * f;
  const float tail = s * MultiplyAdd(z, series, half_square);
  const float exponent = static_cast<float>(n) - (denormal ? 23.0F : 0.0F);
  const float low = MultiplyAdd(exponent, 1.42860682030941723e-6F, tail) - half_square;
  const float result = MultiplyAdd(exponent, 0.693145751953125F, f + low);
  const float positive = x == kInfinity ? x : result;
  const float not_negative = x == 0.0F ? -kInfinity : positive;
  return x < 0.0F || x != x ? BitCast<float>(0x7FC00000) : not_negative;
}

// ln(1 + x): the rounding error of 1 + x, to first order, is put back.
inline float log1p(float x) {
  const float u = 1.0F + x;
  const float lost = u > 2.0F ? 1.0F - (u - x) : x - (u - 1.0F);
  const float result = log(u) + lost / u;
  return u == kInfinity || u == 0.0F ? log(u) : (x > -1e-8F && x < 1e-8F ? x : result);
}

// With e = e^-|x|: 1 / (1 + e), or e / (1 + e) for negative x. Where e is small, e - e^2 / (1 + e)
// instead, which keeps the rounding of 1 + e out of the result.
inline float sigmoid(float x) {
  const float e = exp(x < 0.0F ? x : -x);  // never overflows
  const float quotient = (x < 0.0F ? e : 1.0F) / (1.0F + e);
  const float small = MultiplyAdd(-e, quotient, e);
  return x < 0.0F && e < 0.5F ? small : quotient;
}

inline float softplus(float x) {
  const float e = exp(x < 0.0F ? x : -x);
  return (x < 0.0F ? 0.0F : x) + log1p(e);
}

// Of |x|: near zero an odd polynomial (coefficients of Cephes' tanhf), elsewhere
// 1 - 2 / (e^2|x| + 1). The sign is put back as a bit, so that -0 stays -0.
inline float tanh(float x) {
  const uint32_t sign = BitCast<uint32_t>(x) & 0x80000000;
  const float magnitude = BitCast<float>(BitCast<uint32_t>(x) ^ sign);
  const float z = magnitude * magnitude;
  float p = -5.70498872745e-3F;
  p = MultiplyAdd(p, z, 2.06390887954e-2F);
  p = MultiplyAdd(p, z, -5.37397155531e-2F);
  p = MultiplyAdd(p, z, 1.33314422036e-1F);
  p = MultiplyAdd(p, z, -3.33332819422e-1F);
  const float near_zero = MultiplyAdd(p * z, magnitude, magnitude);
  const float far = 1.0F - 2.0F / (exp(2.0F * magnitude) + 1.0F);
  return BitCast<float>(BitCast<uint32_t>(magnitude < 0.625F ? near_zero : far) | sign);
}

inline float sqrt(float x) { return __builtin_sqrtf(x); }
inline float pow(float x, float p) { return ::powf(x, p); }
inline float cos(float x) { return ::cosf(x); }
inline float sin(float x) { return ::sinf(x); }

inline double exp(double x) { return ::exp(x); }
inline double log(double x) { return ::log(x); }
inline double log1p(double x) { return ::log1p(x); }
inline double tanh(double x) { return ::tanh(x); }
inline double sigmoid(double x) {
  const double e = ::exp(x < 0 ? x : -x);
  return (x < 0 ? e : 1) / (1 + e);
}
inline double softplus(double x) { return (x < 0 ? 0 : x) + ::log1p(::exp(x < 0 ? x : -x)); }
inline double sqrt(double x) { return ::sqrt(x); }
inline double pow(double x, double p) { return ::pow(x, p); }
inline double cos(double x) { return ::cos(x); }
inline double sin(double x) { return ::sin(x); }

}  // namespace
}  // namespace SLUICE_KERNELS
}  // namespace sluice

#endif  // SLUICE_OPS_KERNELS_VECTOR_MATH_H_
