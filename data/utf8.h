#ifndef SLUICE_DATA_UTF8_H_
#define SLUICE_DATA_UTF8_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <absl/strings/string_view.h>

namespace sluice {

inline constexpr char32_t kLastCodePoint = 0x10FFFF;

// One decoded code point and the bytes it takes. `bytes` is 0 where no valid sequence starts.
struct DecodedCodePoint {
  char32_t code_point = 0;
  int bytes = 0;
};

// The code point that starts at `offset` < text.size(). Rejects what RFC 3629 rejects: overlong
// forms, surrogates, values above U+10FFFF, continuation bytes without a lead, cut-off sequences.
DecodedCodePoint DecodeCodePoint(absl::string_view text, size_t offset);

// Appends the 1 to 4 bytes of `code_point`. Appends nothing and returns false for a surrogate or a
// value above U+10FFFF.
bool AppendCodePoint(char32_t code_point, std::string& text);

// Offset of the first byte of the first sequence that is not valid UTF-8; empty where all is valid.
std::optional<size_t> FirstInvalidByte(absl::string_view text);

// Bytes of the sequence that a lead byte announces, 0 for a byte that cannot lead. Does not look at
// what follows.
constexpr int SequenceBytes(uint8_t lead) {
  if (lead < 0x80) return 1;
  if (lead < 0xC2) return 0;  // continuation bytes, and C0 and C1, which could only be overlong
  if (lead < 0xE0) return 2;
  if (lead < 0xF0) return 3;
  return lead < 0xF5 ? 4 : 0;
}
constexpr bool IsContinuationByte(uint8_t byte) { return (byte & 0xC0) == 0x80; }

}  // namespace sluice

#endif  // SLUICE_DATA_UTF8_H_
