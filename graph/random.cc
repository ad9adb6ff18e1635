#include <cmath>
#include <numbers>

#include <sluice/graph/random.h>

namespace sluice {

uint64_t Fingerprint(absl::string_view bytes) {
  uint64_t hash = 0xCBF29CE484222325;
  for (const char byte : bytes) {
    hash ^= static_cast<unsigned char>(byte);
    hash *= 0x100000001B3;
  }
  return hash;
}

RandomKey MakeRandomKey(uint64_t seed, absl::string_view name) {
  // One Philox block mixes the two, so that neighbouring seeds share nothing.
  const std::array<uint32_t, 4> words = Philox(seed, 0, Fingerprint(name));
  return uint64_t{words[1]} << 32 | words[0];
}

uint64_t RandomStream::NextBits() {
  if (used_words_ == 4) {
    words_ = Philox(key_, step_, position_++);
    used_words_ = 0;
  }
  const uint64_t bits = uint64_t{words_[used_words_]} << 32 | words_[used_words_ + 1];
  used_words_ += 2;
  return bits;
}

double RandomStream::Uniform() { return static_cast<double>(NextBits() >> 11) * 0x1p-53; }

double RandomStream::Normal() {
  // Box-Muller; 1 - u keeps the logarithm's argument above zero.
  const double radius = std::sqrt(-2 * std::log(1 - Uniform()));
  return radius * std::cos(2 * std::numbers::pi * Uniform());
}

uint64_t RandomStream::Below(uint64_t bound) {
  // Draws above the largest multiple of `bound` would favour small results: draw again.
  const uint64_t rest = (~uint64_t{0} % bound + 1) % bound;
  uint64_t bits = NextBits();
  while (bits > ~uint64_t{0} - rest) bits = NextBits();
  return bits % bound;
}

}  // namespace sluice
