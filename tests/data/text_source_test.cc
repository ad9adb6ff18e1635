#include <algorithm>
#include <string>
#include <vector>

#include <absl/strings/match.h>
#include <absl/strings/str_split.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <sluice/data/text_source.h>
#include <sluice/data/utf8.h>
#include <sluice/tests/data/test_files.h>

namespace sluice {
namespace {

std::string Error(const absl::StatusOr<std::string>& text) { return text.status().ToString(); }

TEST(OpenTextFile, GivesTheBytesOfAPlainFile) {
  const TestFiles files;
  const std::string path = files.Write("a.txt", "one\ntwo\n");
  EXPECT_EQ(*ReadAll(OpenTextFile(path)), "one\ntwo\n");
  EXPECT_EQ(*ReadAll(OpenTextFile(path), 3), "one\ntwo\n");
}

TEST(OpenTextFile, UnpacksGzip) {
  const TestFiles files;
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += std::to_string(i) + "\n";
  EXPECT_EQ(*ReadAll(OpenTextFile(files.WriteGzip("a.gz", text))), text);
}

TEST(OpenTextFile, SaysThatGzipDataEndsTooEarly) {
  const TestFiles files;
  const std::string path = files.WriteGzip("a.gz", std::string(1000, 'x') + "end");
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 10);
  EXPECT_EQ(Error(ReadAll(OpenTextFile(path))),
            "DATA_LOSS: \"" + path +
                "\": the gzip data ends too early; the file is incomplete, fetch it again");
}

TEST(OpenTextFile, SaysThatGzipDataIsDamaged) {
  const TestFiles files;
  const std::string path = files.WriteGzip("a.gz", "some text that is worth packing");
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-8, std::ios::end);  // the check sum
    file.put('\x55');
  }
  EXPECT_EQ(Error(ReadAll(OpenTextFile(path))),
            "DATA_LOSS: \"" + path +
                "\": the gzip data is damaged (incorrect data check); fetch it again");
}

TEST(OpenTextFile, SaysThatAFileIsNoGzipData) {
  const TestFiles files;
  const std::string path = files.Write("a.gz", "plain");
  EXPECT_EQ(Error(ReadAll(OpenTextFile(path))),
            "INVALID_ARGUMENT: \"" + path + "\" holds no gzip data; rename it if it is plain text");
}

TEST(OpenTextFile, RefusesDirectoriesAndPipes) {
  const TestFiles files;
  EXPECT_EQ(Error(ReadAll(OpenTextFile(files.path()))),
            "INVALID_ARGUMENT: \"" + files.path() + "\" is a directory; name a text file in it");
  const std::string pipe = files.path() + "/pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(Error(ReadAll(OpenTextFile(pipe))),
            "INVALID_ARGUMENT: \"" + pipe +
                "\" is no regular file, and a text is read twice; write it to a file first");
}

TEST(OpenTextFile, SaysWhyAFileCannotBeRead) {
  const TestFiles files;
  const std::string path = files.Write("a.txt", "text");
  chmod(files.path().c_str(), 0);
  // Root may read everything, so become nobody for a moment.
  const bool root = geteuid() == 0;
  if (root) {
    ASSERT_EQ(seteuid(65534), 0);
  }
  const absl::StatusOr<std::string> text = ReadAll(OpenTextFile(path));
  if (root) {
    ASSERT_EQ(seteuid(0), 0);
  }
  chmod(files.path().c_str(), 0700);
  EXPECT_EQ(Error(text), "PERMISSION_DENIED: cannot read \"" + path + "\": Permission denied");
  EXPECT_EQ(Error(ReadAll(OpenTextFile(path + "/b"))),
            "FAILED_PRECONDITION: cannot read \"" + path + "/b\": Not a directory");
  EXPECT_EQ(Error(ReadAll(OpenTextFile("/proc/self/mem"))),
            "UNKNOWN: cannot read \"/proc/self/mem\": Input/output error");
}

TEST(OpenCommand, GivesWhatAProgramPrints) {
  EXPECT_EQ(*ReadAll(OpenCommand({"printf", "%s|", "a b", "$HOME"})), "a b|$HOME|");
  EXPECT_EQ(*ReadAll(OpenCommand({"cat"})), "") << "standard input must be empty";
}

TEST(OpenCommand, SaysHowAProgramFailed) {
  const TestFiles files;
  const std::string fails = files.WriteProgram("fails", "echo text; echo 'no data' >&2; exit 3\n");
  EXPECT_EQ(Error(ReadAll(OpenCommand({fails, "now"}))),
            "INTERNAL: \"" + fails + " now\" failed with exit status 3: no data");
  const std::string dies = files.WriteProgram("dies", "kill -TERM $$\n");
  EXPECT_EQ(Error(ReadAll(OpenCommand({dies}))),
            "INTERNAL: \"" + dies + "\" was ended by signal 15");
  EXPECT_EQ(Error(ReadAll(OpenCommand({"no-such-program"}))),
            "NOT_FOUND: there is no program \"no-such-program\"");
  EXPECT_EQ(Error(ReadAll(OpenCommand({}))), "INVALID_ARGUMENT: a command needs a program to run");
}

TEST(OpenCommand, EndsAProgramThatNobodyReadsToItsEnd) {
  absl::StatusOr<std::unique_ptr<TextSource>> source = OpenCommand({"yes"});
  ASSERT_TRUE(source.ok()) << source.status();
  std::string buffer(10, '\0');
  EXPECT_GT(*(*source)->Read(absl::MakeSpan(buffer.data(), buffer.size())), 0u);
  source->reset();  // would wait for ever
}

TEST(Corpora, AreListedByName) {
  const std::vector<std::string> names = CorpusRegistry::Global().Names();
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  for (const char* name : {"jargon", "kjv"}) {
    EXPECT_EQ(std::count(names.begin(), names.end(), name), 1);
    EXPECT_FALSE(CorpusRegistry::Global().FindOrNull(name)->description.empty());
    EXPECT_FALSE(CorpusRegistry::Global().FindOrNull(name)->package.empty());
  }
}

TEST(Corpora, ANameCanBeTakenOnce) {
  const auto open = [] { return OpenTextFile("/no/such/file"); };
  const CorpusRecord record{.name = "test-once", .description = "", .package = "", .open = open};
  EXPECT_TRUE(CorpusRegistry::Global().Add(record).ok());
  EXPECT_EQ(Error(CorpusRegistry::Global().Add(record)),
            "ALREADY_EXISTS: corpus \"test-once\" is registered already");
}

TEST(OpenText, AdvisesToInstallAMissingPackage) {
  ASSERT_TRUE(CorpusRegistry::Global()
                  .Add({.name = "test-missing",
                        .description = "",
                        .package = "some-package",
                        .open = [] { return OpenTextFile("/no/such/file"); }})
                  .ok());
  EXPECT_EQ(Error(ReadAll(OpenText("test-missing"))),
            "NOT_FOUND: corpus \"test-missing\" needs the package some-package: cannot read "
            "\"/no/such/file\": No such file or directory; install it with\n"
            "apt-get install some-package");
  const TestPath path("/no/such/directory");
  EXPECT_EQ(Error(ReadAll(OpenText("kjv"))),
            "NOT_FOUND: corpus \"kjv\" needs the package bible-kjv: there is no program \"bible\"; "
            "install it with\napt-get install bible-kjv");
}

TEST(OpenText, NamesTheNearestCorpus) {
  EXPECT_EQ(Error(ReadAll(OpenText("kvj"))),
            "NOT_FOUND: no corpus and no file is called \"kvj\"; did you mean \"kjv\"?");
  const absl::Status far = OpenText("no/such/text.txt").status();
  EXPECT_TRUE(absl::StartsWith(
      far.message(), "no corpus and no file is called \"no/such/text.txt\"; there are jargon, kjv"))
      << far;
}

TEST(OpenText, TakesAPathToo) {
  const TestFiles files;
  EXPECT_EQ(*ReadAll(OpenText(files.Write("kjv", "my own"))), "my own");
}

TEST(Kjv, HasEveryVerseWithoutItsReference) {
  const absl::StatusOr<std::string> text = ReadAll(OpenText("kjv"));
  ASSERT_TRUE(text.ok()) << text.status();
  std::vector<std::string> verses = absl::StrSplit(*text, '\n');
  ASSERT_EQ(verses.size(), 31'103u);
  EXPECT_EQ(verses.back(), "") << "the last verse must end its line";
  verses.pop_back();
  EXPECT_EQ(verses.front(), "In the beginning God created the heaven and the earth.");
  EXPECT_EQ(verses.back(), "The grace of our Lord Jesus Christ be with you all. Amen.");
  for (const std::string& verse : verses) {
    ASSERT_FALSE(verse.empty());
    ASSERT_TRUE(std::none_of(verse.begin(), verse.end(), [](char c) { return isdigit(c); }))
        << verse;
  }
  // References that are cut by the end of a buffer.
  EXPECT_EQ(*ReadAll(OpenText("kjv"), 7), *text);
}

TEST(Kjv, SaysThatTheProgramIsNotTheOneItNeeds) {
  const TestFiles files;
  const TestPath path(files.path());
  files.WriteProgram("bible", "echo 'Ge1:1 In the beginning'\n");
  EXPECT_EQ(Error(ReadAll(OpenText("kjv"))),
            "DATA_LOSS: the program bible printed 1 verses, not 31102; install the package "
            "bible-kjv again");
  files.WriteProgram("bible", "echo 'Ge1:1 In the beginning'; echo 'What is this?'\n");
  EXPECT_EQ(Error(ReadAll(OpenText("kjv"))),
            "DATA_LOSS: the program bible printed a line without a reference after verse 1; is it "
            "the one of the package bible-kjv?");
  files.WriteProgram("bible", "echo 'no data file' >&2; exit 255\n");
  EXPECT_EQ(Error(ReadAll(OpenText("kjv"))),
            "INTERNAL: \"bible -f gen1:1-rev22:21\" failed with exit status 255: no data file");
}

TEST(Jargon, IsTheWholeFileInUtf8) {
  const absl::StatusOr<std::string> text = ReadAll(OpenText("jargon"));
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_GT(text->size(), 1'500'000u);
  EXPECT_FALSE(FirstInvalidByte(*text).has_value());
  EXPECT_TRUE(absl::StrContains(text->substr(0, 100), "The Jargon File"));
}

}  // namespace
}  // namespace sluice
