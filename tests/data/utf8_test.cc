#include <gtest/gtest.h>

#include <sluice/data/utf8.h>

namespace sluice {
namespace {

TEST(Utf8, EveryCodePointComesBackAsItWent) {
  int64_t encoded = 0;
  for (char32_t c = 0; c <= kLastCodePoint; ++c) {
    std::string text;
    if (!AppendCodePoint(c, text)) continue;
    ++encoded;
    const DecodedCodePoint decoded = DecodeCodePoint(text, 0);
    ASSERT_EQ(decoded.code_point, c);
    ASSERT_EQ(decoded.bytes, static_cast<int>(text.size()));
    ASSERT_EQ(SequenceBytes(static_cast<uint8_t>(text[0])), decoded.bytes);
  }
  EXPECT_EQ(encoded, 0x110000 - 0x800);
}

TEST(Utf8, SurrogatesAndValuesBeyondTheLastAreNotEncoded) {
  std::string text = "x";
  EXPECT_FALSE(AppendCodePoint(0xD800, text));
  EXPECT_FALSE(AppendCodePoint(0xDFFF, text));
  EXPECT_FALSE(AppendCodePoint(0x110000, text));
  EXPECT_EQ(text, "x");
}

// Each code point has one encoding, so as many sequences are valid as there are code points of that
// length: overlong forms, surrogates and cut-off or stray bytes would show as too many.
int64_t ValidSequences(int bytes, int first_lead, int first_other, int last_other) {
  int64_t valid = 0;
  const int others = last_other - first_other + 1;
  int64_t tails = 1;
  for (int i = 1; i < bytes; ++i) tails *= others;
  std::string text(bytes, '\0');
  for (int lead = first_lead; lead < 256; ++lead) {
    text[0] = static_cast<char>(lead);
    for (int64_t tail = 0; tail < tails; ++tail) {
      int64_t rest = tail;
      for (int i = 1; i < bytes; ++i, rest /= others) {
        text[i] = static_cast<char>(first_other + rest % others);
      }
      if (DecodeCodePoint(text, 0).bytes == bytes) ++valid;
    }
  }
  return valid;
}

TEST(Utf8, NothingElseDecodes) {
  EXPECT_EQ(ValidSequences(1, 0, 0, 255), 0x80);
  EXPECT_EQ(ValidSequences(2, 0, 0, 255), 0x800 - 0x80);
  EXPECT_EQ(ValidSequences(3, 0, 0, 255), 0x10000 - 0x800 - 0x800);
  EXPECT_EQ(ValidSequences(4, 0xE0, 0x7E, 0xC1), 0x110000 - 0x10000);
}

TEST(Utf8, TheFirstInvalidByteIsWhereItsSequenceStarts) {
  EXPECT_FALSE(FirstInvalidByte("").has_value());
  EXPECT_FALSE(FirstInvalidByte("twelve bytes and a \u20AC, \U0001F600").has_value());
  EXPECT_EQ(FirstInvalidByte("\xFF"), 0u);
  EXPECT_EQ(FirstInvalidByte("0123456789\x80"), 10u);
  EXPECT_EQ(FirstInvalidByte("ab\xE2\x82"), 2u);                      // cut off
  EXPECT_EQ(FirstInvalidByte("ab\xC3\xA9\xC0\xAF"), 4u);              // overlong
  EXPECT_EQ(FirstInvalidByte("\xED\xA0\x80"), 0u);                    // surrogate
  EXPECT_EQ(FirstInvalidByte("\xF4\x90\x80\x80"), 0u);                // U+110000
  EXPECT_EQ(FirstInvalidByte("\xC3\xA9 \xE9t\xE9 longer text"), 3u);  // Latin-1
}

}  // namespace
}  // namespace sluice
