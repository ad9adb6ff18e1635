// Compiled once for each instruction set, with SLUICE_LIMITS as the namespace (CMakeLists.txt).

#include <cstring>
#include <utility>

#include <sluice/bench/limit_kernels.h>

#if defined(__AVX__)
#include <immintrin.h>
#endif

namespace sluice::SLUICE_LIMITS {
namespace {

#if defined(__AVX512F__)
constexpr int kBytes = 64;
#elif defined(__AVX__)
constexpr int kBytes = 32;
#else
constexpr int kBytes = 16;
#endif
constexpr int kLanes = kBytes / 4;
typedef float Vector __attribute__((vector_size(kBytes)));

// Independent chains of multiply-adds: enough to fill any processor's pipelines, few enough to stay
// in its registers.
constexpr int kChains = 12;

template <int... I>
float MultiplyAddChains(int64_t rounds, std::integer_sequence<int, I...> /*chains*/) {
  // Chains that begin alike would be computed once, and one that begins with 1 not at all: it stays
  // as it is.
  Vector sums[] = {(Vector{} + 1.0F / (2 + I))...};
  const Vector factor = Vector{} + 0.5F;
  for (int64_t round = 0; round < rounds; ++round) {
    ((sums[I] = sums[I] * factor + factor), ...);
  }
  return (sums[I][0] + ...);
}

float MultiplyAdd(int64_t rounds) {
  return MultiplyAddChains(rounds, std::make_integer_sequence<int, kChains>());
}

Vector Load(const float* from) {
  Vector vector;
  std::memcpy(&vector, from, kBytes);
  return vector;
}

template <bool kAroundCaches>
void Store(float* to, Vector vector) {
  if constexpr (kAroundCaches) {
#if defined(__AVX512F__)
    return _mm512_stream_ps(to, vector);
#elif defined(__AVX__)
    return _mm256_stream_ps(to, vector);
#endif
  }
  std::memcpy(to, &vector, kBytes);
}

// In four streams at once, a cache line of each in turn: one stream alone is slower.
template <int... I>
float ReadAll(const float* from, int64_t count, std::integer_sequence<int, I...> /*vectors*/) {
  constexpr int kOfLine = 16 / kLanes;
  const int64_t quarter = count / 4;
  Vector sums[] = {(Vector{} + static_cast<float>(I))...};
  for (int64_t i = 0; i < quarter; i += 16) {
    ((sums[I] += Load(from + I / kOfLine * quarter + i + I % kOfLine * kLanes)), ...);
  }
  return (sums[I][0] + ...);
}

float Read(const float* from, int64_t count) {
  return ReadAll(from, count, std::make_integer_sequence<int, 64 / kLanes>());
}

template <bool kAroundCaches>
void WriteAll(float* to, int64_t count) {
  const Vector ones = Vector{} + 1.0F;
  for (int64_t i = 0; i < count; i += kLanes) Store<kAroundCaches>(to + i, ones);
}

void Write(float* to, int64_t count, bool around_caches) {
  around_caches ? WriteAll<true>(to, count) : WriteAll<false>(to, count);
}

template <bool kAroundCaches>
void CopyAll(const float* from, float* to, int64_t count) {
  for (int64_t i = 0; i < count; i += kLanes) Store<kAroundCaches>(to + i, Load(from + i));
}

void Copy(const float* from, float* to, int64_t count, bool around_caches) {
  around_caches ? CopyAll<true>(from, to, count) : CopyAll<false>(from, to, count);
}

}  // namespace

LimitKernels Kernels() { return {MultiplyAdd, 2.0 * kChains * kLanes, Read, Write, Copy}; }

}  // namespace sluice::SLUICE_LIMITS
