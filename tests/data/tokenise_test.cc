#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/data/symbol_counts.h>
#include <sluice/data/tokenise.h>
#include <sluice/data/utf8.h>
#include <sluice/graph/parallel.h>
#include <sluice/graph/random.h>

namespace sluice {
namespace {

// Characters of one to four bytes, upper and lower case, white space of all kinds, several line
// ends.
std::string RandomText(uint64_t seed, int64_t characters) {
  RandomStream random(MakeRandomKey(seed, "test text"));
  const char32_t frequent[] = {'a', 'B', 'c', ' ', ' ', '\n', '\r', '\t', '.', 0x00C9, 0x20AC};
  std::string text;
  for (int64_t i = 0; i < characters; ++i) {
    if (random.Below(8) > 0) {
      AppendCodePoint(frequent[random.Below(std::size(frequent))], text);
    } else {
      AppendCodePoint(static_cast<char32_t>(random.Below(0x11000)), text);
    }
  }
  return text;
}

// Everything at once, on one thread.
std::vector<int32_t> Serially(const Vocabulary& vocabulary, const std::string& text) {
  std::vector<int32_t> ids;
  std::string scratch;
  vocabulary.AppendIds(Normalise(text, vocabulary.unit(), vocabulary.normalisation(), {}, scratch),
                       ids);
  const bool line_ends =
      vocabulary.unit() == Unit::kWord && vocabulary.normalisation() != Normalisation::kLetters;
  if (line_ends && text.back() != '\n') vocabulary.AppendIds("\n", ids);
  return ids;
}

std::vector<int32_t> All(const TokenIds& ids) {
  std::vector<int32_t> all(ids.size());
  ids.Read(0, absl::MakeSpan(all));
  return all;
}

void ExpectTheSameAsSerially(const std::string& text, Unit unit, Normalisation normalisation,
                             BlockSizes sizes) {
  SCOPED_TRACE(testing::Message() << Name(unit) << ", " << Name(normalisation) << ", block "
                                  << sizes.block << ", piece " << sizes.piece);
  const auto source = OpenMemory(text);
  const absl::StatusOr<CountedText> counted = CountText(*source, unit, normalisation, 0, sizes);
  ASSERT_TRUE(counted.ok()) << counted.status();
  SymbolCounts expected(unit);
  std::string scratch;
  expected.Add(Normalise(text, unit, normalisation, {}, scratch));
  if (unit == Unit::kWord && normalisation != Normalisation::kLetters && text.back() != '\n') {
    expected.Add("\n");
  }
  EXPECT_EQ(counted->tokens, expected.tokens());
  EXPECT_EQ(counted->vocabulary.symbols(), expected.Ranked(0));
  EXPECT_EQ(counted->bytes, static_cast<int64_t>(text.size()));
  const auto again = OpenMemory(text);
  const absl::StatusOr<TokenIds> ids = EncodeText(*again, *counted, counted->tokens, sizes);
  ASSERT_TRUE(ids.ok()) << ids.status();
  EXPECT_EQ(All(*ids), Serially(counted->vocabulary, text));
}

TEST(Tokenise, BlocksAndPiecesDoNotShow) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const std::string text = RandomText(seed, 300 + static_cast<int64_t>(seed));
    for (const BlockSizes sizes : {BlockSizes{16, 8}, BlockSizes{37, 11}, BlockSizes{64, 9},
                                   BlockSizes{256, 300}, BlockSizes{}}) {
      for (const Unit unit : {Unit::kCharacter, Unit::kByte, Unit::kWord}) {
        for (const Normalisation normalisation :
             {Normalisation::kNone, Normalisation::kLower, Normalisation::kLetters}) {
          ExpectTheSameAsSerially(text, unit, normalisation, sizes);
        }
      }
    }
  }
}

TEST(Tokenise, AWordLongerThanABlockStaysWhole) {
  ExpectTheSameAsSerially("a " + std::string(1000, 'x') + " b", Unit::kWord, Normalisation::kNone,
                          {16, 8});
}

TEST(Tokenise, ThreadsDoNotShow) {
  const std::string text = RandomText(1, 3'000'000);  // two blocks, about a hundred pieces
  for (const int count : {1, 4}) {
    const Threads threads(count);
    threads.arena().Execute([&] {
      for (const Unit unit : {Unit::kCharacter, Unit::kByte, Unit::kWord}) {
        ExpectTheSameAsSerially(text, unit, Normalisation::kLower, {});
      }
      ExpectTheSameAsSerially(text, Unit::kCharacter, Normalisation::kLetters, {});
    });
  }
}

TEST(Tokenise, TheFirstInvalidByteIsFoundWhereverTextIsCut) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    std::string text = RandomText(seed, 200);
    RandomStream random(MakeRandomKey(seed, "test damage"));
    for (int i = 0; i < 3; ++i) {
      text.insert(random.Below(text.size()), random.Below(5) + 1,
                  static_cast<char>(0x80 + random.Below(0x80)));
    }
    const std::optional<size_t> invalid = FirstInvalidByte(text);
    if (!invalid) continue;
    const auto lines =
        std::count(text.begin(), text.begin() + static_cast<int64_t>(*invalid), '\n');
    const std::string where = "not valid UTF-8 at byte " + std::to_string(*invalid) + ", line " +
                              std::to_string(lines + 1) + " (0x";
    for (const Unit unit : {Unit::kCharacter, Unit::kWord}) {
      const auto source = OpenMemory(text);
      const absl::Status status =
          CountText(*source, unit, Normalisation::kNone, 0, {16, 8}).status();
      EXPECT_EQ(status.message().substr(0, where.size()), where);
    }
  }
}

TEST(Tokenise, SaysThatTheTextChanged) {
  const auto source = OpenMemory("some text");
  const CountedText counted = *CountText(*source, Unit::kCharacter, Normalisation::kNone, 0);
  for (const char* other : {"some", "same text", "some text more"}) {
    const auto again = OpenMemory(other);
    EXPECT_EQ(EncodeText(*again, counted, counted.tokens).status().ToString(),
              "ABORTED: the text changed while it was read; try again");
  }
}

TEST(TokenIds, TakeNoMoreBytesThanTheVocabularyNeeds) {
  EXPECT_EQ(TokenIds(10, 256).bytes(), 10);
  EXPECT_EQ(TokenIds(10, 257).bytes(), 20);
  EXPECT_EQ(TokenIds(10, 65'536).bytes(), 20);
  EXPECT_EQ(TokenIds(10, 65'537).bytes(), 40);
  for (const int32_t vocabulary : {256, 65'536, 100'000}) {
    TokenIds ids(3, vocabulary);
    ids.Write(0, std::vector<int32_t>{0, 1});
    ids.Write(2, std::vector<int32_t>{vocabulary - 1});
    EXPECT_EQ(All(ids), (std::vector<int32_t>{0, 1, vocabulary - 1}));
    EXPECT_EQ(ids[2], vocabulary - 1);
  }
}

}  // namespace
}  // namespace sluice
