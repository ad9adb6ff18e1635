#include <algorithm>
#include <cstring>
#include <fstream>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <sluice/graph/stream_copy.h>

namespace sluice {
namespace {

constexpr int64_t kLine = 64;

#if defined(__SSE2__)
void StreamLine(const std::byte* from, std::byte* to) {
  const auto* source = reinterpret_cast<const __m128i*>(from);
  auto* target = reinterpret_cast<__m128i*>(to);
  const __m128i first = _mm_loadu_si128(source);
  const __m128i second = _mm_loadu_si128(source + 1);
  const __m128i third = _mm_loadu_si128(source + 2);
  const __m128i fourth = _mm_loadu_si128(source + 3);
  _mm_stream_si128(target, first);
  _mm_stream_si128(target + 1, second);
  _mm_stream_si128(target + 2, third);
  _mm_stream_si128(target + 3, fourth);
}
#else
void StreamLine(const std::byte* from, std::byte* to) { std::memcpy(to, from, kLine); }
#endif

}  // namespace

void StreamCopy(const std::byte* from, int64_t bytes, std::byte* to) {
  const auto address = static_cast<int64_t>(reinterpret_cast<uintptr_t>(to));
  int64_t at = std::min(bytes, (kLine - address % kLine) % kLine);
  std::memcpy(to, from, at);
  for (; at + kLine <= bytes; at += kLine) StreamLine(from + at, to + at);
  std::memcpy(to + at, from + at, bytes - at);
}

void FinishStreams() {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

// From the kernel's list: sysconf() adds up the caches of all parts of a processor, of which a
// core has one.
int64_t LastCacheBytes() {
  static const int64_t bytes = [] {
    constexpr int64_t kUsual = 32 << 10;
    std::ifstream file("/sys/devices/system/cpu/cpu0/cache/index3/size");  // "32768K"
    int64_t kibibytes = 0;
    return (file >> kibibytes && kibibytes > 0 ? kibibytes : kUsual) << 10;
  }();
  return bytes;
}

}  // namespace sluice
