#ifndef SLUICE_GRAPH_RANDOM_H_
#define SLUICE_GRAPH_RANDOM_H_

#include <array>
#include <cstdint>
#include <vector>

#include <absl/strings/string_view.h>

namespace sluice {

// Counter-based randomness: a number is a pure function of (seed, name, step, position), so adding
// a consumer shifts nobody else's numbers, and any part can be drawn in parallel. Philox 4x32 with
// 10 rounds: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011).
using RandomKey = uint64_t;

RandomKey MakeRandomKey(uint64_t seed, absl::string_view name);

// A hash that is the same in every process and version (FNV-1a, 64 bit).
uint64_t Fingerprint(absl::string_view bytes);

// Four independent 32-bit words for one counter value. `inline` because kernels call it in their
// loops.
inline std::array<uint32_t, 4> Philox(RandomKey key, uint64_t step, uint64_t position) {
  std::array<uint32_t, 4> counter = {
      static_cast<uint32_t>(position), static_cast<uint32_t>(position >> 32),
      static_cast<uint32_t>(step), static_cast<uint32_t>(step >> 32)};
  uint32_t key0 = static_cast<uint32_t>(key);
  uint32_t key1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = uint64_t{0xD2511F53} * counter[0];
    const uint64_t product1 = uint64_t{0xCD9E8D57} * counter[2];
    counter = {
        static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key0, static_cast<uint32_t>(product1),
        static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key1, static_cast<uint32_t>(product0)};
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  return counter;
}

// Uniform in [0, 1): 24 bits for f32, 53 bits (two words) for f64.
inline float UniformF32(uint32_t word) { return static_cast<float>(word >> 8) * 0x1p-24F; }
inline double UniformF64(uint32_t high, uint32_t low) {
  return static_cast<double>((uint64_t{high} << 32 | low) >> 11) * 0x1p-53;
}

// Numbers one after the other, for code that is not on a tape: initial weights, the order of
// batches, samples.
class RandomStream {
 public:
  explicit RandomStream(RandomKey key, uint64_t step = 0) : key_(key), step_(step) {}

  uint64_t NextBits();
  double Uniform();                // [0, 1)
  double Normal();                 // mean 0, variance 1
  uint64_t Below(uint64_t bound);  // 0 .. bound - 1 without bias; bound > 0
  // Fisher-Yates.
  template <typename T>
  void Shuffle(std::vector<T>& values) {
    for (size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[Below(i)]);
  }

 private:
  RandomKey key_;
  uint64_t step_;
  uint64_t position_ = 0;
  std::array<uint32_t, 4> words_ = {};
  int used_words_ = 4;
};

}  // namespace sluice

#endif  // SLUICE_GRAPH_RANDOM_H_
