#include <cstring>

#include <sluice/data/utf8.h>

namespace sluice {
namespace {

// The smallest code point that needs a sequence of so many bytes: anything below is overlong.
constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};

bool IsScalar(char32_t code_point) {
  return code_point <= kLastCodePoint && (code_point < 0xD800 || code_point > 0xDFFF);
}

}  // namespace

DecodedCodePoint DecodeCodePoint(absl::string_view text, size_t offset) {
  const auto lead = static_cast<uint8_t>(text[offset]);
  if (lead < 0x80) return {lead, 1};
  const int bytes = SequenceBytes(lead);
  if (bytes == 0 || text.size() - offset < static_cast<size_t>(bytes)) return {};
  char32_t code_point = lead & (0x7F >> bytes);
  for (int i = 1; i < bytes; ++i) {
    const auto byte = static_cast<uint8_t>(text[offset + i]);
    if (!IsContinuationByte(byte)) return {};
    code_point = code_point << 6 | (byte & 0x3F);
  }
  if (code_point < kSmallest[bytes] || !IsScalar(code_point)) return {};
  return {code_point, bytes};
}

bool AppendCodePoint(char32_t code_point, std::string& text) {
  if (!IsScalar(code_point)) return false;
  if (code_point < 0x80) {
    text.push_back(static_cast<char>(code_point));
    return true;
  }
  const int bytes = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
  const auto lead_marks = static_cast<uint8_t>(0xF00 >> bytes);  // C0, E0, F0
  text.push_back(static_cast<char>(lead_marks | code_point >> 6 * (bytes - 1)));
  for (int i = bytes - 2; i >= 0; --i) {
    text.push_back(static_cast<char>(0x80 | (code_point >> 6 * i & 0x3F)));
  }
  return true;
}

std::optional<size_t> FirstInvalidByte(absl::string_view text) {
  constexpr uint64_t kHighBits = 0x8080808080808080;
  size_t offset = 0;
  while (offset < text.size()) {
    // Eight ASCII bytes at a time: most texts are mostly ASCII.
    uint64_t word = kHighBits;
    if (text.size() - offset >= sizeof(word)) std::memcpy(&word, &text[offset], sizeof(word));
    if ((word & kHighBits) == 0) {
      offset += sizeof(word);
      continue;
    }
    const DecodedCodePoint decoded = DecodeCodePoint(text, offset);
    if (decoded.bytes == 0) return offset;
    offset += static_cast<size_t>(decoded.bytes);
  }
  return std::nullopt;
}

}  // namespace sluice
