#include <absl/flags/flag.h>

#include "experiments/program.h"

ABSL_FLAG(int, test_number, 7, "A number.");
ABSL_FLAG(std::string, test_text, "abc", "A text.");
ABSL_FLAG(bool, test_switch, false, "A switch.");
ABSL_FLAG(bool, nothing, false, "A switch whose name starts with \"no\".");
ABSL_FLAG(sluice::Count, test_count, {2'000'000}, "A count.");
ABSL_FLAG(int, test_foreign, 1, "Not one of the command's.");

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

// ---- Counts ----

Count Parsed(absl::string_view text) {
  Count count;
  std::string error;
  EXPECT_TRUE(AbslParseFlag(text, &count, &error)) << text << ": " << error;
  return count;
}

TEST(CountTest, TakesThousandsMillionsAndBillions) {
  EXPECT_EQ(Parsed("0").value, 0);
  EXPECT_EQ(Parsed("500").value, 500);
  EXPECT_EQ(Parsed("20k").value, 20'000);
  EXPECT_EQ(Parsed("20K").value, 20'000);
  EXPECT_EQ(Parsed("2M").value, 2'000'000);
  EXPECT_EQ(Parsed("3G").value, 3'000'000'000);
  EXPECT_EQ(Parsed("1.5k").value, 1'500);
  EXPECT_EQ(Parsed("0.25M").value, 250'000);
}

TEST(CountTest, RejectsWhatIsNoCount) {
  for (const char* text : {"", "k", "-1", "-2k", "M2", "2m", "2kk", "2 M M", "ten", "nan", "inf",
                           "1e300", "9999999G", "2M,3M"}) {
    Count count{42};
    std::string error;
    EXPECT_FALSE(AbslParseFlag(text, &count, &error)) << text;
    EXPECT_EQ(error, "a count is a number that is not negative, such as 500, 20k or 2M") << text;
    EXPECT_EQ(count.value, 42) << text;
  }
}

TEST(CountTest, IsWrittenAsItWouldBeTyped) {
  for (const int64_t value : {0, 1, 999, 1000, 1001, 20'000, 1'500'000, 2'000'000}) {
    EXPECT_EQ(Parsed(AbslUnparseFlag({value})).value, value);
  }
  EXPECT_EQ(AbslUnparseFlag({2'000'000}), "2M");
  EXPECT_EQ(AbslUnparseFlag({20'000}), "20k");
  EXPECT_EQ(AbslUnparseFlag({1'001}), "1001");
  EXPECT_EQ(AbslUnparseFlag({0}), "0");
}

// ---- Flags ----

class ParseFlagsTest : public testing::Test {
 protected:
  static Command TestCommand() {
    return {.name = "try",
            .summary = "Tries.",
            .usage = "try [--test_number=7]",
            .flags = {"test_number", "test_text", "test_switch", "nothing", "test_count"},
            .run = nullptr};
  }
  static absl::Status Parse(const std::vector<std::string>& arguments) {
    return ParseFlags(TestCommand(), arguments).status();
  }
  static void ExpectUsageError(const std::vector<std::string>& arguments,
                               const std::string& message) {
    const absl::Status status = Parse(arguments);
    EXPECT_TRUE(IsUsageError(status)) << status;
    EXPECT_EQ(std::string(status.message()), message);
  }
  QuietFlagSaver saver_;
};

TEST_F(ParseFlagsTest, ValueBehindAnEqualsSignOrAsTheNextArgument) {
  EXPECT_TRUE(Parse({"--test_number=3", "--test_text", "x y"}).ok());
  EXPECT_EQ(absl::GetFlag(FLAGS_test_number), 3);
  EXPECT_EQ(absl::GetFlag(FLAGS_test_text), "x y");
  EXPECT_TRUE(Parse({"--test_number", "-4", "--test_text=a=b", "--test_count", "3k"}).ok());
  EXPECT_EQ(absl::GetFlag(FLAGS_test_number), -4);
  EXPECT_EQ(absl::GetFlag(FLAGS_test_text), "a=b");
  EXPECT_EQ(absl::GetFlag(FLAGS_test_count).value, 3000);
  EXPECT_TRUE(Parse({"--test_text="}).ok());
  EXPECT_EQ(absl::GetFlag(FLAGS_test_text), "");
}

TEST_F(ParseFlagsTest, SwitchesTakeNoValueOrOneBehindAnEqualsSign) {
  EXPECT_TRUE(Parse({"--test_switch", "--nothing"}).ok());
  EXPECT_TRUE(absl::GetFlag(FLAGS_test_switch));
  EXPECT_TRUE(absl::GetFlag(FLAGS_nothing));
  EXPECT_TRUE(Parse({"--notest_switch", "--nonothing"}).ok());
  EXPECT_FALSE(absl::GetFlag(FLAGS_test_switch));
  EXPECT_FALSE(absl::GetFlag(FLAGS_nothing));
  EXPECT_TRUE(Parse({"--test_switch=true"}).ok());
  EXPECT_TRUE(absl::GetFlag(FLAGS_test_switch));
}

TEST_F(ParseFlagsTest, AFlagWithAnImpliedValueMayStandAlone) {
  Command command = TestCommand();
  command.implied = {{"test_text", "implied"}};
  command.positional = {"what"};
  const auto rest = ParseFlags(command, std::vector<std::string>{"--test_text", "cells"});
  ASSERT_TRUE(rest.ok()) << rest.status();
  EXPECT_THAT(*rest, ElementsAre("cells"));
  EXPECT_EQ(absl::GetFlag(FLAGS_test_text), "implied");
  EXPECT_TRUE(ParseFlags(command, std::vector<std::string>{"--test_text=given"}).ok());
  EXPECT_EQ(absl::GetFlag(FLAGS_test_text), "given");
}

TEST_F(ParseFlagsTest, TheLastOfEqualFlagsCounts) {
  EXPECT_TRUE(Parse({"--test_number=3", "--test_number=4"}).ok());
  EXPECT_EQ(absl::GetFlag(FLAGS_test_number), 4);
}

TEST_F(ParseFlagsTest, UnknownFlagsNameTheNearestOne) {
  ExpectUsageError({"--test_nmber=3"},
                   "sluice try has no flag --test_nmber; did you mean \"test_number\"?\n"
                   "Try: sluice help try");
  ExpectUsageError({"--xyz"},
                   "sluice try has no flag --xyz; there are test_number, test_text, test_switch, "
                   "nothing, test_count\nTry: sluice help try");
  // A flag of the process that is not the command's.
  EXPECT_TRUE(IsUsageError(Parse({"--test_foreign=2"})));
  EXPECT_TRUE(IsUsageError(Parse({"--flagfile=/dev/null"})));
  EXPECT_TRUE(IsUsageError(Parse({"--notest_number"})));
  EXPECT_TRUE(IsUsageError(Parse({"--"})));
  EXPECT_TRUE(IsUsageError(Parse({"--=3"})));
}

TEST_F(ParseFlagsTest, ValuesThatDoNotFit) {
  ExpectUsageError({"--test_number=many"}, "--test_number: \"many\" does not fit");
  ExpectUsageError({"--test_count=some"},
                   "--test_count: \"some\" does not fit: a count is a number that is not negative, "
                   "such as 500, 20k or 2M");
  ExpectUsageError({"--test_number"}, "--test_number needs a value: --test_number=...");
  EXPECT_EQ(absl::GetFlag(FLAGS_test_number), 7);
}

TEST_F(ParseFlagsTest, WhatIsNoFlag) {
  ExpectUsageError({"-test_number=3"},
                   "sluice try does not take \"-test_number=3\"; flags start with --\n"
                   "Try: sluice help try");
  Command command = TestCommand();
  command.positional = {"what"};
  const auto one = ParseFlags(command, std::vector<std::string>{"cells", "--test_number=3"});
  ASSERT_TRUE(one.ok()) << one.status();
  EXPECT_THAT(*one, ElementsAre("cells"));
  EXPECT_TRUE(IsUsageError(ParseFlags(command, std::vector<std::string>{"cells", "ops"}).status()));
}

TEST_F(ParseFlagsTest, HelpShowsEachFlagWithItsStandardValue) {
  EXPECT_TRUE(Parse({"--test_number=3"}).ok());
  EXPECT_EQ(HelpText(TestCommand()),
            "Usage: sluice try [--test_number=7]\n\nTries.\n\n"
            "Flags, with their standard values:\n"
            "  --test_number=7             A number.\n"
            "  --test_text=abc             A text.\n"
            "  --test_switch=false         A switch.\n"
            "  --nothing=false             A switch whose name starts with \"no\".\n"
            "  --test_count=2M             A count.\n");
}

// ---- The whole program ----

using RunCommandLineTest = ProgramTest;

TEST_F(RunCommandLineTest, HelpGoesToStandardOutput) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"help"}, {"--help"}, {"-h"}}) {
    const Outcome outcome = Sluice(arguments);
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_THAT(outcome.out, StartsWith("Usage: sluice COMMAND [--flag=value ...]\n"));
    for (const char* name :
         {"compare", "train", "sample", "list", "graph", "probe", "reproduce", "help"}) {
      EXPECT_THAT(outcome.out, HasSubstr(absl::StrCat("\n  ", name, " ")));
    }
    EXPECT_THAT(outcome.error, IsEmpty());
  }
  const Outcome compare = Sluice({"help", "compare"});
  EXPECT_EQ(compare.exit_code, 0);
  EXPECT_THAT(compare.out, HasSubstr("  --hidden=256"));
  EXPECT_EQ(Sluice({"compare", "--hidden=8", "--help"}).out, compare.out);
}

void ExpectWrongUsage(const Outcome& outcome, const std::string& message) {
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.error, absl::StrCat("sluice: ", message, "\n"));
  EXPECT_THAT(outcome.out, IsEmpty());
}

TEST_F(RunCommandLineTest, UnknownCommand) {
  const std::string hint = "; did you mean \"compare\"?\nTry: sluice help";
  ExpectWrongUsage(Sluice({"compar"}), "no command \"compar\"" + hint);
  ExpectWrongUsage(Sluice({"help", "Compare"}), "no command \"Compare\"" + hint);
  ExpectWrongUsage(Sluice({"xyzzy"}),
                   "no command \"xyzzy\"; there are help, compare, train, sample, list, "
                   "graph, probe, reproduce\n"
                   "Try: sluice help");
  const Outcome none = Sluice({});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.error, StartsWith("sluice: a command is missing\n\nUsage: sluice COMMAND"));
}

TEST_F(RunCommandLineTest, UnknownFlag) {
  ExpectWrongUsage(Sluice({"compare", "--hiden=3"}),
                   "sluice compare has no flag --hiden; did you mean \"hidden\"?\n"
                   "Try: sluice help compare");
  ExpectWrongUsage(Sluice({"train", "gru"}),
                   "sluice train does not take \"gru\"; flags start with --\n"
                   "Try: sluice help train");
}

TEST_F(RunCommandLineTest, UnknownNames) {
  ExpectWrongUsage(Sluice(Tiny("compare", {"--cells=all,lsmt"})),
                   "--cells: no cell \"lsmt\"; did you mean \"lstm\"?");
  ExpectWrongUsage(Sluice(Tiny("train", {"--cell=grru"})),
                   "--cell: no cell \"grru\"; did you mean \"gru\"?");
  ExpectWrongUsage(Sluice({"graph", "--cell=grru"}),
                   "--cell: no cell \"grru\"; did you mean \"gru\"?");
  ExpectWrongUsage(Sluice(Tiny("compare", {"--cells=gru:rset=after"})),
                   "--cells: cell gru has no option \"rset\"; did you mean \"reset\"?");
  ExpectWrongUsage(Sluice(Tiny("compare", {"--optimizer=adm"})),
                   "--optimizer: no optimizer \"adm\"; did you mean \"adam\"?");
  ExpectWrongUsage(Sluice(Tiny("compare", {"--corpus=kvj"})),
                   "--corpus: no corpus and no file is called \"kvj\"; did you mean \"kjv\"?");
  ExpectWrongUsage(Sluice({"list", "cell"}),
                   "nothing called \"cell\" to list; did you mean \"cells\"?");
  EXPECT_FALSE(Exists(Path("results")));
}

TEST_F(RunCommandLineTest, UnknownUnitAndNormalisationNameTheChoices) {
  for (const char* flag : {"unit", "normalise"}) {
    const Outcome outcome = Sluice(Tiny("compare", {absl::StrCat("--", flag, "=syllable")}));
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_THAT(outcome.error, StartsWith(absl::StrCat("sluice: --", flag, ": ")));
    EXPECT_THAT(outcome.error, HasSubstr("syllable"));
    EXPECT_THAT(outcome.error,
                HasSubstr(absl::string_view(flag) == "unit" ? "character" : "letters"));
  }
}

TEST_F(RunCommandLineTest, NumbersOutOfRange) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"--hidden=0", "--hidden must be from 1 to 1048576, got 0"},
      {"--hidden=2000000000", "--hidden must be from 1 to 1048576, got 2000000000"},
      {"--layers=0", "--layers must be from 1 to 1048576, got 0"},
      {"--embedding=-1", "--embedding must be from 0 to 1048576, got -1"},
      {"--batch=0", "--batch must be from 1 to 1048576, got 0"},
      {"--steps=-3", "--steps must be from 1 to 1048576, got -3"},
      {"--dropout=1", "--dropout must be at least 0 and below 1, got 1"},
      {"--dropout=nan", "--dropout must be at least 0 and below 1, got nan"},
      {"--learning_rate=-1", "--learning_rate must be at least 0, got -1"},
      {"--clip=-1", "--clip must be at least 0, got -1"},
      {"--seconds=-1", "--seconds must be at least 0, got -1"},
      {"--threads=-1", "--threads must be from 0 to 1024, got -1"},
      {"--threads=1000000", "--threads must be from 0 to 1024, got 1000000"},
      {"--seeds=0", "--seeds must be at least 1"},
      {"--cells=,", "--cells names no cell"},
      {"--temperature=-1", "--temperature must be at least 0, got -1"},
      {"--top_k=-1", "--top_k must be at least 0, got -1"},
      {"--validation_share=1", "--validation_share must be at least 0 and below 1, got 1"},
      {"--max_vocabulary=1", "--max_vocabulary must be 0 (all symbols) or at least 2, got 1"},
      {"--test_share=0.96", "--validation_share and --test_share together must be below 1"},
      {"--tied", "--tied needs --embedding as large as --hidden; they are 4 and 8"},
      {"--tokens=-1",
       "--tokens: \"-1\" does not fit: a count is a number that is not negative, "
       "such as 500, 20k or 2M"},
  };
  for (const auto& [flag, message] : cases) {
    SCOPED_TRACE(flag);
    ExpectWrongUsage(Sluice(Tiny("compare", {flag})), message);
  }
  EXPECT_FALSE(Exists(Path("results")));
}

TEST_F(RunCommandLineTest, APrefixThatCannotBeReadIsKnownBeforeTheTraining) {
  ExpectWrongUsage(Sluice(Tiny("compare", {"--normalise=letters", "--prefixes=time,42"})),
                   "--prefixes: the prefix \"42\" has no token to start from");
  ExpectWrongUsage(Sluice(Tiny("compare", {"--prefixes=\xFF"})),
                   "--prefixes: the text to encode is not valid UTF-8 at byte 0");
  EXPECT_FALSE(Exists(Path("results")));
}

}  // namespace
}  // namespace sluice
