#include <cmath>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/data/corpus.h>
#include <sluice/data/sha256.h>
#include <sluice/tests/data/test_files.h>

namespace sluice {
namespace {

using testing::ElementsAre;

std::string Error(absl::string_view text, const CorpusOptions& options) {
  return Corpus::FromText("x", text, options).status().ToString();
}

TEST(Corpus, IsTheSameFromATextAFileAndAPackedFile) {
  const TestFiles files;
  const std::string text = "The quick brown fox\njumps over the lazy dog.\n";
  const Corpus memory = *Corpus::FromText("x", text, {});
  for (const std::string& path : {files.Write("a.txt", text), files.WriteGzip("b.gz", text)}) {
    const absl::StatusOr<Corpus> file = Corpus::Load(path, {});
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ(file->name(), path);
    EXPECT_EQ(file->tokens(), static_cast<int64_t>(text.size()));
    EXPECT_EQ(file->bytes(), memory.bytes());
    EXPECT_EQ(file->sha256(), memory.sha256());
    EXPECT_EQ(file->vocabulary().symbols(), memory.vocabulary().symbols());
    EXPECT_EQ(file->train().Ids(), memory.train().Ids());
  }
}

TEST(Corpus, HasTheCheckSumOfItsBytes) {
  EXPECT_EQ(Corpus::FromText("x", "abc", {.normalisation = Normalisation::kLetters})->sha256(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");  // FIPS 180-4
  Sha256 parts;
  parts.Add("a");
  parts.Add("bc");
  EXPECT_EQ(parts.Finish(), Corpus::FromText("x", "abc", {})->sha256());
}

TEST(Corpus, IsCutIntoTrainingThenValidationThenTest) {
  std::string text;
  for (int i = 0; i < 105; ++i) text.push_back(static_cast<char>('a' + i % 26));
  const Corpus corpus = *Corpus::FromText("x", text, {.validation_share = 0.2, .test_share = 0.1});
  EXPECT_EQ(corpus.train().tokens(), 74);
  EXPECT_EQ(corpus.validation().tokens(), 21);
  EXPECT_EQ(corpus.test().tokens(), 10);
  const Vocabulary& vocabulary = corpus.vocabulary();
  EXPECT_EQ(vocabulary.Decode(corpus.train().Ids()) + vocabulary.Decode(corpus.validation().Ids()) +
                vocabulary.Decode(corpus.test().Ids()),
            text);
  EXPECT_EQ(corpus.test().name(), "test");
  EXPECT_EQ(corpus.validation()[0], corpus.validation().Ids()[0]);
}

TEST(Corpus, KeepsTheWholeTextsVocabularyWhereItIsCutShort) {
  const CorpusOptions options = {.max_tokens = 4, .validation_share = 0, .test_share = 0};
  const Corpus corpus = *Corpus::FromText("x", "aabbbcccc", options);
  EXPECT_THAT(corpus.vocabulary().symbols(), ElementsAre("<unk>", "c", "b", "a"));
  EXPECT_THAT(corpus.train().Ids(), ElementsAre(3, 3, 2, 2));
  EXPECT_EQ(corpus.bytes(), 9);
}

TEST(Corpus, LimitsTheVocabulary) {
  const CorpusOptions options = {
      .unit = Unit::kWord, .max_vocabulary = 3, .validation_share = 0, .test_share = 0};
  const Corpus corpus = *Corpus::FromText("x", "b a b\nc b", options);
  EXPECT_THAT(corpus.vocabulary().symbols(), ElementsAre("<unk>", "b", "<eos>"));
  EXPECT_THAT(corpus.train().Ids(), ElementsAre(1, 0, 1, 2, 0, 1, 2));
}

TEST(Corpus, OutlivesNothingButItsParts) {
  Part part = Corpus::FromText("x", "abcabc", {.validation_share = 0, .test_share = 0})->train();
  EXPECT_THAT(part.Ids(), ElementsAre(1, 2, 3, 1, 2, 3));
}

TEST(Corpus, LoadsRegisteredTexts) {
  const absl::StatusOr<Corpus> kjv = Corpus::Load("kjv", {.unit = Unit::kWord});
  ASSERT_TRUE(kjv.ok()) << kjv.status();
  EXPECT_EQ(kjv->name(), "kjv");
  const std::vector<int32_t> line_end = *kjv->vocabulary().Encode("\n");
  int64_t lines = 0;
  for (const Part& part : {kjv->train(), kjv->validation(), kjv->test()}) {
    for (const int32_t id : part.Ids()) lines += id == line_end[0];
  }
  EXPECT_EQ(lines, 31'102);
  EXPECT_TRUE(Corpus::Load("jargon", {}).ok());
}

TEST(Corpus, SaysWhatIsWrongWithAText) {
  EXPECT_EQ(Error("", {}), "INVALID_ARGUMENT: corpus \"x\": the text is empty");
  EXPECT_EQ(Error("123\n", {.normalisation = Normalisation::kLetters}),
            "INVALID_ARGUMENT: corpus \"x\": the text has no token left, unit character, "
            "normalisation letters");
  EXPECT_EQ(Error("one\ntwo \xE9\n", {}),
            "INVALID_ARGUMENT: corpus \"x\": not valid UTF-8 at byte 8, line 2 (0xe9); convert the "
            "text, for instance with iconv -f latin1 -t utf-8, or take bytes as the unit");
  EXPECT_TRUE(Corpus::FromText("x", "one\ntwo \xE9\n", {.unit = Unit::kByte}).ok());
}

TEST(Corpus, SaysWhatIsWrongWithAFile) {
  const TestFiles files;
  const std::string empty = files.Write("empty", "");
  EXPECT_EQ(Corpus::Load(empty, {}).status().ToString(),
            "INVALID_ARGUMENT: corpus \"" + empty + "\": the text is empty");
  const std::string packed = files.WriteGzip("a.gz", std::string(1000, 'x'));
  std::filesystem::resize_file(packed, std::filesystem::file_size(packed) - 9);
  EXPECT_EQ(Corpus::Load(packed, {}).status().ToString(),
            "DATA_LOSS: \"" + packed +
                "\": the gzip data ends too early; the file is incomplete, fetch it again");
  EXPECT_EQ(Corpus::Load("kvj", {}).status().ToString(),
            "NOT_FOUND: no corpus and no file is called \"kvj\"; did you mean \"kjv\"?");
}

TEST(Corpus, SaysWhichOptionIsOutOfRange) {
  EXPECT_EQ(
      Error("text", {.max_tokens = -1}),
      "INVALID_ARGUMENT: corpus \"x\": max_tokens must be 0 (all of them) or positive, not -1");
  EXPECT_EQ(Error("text", {.max_vocabulary = 1}),
            "INVALID_ARGUMENT: corpus \"x\": max_vocabulary must be 0 (no limit) or at least 2, "
            "not 1");
  EXPECT_EQ(Error("text", {.validation_share = 0.5, .test_share = 0.5}),
            "INVALID_ARGUMENT: corpus \"x\": validation_share 0.5 and test_share 0.5 must not be "
            "negative and must leave something to train on");
  EXPECT_FALSE(Corpus::FromText("x", "text", {.test_share = -0.1}).ok());
  EXPECT_FALSE(Corpus::FromText("x", "text", {.test_share = std::nan("")}).ok());
}

}  // namespace
}  // namespace sluice
