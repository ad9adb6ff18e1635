// Random f32 by Philox 4x32-10 (graph/random.h), many counters at a time.

#include <sluice/ops/kernels/kernel_table.h>
#include <sluice/ops/kernels/vector_math.h>

namespace sluice {
namespace SLUICE_KERNELS {
namespace {

struct Counter {
  uint32_t words[4];
};

template <int kRounds>
inline Counter Philox(Counter counter, uint32_t key0, uint32_t key1) {
  if constexpr (kRounds == 0) {
    return counter;
  } else {
    const uint32_t* words = counter.words;
    const uint64_t product0 = uint64_t{0xD2511F53} * words[0];
    const uint64_t product1 = uint64_t{0xCD9E8D57} * words[2];
    const Counter next = {
        {static_cast<uint32_t>(product1 >> 32) ^ words[1] ^ key0, static_cast<uint32_t>(product1),
         static_cast<uint32_t>(product0 >> 32) ^ words[3] ^ key1, static_cast<uint32_t>(product0)}};
    return Philox<kRounds - 1>(next, key0 + 0x9E3779B9, key1 + 0xBB67AE85);
  }
}

inline float Uniform(uint32_t word) {
  return static_cast<float>(static_cast<int32_t>(word >> 8)) * 0x1p-24F;
}

// The first kNumbers uniform numbers of each of n positions that agree in all but the low word.
template <int kNumbers>
void FillUniform(const RandomTask& task, uint64_t position, int64_t n, float* const* out) {
  const auto key0 = static_cast<uint32_t>(task.key);
  const auto key1 = static_cast<uint32_t>(task.key >> 32);
  const auto step0 = static_cast<uint32_t>(task.step);
  const auto step1 = static_cast<uint32_t>(task.step >> 32);
  const auto low = static_cast<uint32_t>(position);
  const auto high = static_cast<uint32_t>(position >> 32);
  float* first = out[0];
  float* second = out[kNumbers - 1];
  const auto count = static_cast<uint32_t>(n);
  SLUICE_INDEPENDENT
  for (uint32_t i = 0; i < count; ++i) {
    const Counter counter = Philox<10>({{low + i, high, step0, step1}}, key0, key1);
    first[i] = Uniform(counter.words[0]);
    if constexpr (kNumbers == 2) second[i] = Uniform(counter.words[1]);
  }
}

// Positions that are drawn at once: what multiples of it lie between agrees in the high word.
constexpr int64_t kBlock = 512;

// Calls body(position, place in the output, count) block by block.
template <typename Body>
void ForBlocks(const RandomTask& task, Body body) {
  int64_t count = 0;
  for (int64_t i = 0; i < task.n; i += count) {
    const uint64_t position = task.position + static_cast<uint64_t>(i);
    count = kBlock - static_cast<int64_t>(position % kBlock);
    if (count > task.n - i) count = task.n - i;
    body(position, task.output + i, count);
  }
}

void UniformNumbers(const RandomTask& task) {
  ForBlocks(task, [&](uint64_t position, float* out, int64_t count) {
    FillUniform<1>(task, position, count, &out);
  });
}

// Box-Muller: sqrt(-2 ln(1 - u)) cos(2 pi v); 1 - u keeps the logarithm's argument above zero. Of
// 4 v quarter turns, whole ones and rest are exact.
inline Floats Normal(Floats u, Floats v) {
  const Floats quarters = 4.0F * v;
  const Floats shifted = quarters + kRound;
  const Floats r = (quarters - (shifted - kRound)) * 1.57079632679489662F;
  const Floats cosine = SineOf({r, BitCast<Integers>(shifted) + 1});
  return OneSqrt(-2.0F * OneLog(1.0F - u)) * cosine;
}

void NormalNumbers(const RandomTask& task) {
  ForBlocks(task, [&](uint64_t position, float* out, int64_t count) {
    // Up to a whole vector; what is too much is not handed out.
    float u[kBlock + kVectorLanes];
    float v[kBlock + kVectorLanes];
    float* const numbers[] = {u, v};
    FillUniform<2>(task, position, (count + kVectorLanes - 1) / kVectorLanes * kVectorLanes,
                   numbers);
    int64_t i = 0;
    for (; i + kVectorLanes <= count; i += kVectorLanes) {
      Store(Normal(Load<Floats>(u + i), Load<Floats>(v + i)), out + i);
    }
    if (i == count) return;
    const Floats rest = Normal(Load<Floats>(u + i), Load<Floats>(v + i));
    __builtin_memcpy(out + i, &rest, (count - i) * sizeof(float));
  });
}

}  // namespace

void FillRandom(KernelTable& table) { table.random = {UniformNumbers, NormalNumbers}; }

}  // namespace SLUICE_KERNELS
}  // namespace sluice
