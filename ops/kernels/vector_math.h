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
extern const float kExpLow, kExpHigh, kSigmoidHigh, kTanhLow, kZero;

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

// The least difference to a limit in the order of bits, so below zero where |x| is beyond it or
// NaN.
inline Integers LeftTo(float limit, Floats x) {
  return BitCast<int32_t>(limit) - BitCast<Integers>(Magnitude(x));
}
template <int kCount>
inline bool AnyBeyond(float limit, Group<kCount> x) {
  Integers left = LeftTo(limit, x.part[0]);
  SLUICE_UNROLL
  for (int i = 1; i < kCount; ++i) left |= LeftTo(limit, x.part[i]);
  return AnyNegative(left);
}

// Up to this magnitude e^x and e^-x are normal numbers.
inline constexpr float kUsualExponent = 87.0F;

// e^x = 2^n e^r with n = round(x / ln 2); ln 2 in two parts keeps r exact.
struct PowerOfTwo {
  Floats shifted;  // n + bias in the low bits
  Floats r;
};
inline PowerOfTwo ReduceExponent(Floats x, float bias) {
  const Floats shifted = MultiplyAdd(x, kLog2E, kRound + bias);
  const Floats n = shifted - (kRound + bias);
  return {shifted, MultiplyAdd(n, -kLn2Low, MultiplyAdd(n, -kLn2High, x))};
}

// For |x| <= kUsualExponent: n is added to the exponent.
inline Floats UsualExp(Floats x) {
  const PowerOfTwo power = ReduceExponent(x, 0);
  return BitCast<Floats>(BitCast<Words>(ExpPolynomial(power.r)) +
                         (BitCast<Words>(power.shifted) << 23));
}
// The same bits there. The scale 2^n is applied in two halves, so that results among the denormals
// and next to the overflow come out right. The bias of both halves' exponents, 2 * 127, is part of
// the sum that rounds.
inline Floats AnyExp(Floats x) {
  const PowerOfTwo power = ReduceExponent(AtMost(kExpHigh, AtLeast(kExpLow, x)), 254);
  const Integers exponent = BitCast<Integers>(power.shifted);
  const Integers half = exponent >> 1;
  const Floats scale1 = BitCast<Floats>(half << 23);
  const Floats scale2 = BitCast<Floats>((exponent - half) << 23);
  return ExpPolynomial(power.r) * scale1 * scale2;
}
template <int kCount>
inline Group<kCount> exp(Group<kCount> x) {
  if (AnyBeyond(kUsualExponent, x)) return Map(x, AnyExp);
  return Map(x, UsualExp);
}

// e^(kFactor r) - 1 for |kFactor r| <= ln 2 / 2, kFactor 1 or 2; relative error 2^-26, and rounded
// once. Powers of r in pairs: fewer steps wait for each other.
template <int kFactor>
inline Floats Expm1Polynomial(Floats r) {
  constexpr float kSquare = kFactor * kFactor;
  const Floats square = r * r;
  const Floats high = MultiplyAdd(r, 1.391626312e-03F * kSquare * kSquare * kSquare,
                                  8.367118426e-03F * kSquare * kSquare * kFactor);
  const Floats low =
      MultiplyAdd(r, 4.166661575e-02F * kSquare * kSquare, 1.666653901e-01F * kSquare * kFactor);
  const Floats sum = MultiplyAdd(MultiplyAdd(square, high, low), r, 0.5F * kSquare);
  return MultiplyAdd(square, sum, kFactor == 1 ? r : r + r);
}

// Up to this magnitude 1 + 2^n is exact where e^x = 2^n e^r.
inline constexpr float kUsualSigmoid = 16.0F;

// 1 / (1 + e^-x) with e^-x = 2^n (1 + q), for |x| <= kUsualSigmoid.
inline Floats UsualSigmoid(Floats x) {
  const PowerOfTwo power = ReduceExponent(-x, 127);
  const Floats q = Expm1Polynomial<1>(power.r);
  const Floats scale = BitCast<Floats>(BitCast<Words>(power.shifted) << 23);
  return 1.0F / MultiplyAdd(scale, q, 1.0F + scale);
}
// For all: e^-x = 2^-n e^r and both sides of the fraction times 2^(n / 2): neither overflows, and
// denormal results are rounded once. With h = n + 2 * 127 in the low bits, h / 2 is the exponent of
// 2^(n / 2), and h / 2 - h + 2 * 127 that of 2^-(n / 2).
inline Floats AnySigmoid(Floats x) {
  const PowerOfTwo power = ReduceExponent(AtMost(kSigmoidHigh, AtLeast(kExpLow, x)), 254);
  const Words exponent = BitCast<Words>(power.shifted);
  const Words half = exponent >> 1;
  const Integers scale = BitCast<Integers>(half << 23);
  const Integers inverse = BitCast<Integers>(((half - exponent) << 23) + (254U << 23));
  // The largest part of the sum last: all but one rounding is of something small. Powers of two
  // are in the order of their bits.
  const Floats small = BitCast<Floats>(scale < inverse ? scale : inverse);
  const Floats large = BitCast<Floats>(scale > inverse ? scale : inverse);
  const Floats q = Expm1Polynomial<1>(-power.r);
  const Floats rest = MultiplyAdd(BitCast<Floats>(inverse), q, small);
  const Floats unusual = BitCast<Floats>(scale) / (large + rest);
  return LeftTo(kUsualSigmoid, x) < 0 ? unusual : UsualSigmoid(x);
}
template <int kCount>
inline Group<kCount> sigmoid(Group<kCount> x) {
  if (AnyBeyond(kUsualSigmoid, x)) return Map(x, AnySigmoid);
  return Map(x, UsualSigmoid);
}

// (1 - e) / (1 + e) with e = e^-2|x| = 2^n (1 + q): both sides from q, so that small x stay exact.
// One part of ln 2 is enough where it is rounded once, for large n make a small e. The sign is put
// back as a bit, so that -0 stays -0.
inline Floats OneTanh(Floats x) {
  const Floats clamped = AtMost(-kTanhLow, AtLeast(kTanhLow, x));
  const Floats minus = BitCast<Floats>(BitCast<Integers>(clamped) | INT32_MIN);
  const Floats shifted = MultiplyAdd(minus, 2 * kLog2E, kRound + 127);
  const Floats n = shifted - (kRound + 127);
  Floats r = MultiplyAdd(n, kHasFma ? -0.693147182F / 2 : -kLn2High / 2, minus);
  if constexpr (!kHasFma) r = MultiplyAdd(n, -kLn2Low / 2, r);
  const Floats q = Expm1Polynomial<2>(r);
  const Floats scale = BitCast<Floats>(BitCast<Integers>(shifted) << 23);
  const Floats result = MultiplyAdd(-scale, q, 1.0F - scale) / MultiplyAdd(scale, q, 1.0F + scale);
  return WithBits(result, SignBit(x));
}
template <int kCount>
inline Group<kCount> tanh(Group<kCount> x) {
  return Map(x, OneTanh);
}

// n ln 2 + ln(1 + f) for 1 + f in [sqrt(1/2), sqrt(2)); ln(1 + f) = 2 artanh(s), s = f / (2 + f).
inline Floats LogOf(Floats n, Floats f) {
  const Floats s = f / (2.0F + f);
  const Floats z = s * s;
  Floats series = All(2.987069488e-01F);
  series = MultiplyAdd(series, z, 3.997758627e-01F);
  series = MultiplyAdd(series, z, 6.666677594e-01F);
  // ln(1 + f) = f - f^2/2 + s (f^2/2 + z * series): the first term is exact, the rest small.
  const Floats half_square = 0.5F * f * f;
  const Floats tail = s * MultiplyAdd(z, series, half_square);
  const Floats low = MultiplyAdd(n, kLn2Low, tail) - half_square;
  return MultiplyAdd(n, kLn2High, f + low);
}

// x = 2^n m with m in [sqrt(1/2), sqrt(2)).
inline Floats OneLog(Floats x) {
  const Integers denormal = x < 1.17549435e-38F;
  const Floats scaled = denormal ? x * 8388608.0F : x;
  // Less the bits of sqrt(1/2); unsigned, for negative x would overflow.
  const Integers shifted = BitCast<Integers>(BitCast<Words>(scaled) - 0x3F3504F3U);
  const Floats m = BitCast<Floats>((shifted & 0x007FFFFF) + 0x3F3504F3);
  const Floats f = m - 1.0F;
  const Floats exponent =
      __builtin_convertvector(shifted >> 23, Floats) - (denormal ? All(23.0F) : Floats{});
  const Floats result = LogOf(exponent, f);
  const Floats positive = x == kInfinity ? x : result;
  const Floats not_negative = x == 0.0F ? All(-kInfinity) : positive;
  return x >= 0.0F ? not_negative : All(BitCast<float>(0x7FC00000));
}

template <int kCount>
inline Group<kCount> log(Group<kCount> x) {
  return Map(x, OneLog);
}

// ln(1 + x): the rounding error of 1 + x, to first order, is put back.
inline Floats OneLog1p(Floats x) {
  const Floats u = 1.0F + x;
  const Floats lost = u > 2.0F ? 1.0F - (u - x) : x - (u - 1.0F);
  const Floats log_u = OneLog(u);
  const Floats sum = log_u + lost / u;
  const Floats result = Magnitude(x) < 1e-8F ? x : sum;
  return u == kInfinity ? log_u : u == 0.0F ? log_u : result;
}
template <int kCount>
inline Group<kCount> log1p(Group<kCount> x) {
  return Map(x, OneLog1p);
}

// ln(1 + x) for x in [0, 1]: of (1 + x) / 2 where that is nearer to 1.
inline Floats Log1pOfPart(Floats x) {
  const Integers is_large = x > 0.414213562F;
  return LogOf(is_large ? All(1.0F) : Floats{}, is_large ? 0.5F * (x - 1.0F) : x);
}

template <int kCount>
inline Group<kCount> softplus(Group<kCount> x) {
  const auto minus = [](Floats part) {
    return BitCast<Floats>(BitCast<Integers>(part) | INT32_MIN);  // -|x|
  };
  return Map(x, exp(Map(x, minus)), [](Floats part, Floats e) {
    return (part < 0.0F ? Floats{} : part) + Log1pOfPart(e);
  });
}

// ---- Sine and cosine ----

// Up to here, three parts of pi / 2 keep the argument's remainder exact: the whole multiples have
// less than 17 bits. Beyond, and without fused multiply-adds, lanes go to the C library.
inline constexpr float kLargestAngle = 1e5F;

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

// `result`, but exact of the lanes beyond kLargestAngle, NaN among them.
template <float (*kExact)(float), int kCount>
inline Group<kCount> WithLargeAngles(Group<kCount> x, Group<kCount> result) {
  if (kHasFma && !AnyBeyond(kLargestAngle, x)) return result;
  for (int i = 0; i < kCount; ++i) {
    for (int lane = 0; lane < kVectorLanes; ++lane) {
      const float angle = x.part[i][lane];
      if (kHasFma && angle >= -kLargestAngle && angle <= kLargestAngle) continue;
      result.part[i][lane] = kExact(angle);
    }
  }
  return result;
}

template <int kCount>
inline Group<kCount> sin(Group<kCount> x) {
  return WithLargeAngles<::sinf>(x, Map(x, [](Floats part) {
                                   return WithBits(SineOf(ReduceAngle(Magnitude(part))),
                                                   SignBit(part));
                                 }));
}

template <int kCount>
inline Group<kCount> cos(Group<kCount> x) {
  return WithLargeAngles<::cosf>(x, Map(x, [](Floats part) {
                                   Angle angle = ReduceAngle(Magnitude(part));
                                   angle.quadrant += 1;
                                   return SineOf(angle);
                                 }));
}

// ---- Square root ----

inline Floats OneSqrt(Floats x) {
  for (int lane = 0; lane < kVectorLanes; ++lane) x[lane] = __builtin_sqrtf(x[lane]);
  return x;
}

#if defined(__AVX512F__)
// The same bits for x in [2^-100, infinity), from an approximation that is good for 14 bits: two
// rounds of Newton's, of sqrt(x) and 1 / (2 sqrt(x)) side by side, the last with the exact
// remainder.
inline Floats SqrtByNewton(Floats x) {
  const Floats inverse = InverseSqrt14(x);
  const Floats root = x * inverse;
  const Floats half = 0.5F * inverse;
  const Floats error = MultiplyAdd(-half, root, 0.5F);
  const Floats root2 = MultiplyAdd(root, error, root);
  const Floats half2 = MultiplyAdd(half, error, half);
  return MultiplyAdd(MultiplyAdd(-root2, root2, x), half2, root2);
}

// Half of the vectors by the unit that divides and takes roots, the others meanwhile by those that
// multiply.
inline Group<4> sqrt(Group<4> x) {
  const auto is_unusual = [](Floats part) {
    const Words bits = BitCast<Words>(part);
    return BitCast<Integers>((bits - BitCast<uint32_t>(0x1p-100F)) | (0x7F7FFFFFU - bits) | bits);
  };
  const Floats root0 = OneSqrt(x.part[0]);
  const Floats root1 = OneSqrt(x.part[1]);
  if (AnyNegative(is_unusual(x.part[2]) | is_unusual(x.part[3]))) {
    return {{root0, root1, OneSqrt(x.part[2]), OneSqrt(x.part[3])}};
  }
  return {{root0, root1, SqrtByNewton(x.part[2]), SqrtByNewton(x.part[3])}};
}
#endif
template <int kCount>
inline Group<kCount> sqrt(Group<kCount> x) {
  return Map(x, OneSqrt);
}

template <int kCount>
inline Group<kCount> pow(Group<kCount> x, Floats p) {
  return Map(x, [p](Floats part) {
    for (int lane = 0; lane < kVectorLanes; ++lane) part[lane] = ::powf(part[lane], p[lane]);
    return part;
  });
}

// ---- Comparisons ----

// 0 where x is below it. NaN passes, and -0.
template <int kCount>
inline Group<kCount> relu(Group<kCount> x) {
  return Map(x, [](Floats part) { return AtLeast(kZero, part); });
}
template <int kCount>
inline Group<kCount> abs(Group<kCount> x) {
  return Map(x, [](Floats part) { return Magnitude(part); });
}
// The larger one, a of equal ones; NaN of any.
template <int kCount>
inline Group<kCount> maximum(Group<kCount> a, Group<kCount> b) {
  return Map(a, b, [](Floats x, Floats y) {
    const Floats larger = y > x ? y : x;
    return y != y ? y : larger;
  });
}
template <int kCount>
inline Group<kCount> minimum(Group<kCount> a, Group<kCount> b) {
  return Map(a, b, [](Floats x, Floats y) {
    const Floats smaller = y < x ? y : x;
    return y != y ? y : smaller;
  });
}
template <typename T>
inline T relu(T x) {
  return x < T(0) ? T(0) : x;
}
inline double abs(double x) { return __builtin_fabs(x); }
inline int32_t abs(int32_t x) { return x < 0 ? -x : x; }
template <typename T>
inline T maximum(T a, T b) {
  return a < b || b != b ? b : a;
}
template <typename T>
inline T minimum(T a, T b) {
  return b < a || b != b ? b : a;
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
