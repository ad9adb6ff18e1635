#include <array>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/types/span.h>

#include <sluice/data/normalise.h>
#include <sluice/data/utf8.h>

namespace sluice {
namespace {

constexpr absl::string_view kUnits[] = {"character", "byte", "word"};
constexpr absl::string_view kNormalisations[] = {"none", "lower", "letters"};

template <typename Enum>
absl::StatusOr<Enum> Parse(absl::string_view kind, absl::Span<const absl::string_view> names,
                           absl::string_view name) {
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return static_cast<Enum>(i);
  }
  return absl::InvalidArgumentError(absl::StrCat("there is no ", kind, " \"", name, "\"; choose ",
                                                 names[0], ", ", names[1], " or ", names[2]));
}

// A range of upper-case letters whose lower-case forms stand `distance` further; with step 2, upper
// and lower alternate.
struct UpperRange {
  char32_t first, last;
  int step, distance;
};
// Below U+0800 a code point takes two bytes, so lower-casing keeps the length; the letters whose
// lower-case form would not (U+0130) or that have none are left out.
constexpr UpperRange kUpperRanges[] = {
    {0x0041, 0x005A, 1, 32}, {0x00C0, 0x00D6, 1, 32},   {0x00D8, 0x00DE, 1, 32},  // Latin
    {0x0100, 0x012E, 2, 1},  {0x0132, 0x0136, 2, 1},    {0x0139, 0x0147, 2, 1},   // extended
    {0x014A, 0x0176, 2, 1},  {0x0178, 0x0178, 1, -121}, {0x0179, 0x017D, 2, 1},
    {0x0386, 0x0386, 1, 38}, {0x0388, 0x038A, 1, 37},   {0x038C, 0x038C, 1, 64},  // Greek
    {0x038E, 0x038F, 1, 63}, {0x0391, 0x03A1, 1, 32},   {0x03A3, 0x03AB, 1, 32},
    {0x0400, 0x040F, 1, 80}, {0x0410, 0x042F, 1, 32},   {0x0460, 0x0480, 2, 1},  // Cyrillic
    {0x048A, 0x04BE, 2, 1},  {0x04C0, 0x04C0, 1, 15},   {0x04C1, 0x04CD, 2, 1},
    {0x04D0, 0x052E, 2, 1},
};
constexpr char32_t kTableEnd = 0x0530;

constexpr std::array<uint16_t, kTableEnd> MakeLowerTable() {
  std::array<uint16_t, kTableEnd> table = {};
  for (char32_t c = 0; c < kTableEnd; ++c) table[c] = static_cast<uint16_t>(c);
  for (const UpperRange& range : kUpperRanges) {
    for (char32_t c = range.first; c <= range.last; c += static_cast<char32_t>(range.step)) {
      table[c] = static_cast<uint16_t>(static_cast<int>(c) + range.distance);
    }
  }
  return table;
}
constexpr std::array<uint16_t, kTableEnd> kLowerTable = MakeLowerTable();

void LowerInPlace(std::string& text, Unit unit) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    if (byte < 0x80) {
      text[i] = static_cast<char>(kLowerTable[byte]);
    } else if (unit != Unit::kByte && SequenceBytes(byte) == 2 && i + 1 < text.size()) {
      const char32_t lower = LowerCodePoint((byte & 0x1FU) << 6 | (text[i + 1] & 0x3F));
      text[i] = static_cast<char>(0xC0 | lower >> 6);
      text[++i] = static_cast<char>(0x80 | (lower & 0x3F));
    }
  }
}

// '\r' too: the line ends of other systems come out the same.
bool EndsLine(char c) { return c == '\n' || c == '\r'; }

void KeepLetters(absl::string_view text, LettersState state, std::string& kept) {
  kept.clear();
  for (const char c : text) {
    if (absl::ascii_isalpha(static_cast<unsigned char>(c))) {
      if (state.in_line && state.gap) kept.push_back(' ');
      kept.push_back(absl::ascii_tolower(static_cast<unsigned char>(c)));
      state = {.in_line = true, .gap = false};
    } else if (EndsLine(c)) {
      state = {};
    } else {
      state.gap = true;
    }
  }
}

// For words: lines must not run into one another.
void KeepLetterWords(absl::string_view text, std::string& kept) {
  kept.assign(text.data(), text.size());
  for (char& c : kept) {
    c = absl::ascii_isalpha(static_cast<unsigned char>(c))
            ? absl::ascii_tolower(static_cast<unsigned char>(c))
            : ' ';
  }
}

}  // namespace

absl::string_view Name(Unit unit) { return kUnits[static_cast<size_t>(unit)]; }
absl::string_view Name(Normalisation normalisation) {
  return kNormalisations[static_cast<size_t>(normalisation)];
}
absl::StatusOr<Unit> ParseUnit(absl::string_view name) { return Parse<Unit>("unit", kUnits, name); }
absl::StatusOr<Normalisation> ParseNormalisation(absl::string_view name) {
  return Parse<Normalisation>("normalisation", kNormalisations, name);
}

char32_t LowerCodePoint(char32_t code_point) {
  return code_point < kTableEnd ? kLowerTable[code_point] : code_point;
}

LettersState StateAfter(absl::string_view text, LettersState before) {
  bool gap = false;
  for (size_t i = text.size(); i > 0; --i) {
    if (EndsLine(text[i - 1])) return {.in_line = false, .gap = gap};
    if (absl::ascii_isalpha(static_cast<unsigned char>(text[i - 1]))) {
      return {.in_line = true, .gap = gap};
    }
    gap = true;
  }
  return {.in_line = before.in_line, .gap = before.gap || gap};
}

absl::string_view Normalise(absl::string_view text, Unit unit, Normalisation normalisation,
                            LettersState before, std::string& scratch) {
  if (normalisation == Normalisation::kNone) return text;
  if (normalisation == Normalisation::kLower) {
    scratch.assign(text.data(), text.size());
    LowerInPlace(scratch, unit);
  } else if (unit == Unit::kWord) {
    KeepLetterWords(text, scratch);
  } else {
    KeepLetters(text, before, scratch);
  }
  return scratch;
}

}  // namespace sluice
