#ifndef SLUICE_OPS_KERNELS_VECTOR_MATH_H_
#define SLUICE_OPS_KERNELS_VECTOR_MATH_H_

#include <cmath>
#include <cstdint>

#include <sluice/ops/kernels/vectors.h>

// Functions of vectors of f32, without branches but for arguments that hardly occur. Included by
// kernels only, inside a namespace of the instruction set. f64 goes to the C library: it serves
// checks, where exactness counts and speed does not.
//
// Coefficients and constants in parts are printed by make_polynomials.py. Errors of each function:
// tests/ops/vector_math_test.cc measures them.

namespace sluice {
namespace SLUICE_KERNELS {

// Bounds of arguments, defined in vector_math.cc where compilers do not see them here: a comparison
// with a known number gcc turns into masks, of two slow instructions, instead of a minimum.
extern const float kExpLow, kExpHigh, kSigmoidHigh, kTanhLow;

namespace {

inline constexpr float kInfinity = __builtin_inff();
inline constexpr float kLog2E = 1.44269504088896341F;
// Added to a float below 2^22 and taken away again, rounds it to a whole number, which then stands
// in the low bits of the sum.
inline constexpr float kRound = 12582912.0F;  // 1.5 * 2^23
// ln 2 in two parts. Products of the first with numbers of up to 12 bits are exact, for instruction
// sets that round them before they add.
inline constexpr float kLn2High = 0.693145751953125F;
inline constexpr float kLn2Low = 1.42860682030941723e-6F;

// The limit where x is beyond it; NaN passes.
inline Floats AtMost(float limit, Floats x) {
  const Floats limits = All(limit);
  return limits < x ? limits : x;
}
inline Floats AtLeast(float limit, Floats x) {
  const Floats limits = All(limit);
  return limits > x ? limits : x;
}

inline Floats Magnitude(Floats x) { return BitCast<Floats>(BitCast<Integers>(x) & 0x7FFFFFFF); }
inline Integers SignBit(Floats x) { return BitCast<Integers>(x) & INT32_MIN; }
inline Floats WithBits(Floats x, Integers bits) {
  return BitCast<Floats>(BitCast<Integers>(x) ^ bits);
}

// e^r for |r| <= ln 2 / 2; relative error 2^-28.
inline Floats ExpPolynomial(Floats r) {
  Floats sum = All(1.383673982e-03F);
  sum = MultiplyAdd(sum, r, 8.369141258e-03F);
  sum = MultiplyAdd(sum, r, 4.166810587e-02F);
  sum = MultiplyAdd(sum, r, 1.666651666e-01F);
  sum = MultiplyAdd(sum, r, 4.999999404e-01F);
  sum = MultiplyAdd(sum, r, 1.0F);
  return MultiplyAdd(sum, r, 1.0F);
}

// e^x = 2^n e^r with n = round(x / ln 2); ln 2 in two parts keeps r exact. The scale 2^n is applied
// in two halves, so that results among the denormals and next to the overflow come out right. The
// bias of both halves' exponents, 2 * 127, is part of the sum that rounds.
inline Floats exp(Floats x) {
  const Floats clamped = AtMost(kExpHigh, AtLeast(kExpLow, x));
  const Floats shifted = MultiplyAdd(clamped, kLog2E, kRound + 254);
  const Floats n = shifted - (kRound + 254);
  Floats r = MultiplyAdd(n, -kLn2High, clamped);
  r = MultiplyAdd(n, -kLn2Low, r);
  const Integers exponent = BitCast<Integers>(shifted);
  const Integers half = exponent >> 1;
  const Floats scale1 = BitCast<Floats>(half << 23);
  const Floats scale2 = BitCast<Floats>((exponent - half) << 23);
  return ExpPolynomial(r) * scale1 * scale2;
}

// e^r - 1 for |r| <= ln 2 / 2; relative error 2^-26, and rounded once.
inline Floats Expm1Polynomial(Floats r) {
  Floats sum = All(1.391626312e-03F);
  sum = MultiplyAdd(sum, r, 8.367118426e-03F);
  sum = MultiplyAdd(sum, r, 4.166661575e-02F);
  sum = MultiplyAdd(sum, r, 1.666653901e-01F);
  sum = MultiplyAdd(sum, r, 5.000000000e-01F);
  return MultiplyAdd(r * r, sum, r);
}

// 1 / (1 + e^-x) with e^-x = 2^-n e^r, both sides of the fraction times 2^(n / 2): neither
// overflows, and denormal results are rounded once. With h = n + 2 * 127 in the low bits, h / 2 is
// the exponent of 2^(n / 2), and h / 2 - h + 2 * 127 that of 2^-(n / 2).
inline Floats sigmoid(Floats x) {
  const Floats clamped = AtMost(kSigmoidHigh, AtLeast(kExpLow, x));
  const Floats shifted = MultiplyAdd(clamped, kLog2E, kRound + 254);
  const Floats n = shifted - (kRound + 254);
  Floats r = MultiplyAdd(n, kLn2High, -clamped);
  r = MultiplyAdd(n, kLn2Low, r);
  const Words exponent = BitCast<Words>(shifted);
  const Words half = exponent >> 1;
  const Integers scale = BitCast<Integers>(half << 23);
  const Integers inverse = BitCast<Integers>(((half - exponent) << 23) + (254U << 23));
  // The largest part of the sum last: all but one rounding is of something small. Powers of two
  // are in the order of their bits.
  const Floats small = BitCast<Floats>(scale < inverse ? scale : inverse);
  const Floats large = BitCast<Floats>(scale > inverse ? scale : inverse);
  const Floats rest = MultiplyAdd(BitCast<Floats>(inverse), Expm1Polynomial(r), small);
  return BitCast<Floats>(scale) / (large + rest);
}

// (1 - e) / (1 + e) with e = e^-2|x| = 2^n (1 + q): both sides from q, so that small x stay exact.
// One part of ln 2 is enough where it is rounded once, for large n make a small e. The sign is put
// back as a bit, so that -0 stays -0.
inline Floats tanh(Floats x) {
  const Floats minus = BitCast<Floats>(BitCast<Integers>(x) | INT32_MIN);
  const Floats twice = AtLeast(kTanhLow, minus + minus);
  const Floats shifted = MultiplyAdd(twice, kLog2E, kRound + 127);
  const Floats n = shifted - (kRound + 127);
  Floats r = MultiplyAdd(n, kHasFma ? -0.693147182F : -kLn2High, twice);
  if constexpr (!kHasFma) r = MultiplyAdd(n, -kLn2Low, r);
  const Floats q = Expm1Polynomial(r);
  const Floats scale = BitCast<Floats>(BitCast<Integers>(shifted) << 23);
  const Floats result = MultiplyAdd(-scale, q, 1.0F - scale) / MultiplyAdd(scale, q, 1.0F + scale);
  return WithBits(result, SignBit(x));
}

// ln x = n ln 2 + ln m with m = 1 + f in [sqrt(1/2), sqrt(2)); ln m = 2 artanh(s), s = f / (2 + f).
inline Floats log(Floats x) {
  const Integers denormal = x < 1.17549435e-38F;
  const Floats scaled = denormal ? x * 8388608.0F : x;
  // Less the bits of sqrt(1/2); unsigned, for negative x would overflow.
  const Integers shifted = BitCast<Integers>(BitCast<Words>(scaled) - 0x3F3504F3U);
  const Floats m = BitCast<Floats>((shifted & 0x007FFFFF) + 0x3F3504F3);
  const Floats f = m - 1.0F;
  const Floats s = f / (2.0F + f);
  const Floats z = s * s;
  Floats series = All(2.987069488e-01F);
  series = MultiplyAdd(series, z, 3.997758627e-01F);
  series = MultiplyAdd(series, z, 6.666677594e-01F);
  // ln m = f - f^2/2 + s (f^2/2 + z * series): the first term is exact, the rest small.
  const Floats half_square = 0.5F * f * f;
  const Floats tail = s * MultiplyAdd(z, series, half_square);
  const Floats exponent =
      __builtin_convertvector(shifted >> 23, Floats) - (denormal ? All(23.0F) : Floats{});
  const Floats low = MultiplyAdd(exponent, kLn2Low, tail) - half_square;
  const Floats result = MultiplyAdd(exponent, kLn2High, f + low);
  const Floats positive = x == kInfinity ? x : result;
  const Floats not_negative = x == 0.0F ? All(-kInfinity) : positive;
  return x >= 0.0F ? not_negative : All(BitCast<float>(0x7FC00000));
}

// ln(1 + x): the rounding error of 1 + x, to first order, is put back.
inline Floats log1p(Floats x) {
  const Floats u = 1.0F + x;
  const Floats lost = u > 2.0F ? 1.0F - (u - x) : x - (u - 1.0F);
  const Floats log_u = log(u);
  const Floats sum = log_u + lost / u;
  const Floats result = Magnitude(x) < 1e-8F ? x : sum;
  return u == kInfinity ? log_u : u == 0.0F ? log_u : result;
}

inline Floats softplus(Floats x) {
  const Floats e = exp(BitCast<Floats>(BitCast<Integers>(x) | INT32_MIN));  // e^-|x|
  return (x < 0.0F ? Floats{} : x) + log1p(e);
}

// ---- Sine and cosine ----

// Up to here, three parts of pi / 2 keep the argument's remainder exact: the whole multiples have
// less than 17 bits. Beyond, and without fused multiply-adds, lanes go to the C library.
inline constexpr float kLargestAngle = kHasFma ? 1e5F : -1.0F;

struct Angle {
  Floats r;           // in [-pi/4, pi/4]
  Integers quadrant;  // magnitude = quadrant * pi/2 + r
};

inline Angle ReduceAngle(Floats magnitude) {
  const Floats shifted = MultiplyAdd(magnitude, 0.636619772367581343F, kRound);
  const Floats n = shifted - kRound;
  Floats r = MultiplyAdd(n, -1.570796371e+00F, magnitude);
  r = MultiplyAdd(n, 4.371138829e-08F, r);
  r = MultiplyAdd(n, 1.715124510e-15F, r);
  return {r, BitCast<Integers>(shifted)};
}

// sin(quadrant * pi/2 + r).
inline Floats SineOf(Angle angle) {
  const Floats r = angle.r;
  const Floats z = r * r;
  Floats sine = All(-1.951789745e-04F);
  sine = MultiplyAdd(sine, z, 8.332187310e-03F);
  sine = MultiplyAdd(sine, z, -1.666665524e-01F);
  sine = MultiplyAdd(sine * z, r, r);
  Floats cosine = All(2.443232734e-05F);
  cosine = MultiplyAdd(cosine, z, -1.388730947e-03F);
  cosine = MultiplyAdd(cosine, z, 4.166664556e-02F);
  cosine = MultiplyAdd(cosine, z, -0.5F);
  cosine = MultiplyAdd(cosine, z, 1.0F);
  const Integers odd = (angle.quadrant & 1) != 0;
  return WithBits(odd ? cosine : sine, (angle.quadrant & 2) << 30);
}

// `result`, but `exact` of the lanes beyond kLargestAngle, NaN among them.
template <float (*kExact)(float)>
inline Floats WithLargeAngles(Floats x, Floats magnitude, Floats result) {
  const Integers is_small = magnitude <= kLargestAngle;
  if (!Any(~is_small)) return result;
  for (int lane = 0; lane < kVectorLanes; ++lane) {
    if (is_small[lane] == 0) result[lane] = kExact(x[lane]);
  }
  return result;
}

inline Floats sin(Floats x) {
  const Floats magnitude = Magnitude(x);
  const Floats result = WithBits(SineOf(ReduceAngle(magnitude)), SignBit(x));
  return WithLargeAngles<::sinf>(x, magnitude, result);
}

inline Floats cos(Floats x) {
  const Floats magnitude = Magnitude(x);
  Angle angle = ReduceAngle(magnitude);
  angle.quadrant += 1;
  return WithLargeAngles<::cosf>(x, magnitude, SineOf(angle));
}

inline Floats sqrt(Floats x) {
  for (int lane = 0; lane < kVectorLanes; ++lane) x[lane] = __builtin_sqrtf(x[lane]);
  return x;
}
inline Floats pow(Floats x, Floats p) {
  for (int lane = 0; lane < kVectorLanes; ++lane) x[lane] = ::powf(x[lane], p[lane]);
  return x;
}

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
