#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/data/symbol_counts.h>
#include <sluice/data/vocabulary.h>

namespace sluice {
namespace {

using testing::ElementsAre;

Vocabulary Make(Unit unit, Normalisation normalisation, std::vector<std::string> symbols) {
  symbols.insert(symbols.begin(), "<unk>");
  return *Vocabulary::FromSymbols(unit, normalisation, symbols);
}

std::string Normalised(absl::string_view text, Unit unit, Normalisation normalisation,
                       LettersState before = {}) {
  std::string scratch;
  return std::string(Normalise(text, unit, normalisation, before, scratch));
}

TEST(Normalise, LettersKeepsWhatTheBookKeeps) {
  const auto letters = [](absl::string_view text) {
    return Normalised(text, Unit::kCharacter, Normalisation::kLetters);
  };
  EXPECT_EQ(letters("The Time Machine, by H. G. Wells [1898]\n\n\nI\n"),
            "the time machine by h g wellsi");
  EXPECT_EQ(letters("  (a)--b  \r\n c\xC3\xA9"
                    "d"),
            "a bc d");
  EXPECT_EQ(letters("123\n"), "");
}

TEST(Normalise, LettersKeepsWordsApartWhereWordsAreTheUnit) {
  EXPECT_EQ(Normalised("Wells\nI", Unit::kWord, Normalisation::kLetters), "wells i");
}

TEST(Normalise, LowerUsesAFixedTable) {
  EXPECT_EQ(Normalised("AZaz[ \u00C0\u00D7\u00DE\u0100\u0178 \u0391\u03A9\u0386 \u0410\u042F\u0401",
                       Unit::kCharacter, Normalisation::kLower),
            "azaz[ \u00E0\u00D7\u00FE\u0101\u00FF \u03B1\u03C9\u03AC \u0430\u044F\u0451");
  EXPECT_EQ(Normalised("A\xC3\x80", Unit::kByte, Normalisation::kLower), "a\xC3\x80");
}

TEST(Normalise, LowerKeepsTheLengthAndHasNothingLeftToDo) {
  const auto bytes = [](char32_t c) { return c < 0x80 ? 1 : c < 0x800 ? 2 : 3; };
  for (char32_t c = 0; c < 0x1000; ++c) {
    ASSERT_EQ(bytes(LowerCodePoint(c)), bytes(c)) << static_cast<uint32_t>(c);
    ASSERT_EQ(LowerCodePoint(LowerCodePoint(c)), LowerCodePoint(c)) << static_cast<uint32_t>(c);
  }
}

TEST(Normalise, UnitsAndNormalisationsHaveNames) {
  for (Unit unit : {Unit::kCharacter, Unit::kByte, Unit::kWord}) {
    EXPECT_EQ(*ParseUnit(Name(unit)), unit);
  }
  for (auto normalisation :
       {Normalisation::kNone, Normalisation::kLower, Normalisation::kLetters}) {
    EXPECT_EQ(*ParseNormalisation(Name(normalisation)), normalisation);
  }
  EXPECT_EQ(ParseUnit("chars").status().ToString(),
            "INVALID_ARGUMENT: there is no unit \"chars\"; choose character, byte or word");
  EXPECT_EQ(ParseNormalisation("upper").status().ToString(),
            "INVALID_ARGUMENT: there is no normalisation \"upper\"; choose none, lower or letters");
}

TEST(Vocabulary, RanksByFrequencyThenCodePoint) {
  SymbolCounts counts(Unit::kCharacter);
  counts.Add("cab\u20ACab\u00E9b");
  EXPECT_EQ(counts.tokens(), 8);
  EXPECT_THAT(counts.Ranked(0), ElementsAre("<unk>", "b", "a", "c", "\u00E9", "\u20AC"));
  EXPECT_THAT(counts.Ranked(3), ElementsAre("<unk>", "b", "a"));
}

TEST(Vocabulary, RanksEquallyFrequentWordsByFirstAppearance) {
  SymbolCounts first(Unit::kWord);
  first.Add("two one three\n");
  SymbolCounts next(Unit::kWord);
  next.Add("four one zero <unk> <unk> <unk>\n");
  first.Add(next);
  EXPECT_EQ(first.tokens(), 11);
  EXPECT_THAT(first.Ranked(0),
              ElementsAre("<unk>", "one", "<eos>", "two", "three", "four", "zero"));
}

TEST(Vocabulary, WritesBytesAsText) {
  SymbolCounts counts(Unit::kByte);
  counts.Add("\xE2\xE2\n");
  const std::vector<std::string> symbols = counts.Ranked(0);
  EXPECT_THAT(symbols, ElementsAre("<unk>", "<0xE2>", "\n"));
  const Vocabulary bytes = *Vocabulary::FromSymbols(Unit::kByte, Normalisation::kNone, symbols);
  EXPECT_THAT(*bytes.Encode("\n\xE2x"), ElementsAre(2, 1, 0));
  EXPECT_EQ(bytes.Decode({2, 1, 0}), "\n\xE2<unk>");
}

TEST(Vocabulary, EncodesAndDecodesCharacters) {
  const Vocabulary characters = Make(Unit::kCharacter, Normalisation::kLower, {"a", "\u00E9", "b"});
  EXPECT_EQ(characters.size(), 4);
  EXPECT_THAT(*characters.Encode("AB\u00C9z\u20AC"), ElementsAre(1, 3, 2, 0, 0));
  EXPECT_EQ(characters.Decode({1, 3, 2, 0, 99, -1}), "ab\u00E9<unk><unk><unk>");
  EXPECT_EQ(characters.Encode("ab\xFF").status().ToString(),
            "INVALID_ARGUMENT: the text to encode is not valid UTF-8 at byte 2");
}

TEST(Vocabulary, EncodesAndDecodesWords) {
  const Vocabulary words = Make(Unit::kWord, Normalisation::kNone, {"<eos>", "the", "king,"});
  EXPECT_THAT(*words.Encode(" the\tking, the"), ElementsAre(2, 3, 2));
  EXPECT_THAT(*words.Encode("the king,\r\n\nKing"), ElementsAre(2, 3, 1, 1, 0));
  EXPECT_EQ(words.Decode({2, 3, 1, 2, 0}), "the king,\nthe <unk>");
}

TEST(Vocabulary, GivesWhatItWasMadeFrom) {
  const Vocabulary one = Make(Unit::kWord, Normalisation::kLower, {"a", "b"});
  const Vocabulary two = *Vocabulary::FromSymbols(one.unit(), one.normalisation(), one.symbols());
  EXPECT_EQ(two.symbols(), one.symbols());
  EXPECT_EQ(*two.Encode("B a c"), *one.Encode("B a c"));
}

TEST(Vocabulary, RefusesSymbolsThatAreNone) {
  const auto error = [](Unit unit, std::vector<std::string> symbols) {
    return Vocabulary::FromSymbols(unit, Normalisation::kNone, std::move(symbols))
        .status()
        .ToString();
  };
  EXPECT_EQ(error(Unit::kCharacter, {}),
            "INVALID_ARGUMENT: vocabulary: the first symbol must be \"<unk>\"");
  EXPECT_EQ(error(Unit::kCharacter, {"a"}),
            "INVALID_ARGUMENT: vocabulary: the first symbol must be \"<unk>\"");
  EXPECT_EQ(error(Unit::kCharacter, {"<unk>", "a", "b", "a"}),
            "INVALID_ARGUMENT: vocabulary: symbol \"a\" is there twice, as 1 and 3");
  EXPECT_EQ(error(Unit::kWord, {"<unk>", "a", "<unk>"}),
            "INVALID_ARGUMENT: vocabulary: symbol \"<unk>\" is there twice, as 0 and 2");
  EXPECT_EQ(error(Unit::kCharacter, {"<unk>", "ab"}),
            "INVALID_ARGUMENT: vocabulary: symbol 1, \"ab\", is not a character");
  EXPECT_EQ(error(Unit::kByte, {"<unk>", "<0x41>"}),
            "INVALID_ARGUMENT: vocabulary: symbol 1, \"<0x41>\", is not a byte");
  EXPECT_EQ(error(Unit::kWord, {"<unk>", ""}),
            "INVALID_ARGUMENT: vocabulary: symbol 1, \"\", is not a word");
}

}  // namespace
}  // namespace sluice
