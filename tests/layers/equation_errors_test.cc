// What is no cell: each mistake has one message, with its place.

#include <filesystem>
#include <fstream>
#include <iterator>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/graph/random.h>
#include <sluice/layers/cell_text.h>
#include <sluice/layers/recurrent.h>

#include "support/temporary_folder.h"

namespace sluice::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class CellFile : public ::testing::Test {
 protected:
  std::string Write(const std::string& text, const std::string& name = "mine.cell") const {
    return folder_.Write(name, text);
  }
  // Without the folder: "mine.cell:4:12: ...".
  std::string ErrorOf(const std::string& text) const {
    const absl::Status status = ParseCellSpec(Write(text)).status();
    EXPECT_FALSE(status.ok()) << text;
    std::string message(status.message());
    const std::string prefix = folder_.path() + "/";
    return absl::StartsWith(message, prefix) ? message.substr(prefix.size()) : message;
  }

  TemporaryFolder folder_;
};

TEST_F(CellFile, MistakesOfFormSayWhatWasExpectedWhere) {
  EXPECT_EQ(ErrorOf("# Minimal\n\nf = sigmoid(h)\nh' = (1 - f * h + x\n"),
            "mine.cell:4:20: expected \")\", found the end of the line");
  EXPECT_EQ(ErrorOf("h' = tanh(U h"), "mine.cell:1:14: expected \")\", found the end of the line");
  EXPECT_EQ(ErrorOf("h' = tanh(U h))"),
            "mine.cell:1:15: expected an operator or the end of the line, found \")\"");
  EXPECT_EQ(ErrorOf("h' = h *; gates h"),
            "mine.cell:1:9: expected a name, a number or \"(\", found \";\"");
  EXPECT_EQ(ErrorOf("h' = "),
            "mine.cell:1:6: expected a name, a number or \"(\", found the end of the line");
  EXPECT_EQ(ErrorOf("h' tanh(U h)"), "mine.cell:1:4: expected \"=\" behind \"h'\", found \"tanh\"");
  EXPECT_EQ(ErrorOf("= h"), "mine.cell:1:1: expected an equation, such as h' = ..., found \"=\"");
  EXPECT_EQ(ErrorOf("h' = h ? x"), "mine.cell:1:8: unexpected \"?\"");
  EXPECT_EQ(ErrorOf("h' = h\nstate 3\n"),
            "mine.cell:2:7: expected the name of a state, found \"3\"");
  EXPECT_EQ(ErrorOf("h' = tanh(U h)\ngates h'"),
            "mine.cell:2:7: expected the name of a gate, found \"h'\"");
  EXPECT_EQ(ErrorOf("f = sigmoid(U h)\nh' = f * h\ngates f(keeps: 2 - f)"),
            "mine.cell:3:16: expected keeps: f or keeps: 1 - f, found \"2\"");
  EXPECT_EQ(ErrorOf("h' = tanh(U h)\nsize x = c"),
            "mine.cell:2:6: expected size x = h, found \"x\"");
  EXPECT_EQ(ErrorOf("h' = tanh(U h)\ninit U = identity(h)"),
            "mine.cell:2:19: expected a number, found \"h\"");
  EXPECT_EQ(ErrorOf("h' = 1e999 * h"), "mine.cell:1:6: \"1e999\" is not a finite number");
}

TEST_F(CellFile, NamesThatStandForNothing) {
  EXPECT_EQ(ErrorOf("update = sigmoid(U h)\nh' = updat * h"),
            "mine.cell:2:6: \"updat\" stands for nothing; did you mean \"update\"?");
  EXPECT_EQ(ErrorOf("h' = sigmiod(U h)"),
            "mine.cell:1:6: \"sigmiod\" stands for nothing; did you mean \"sigmoid\"?");
  EXPECT_EQ(ErrorOf("h' = Qqqqqqq * h"),
            "mine.cell:1:6: \"Qqqqqqq\" stands for nothing; there are x, h, functions, and "
            "variables called W, U, b, p, u, v or like W_z and b2");
  EXPECT_EQ(ErrorOf("h' = f * h\nf = sigmoid(U h)"),
            "mine.cell:1:6: \"f\" has its equation below, in line 2; equations are worked out "
            "from top to bottom");
  EXPECT_EQ(ErrorOf("h' = tanh(h')"), "mine.cell:1:11: \"h'\" stands in its own equation");
}

TEST_F(CellFile, NamesThatAreTaken) {
  EXPECT_EQ(ErrorOf("f = sigmoid(U h)\nf = tanh(U h)\nh' = f * h"),
            "mine.cell:2:1: \"f\" has an equation already, in line 1");
  EXPECT_EQ(ErrorOf("x = h\nh' = x"), "mine.cell:1:1: \"x\" is the input; give this another name");
  EXPECT_EQ(ErrorOf("tanh = h\nh' = tanh"),
            "mine.cell:1:1: \"tanh\" is a function; give this another name");
  EXPECT_EQ(ErrorOf("state h, h\nh' = tanh(U h)"), "mine.cell:1:10: \"h\" is a state already");
  EXPECT_EQ(ErrorOf("h = 1\nh' = tanh(U h)"),
            "mine.cell:2:1: \"h\" is a state and has an equation; its next value is h'");
  EXPECT_EQ(ErrorOf("h' = U h + U tanh(h)"),
            "mine.cell:1:12: \"U\" stands in this equation already; give two of them names of "
            "their own, such as U_1 and U_2");
}

TEST_F(CellFile, StatesAndEquationsThatDoNotMeet) {
  EXPECT_EQ(ErrorOf("state h, c\nh' = tanh(U h)"),
            "mine.cell:1:10: the state \"c\" has no equation c' = ...");
  EXPECT_EQ(ErrorOf("state h, cell\nh' = tanh(U h)\ncell' = h\ncel' = h"),
            "mine.cell:4:1: no state \"cel\"; did you mean \"cell\"?");
  EXPECT_EQ(ErrorOf("c' = tanh(U c)"),
            "mine.cell:1:1: there is no state h, which is the cell's output; one equation must "
            "say what h' is");
  EXPECT_EQ(ErrorOf("f = sigmoid(U h)\nh' = tanh(U h)"), "mine.cell:1:1: nothing uses \"f\"");
  EXPECT_EQ(ErrorOf("h' = tanh(b_h)"),
            "mine.cell:1:6: h' is the same whatever x and the state are");
  EXPECT_EQ(ErrorOf("h' = 2"), "mine.cell:1:6: h' is the same whatever x and the state are");
  EXPECT_EQ(ErrorOf("h' = tanh(x)"),
            "mine.cell:1:6: h' must have the size of h, this has that of x");
}

TEST_F(CellFile, SizesThatDoNotFit) {
  EXPECT_EQ(ErrorOf("h' = x * h"),
            "mine.cell:1:8: a value of x's size and one of h's do not go together; multiply the "
            "first by a matrix: W x");
  EXPECT_EQ(ErrorOf("h' = W h"),
            "mine.cell:1:8: the matrix \"W\" multiplies what has the size of x, this has the size "
            "of h; matrices called W are for x, those called U for h");
  EXPECT_EQ(ErrorOf("h' = U.x"),
            "mine.cell:1:8: the matrix \"U\" multiplies what has the size of h, this has the size "
            "of x; matrices called W are for x, those called U for h");
  EXPECT_EQ(ErrorOf("h' = W U h"),
            "mine.cell:1:8: a matrix times a matrix; write W (U ...) for "
            "one product after the other");
  EXPECT_EQ(ErrorOf("h' = W + h"),
            "mine.cell:1:6: the matrix \"W\" stands alone; its product "
            "with x or h is written W x or W h");
  EXPECT_EQ(ErrorOf("h' = U 2 + h"),
            "mine.cell:1:8: the matrix \"U\" multiplies a vector, this is a number");
  EXPECT_EQ(ErrorOf("h' = U tanh(b_h) + h"),
            "mine.cell:1:8: the matrix \"U\" multiplies what x or a state takes part in");
  EXPECT_EQ(ErrorOf("f = sigmoid(U h)\nh' = f (1 - h)"),
            "mine.cell:2:11: expected an operator; \"f\" is no matrix, and a product element by "
            "element is written f * ...");
  EXPECT_EQ(ErrorOf("h' = 2 h"),
            "mine.cell:1:8: expected an operator; only a matrix stands ahead of what it "
            "multiplies");
}

TEST_F(CellFile, FunctionsThatAreCalledWrongly) {
  EXPECT_EQ(ErrorOf("h' = tanh(h, x)"), "mine.cell:1:6: tanh takes 1 argument, found 2");
  EXPECT_EQ(ErrorOf("h' = max(h)"), "mine.cell:1:6: max takes 2 arguments, found 1");
  EXPECT_EQ(ErrorOf("h' = h + exp(1)"), "mine.cell:1:10: exp of numbers only; write the result");
  EXPECT_EQ(ErrorOf("h' = power(h, h)"),
            "mine.cell:1:15: expected a number, which power takes last");
  EXPECT_EQ(ErrorOf("h' = h * (1 / 0)"), "mine.cell:1:13: the result is not a finite number");
}

TEST_F(CellFile, InitialValuesAndGatesOfNothing) {
  const std::string equations = "f = sigmoid(U h + b)\nh' = f * tanh(W x)\n";
  EXPECT_EQ(ErrorOf(equations + "init g.b = 1"),
            "mine.cell:3:6: no equation of \"g\"; there are f, h'");
  EXPECT_EQ(ErrorOf(equations + "init h'.b = 1"), "mine.cell:3:9: no variable \"b\"; there are W");
  EXPECT_EQ(ErrorOf(equations + "init b = identity"),
            "mine.cell:3:10: identity is for matrices; \"b\" is a vector");
  EXPECT_EQ(ErrorOf(equations + "init U = orthogonl"),
            "mine.cell:3:10: no rule \"orthogonl\"; did you mean \"orthogonal\"?");
  EXPECT_EQ(ErrorOf(equations + "init U = normal(1)"),
            "mine.cell:3:10: normal takes 2 numbers, found 1");
  EXPECT_EQ(ErrorOf(equations + "init b = 1\ninit b = 2"),
            "mine.cell:4:6: \"b\" has an initial value already, in line 3");
  EXPECT_EQ(ErrorOf(equations + "gates ff"),
            "mine.cell:3:7: no equation of \"ff\"; did you mean \"f\"?");
  EXPECT_EQ(ErrorOf(equations + "gates f f"), "mine.cell:3:9: \"f\" is among the gates already");
}

TEST_F(CellFile, FilesThatAreNoText) {
  EXPECT_EQ(ErrorOf(""), "mine.cell:1:1: there is no equation; one must say what h' is");
  EXPECT_EQ(ErrorOf("\n# only this\n"),
            "mine.cell:1:1: there is no equation; one must say what h' is");
  EXPECT_EQ(ErrorOf(std::string("h' = h\0 + x", 11)), "mine.cell:1:7: unexpected byte 0x00");
  EXPECT_EQ(ErrorOf("h' = \xCF\x83(h)"), "mine.cell:1:6: unexpected byte 0xCF");
  EXPECT_EQ(ErrorOf(std::string(1 << 20, 'a')),
            "mine.cell is longer than 65536 bytes, which no equations are");
  EXPECT_EQ(ParseCellSpec(folder_.path() + "/none.cell").status().message(),
            absl::StrCat("cannot read ", folder_.path(), "/none.cell: No such file or directory"));
  std::filesystem::create_directory(folder_.path() + "/folder.cell");
  EXPECT_EQ(ParseCellSpec(folder_.path() + "/folder.cell").status().message(),
            absl::StrCat(folder_.path(), "/folder.cell is a folder, not equations"));
}

TEST_F(CellFile, NestingHasAnEnd) {
  const auto repeat = [](const std::string& text, int times) {
    std::string all;
    for (int i = 0; i < times; ++i) all += text;
    return all;
  };
  EXPECT_THAT(ErrorOf("h' = " + repeat("(", 30'000)), HasSubstr("brackets and signs more than"));
  EXPECT_THAT(ErrorOf("h' = " + repeat("-", 30'000) + "h"),
              HasSubstr("brackets and signs more than"));
  EXPECT_THAT(ErrorOf("h' = h" + repeat("+h", 30'000)), HasSubstr("more than 400 operations"));
  EXPECT_THAT(ErrorOf("h' = h" + repeat("*h", 30'000)), HasSubstr("more than 400 operations"));
  EXPECT_THAT(ErrorOf("h' = " + repeat("U ", 30'000) + "h"), HasSubstr("mine.cell:1:"));
  EXPECT_THAT(ErrorOf("h' = " + repeat("tanh(", 10'000) + "h"),
              HasSubstr("brackets and signs more than"));
  EXPECT_TRUE(ParseCellSpec(Write("h' = h" + repeat(" + h", 300))).ok());
}

TEST_F(CellFile, OptionsAreThoseOfEveryCell) {
  const std::string path = Write("h' = tanh(W x + U h + b)");
  const absl::StatusOr<CellSpec> spec = ParseCellSpec(path + ":init=pytorch:biases=two");
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->record->name, "mine.cell");
  EXPECT_EQ(spec->options.at("init"), "pytorch");
  EXPECT_EQ(CountParameters(*spec, 3, 4)->Formula(), "H I + H^2 + 2 H");
  EXPECT_EQ(ParseCellSpec(path + ":reset=after").status().message(),
            "cell mine.cell has no option \"reset\"; did you mean \"preset\"?");
}

TEST_F(CellFile, ATextInBracesIsTheSameCellWithoutAFile) {
  const std::string equations = "# A title\nstate h, c\nc' = max(h, 0.5)\nh' = tanh(U h) * c'";
  const std::string path = Write(equations);
  const absl::StatusOr<std::string> text = WithoutFile(path + ":biases=none");
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(*text, "{mine.cell:" + equations + "}:biases=none");
  EXPECT_EQ(CellLabel(*text), "mine.cell:biases=none");
  const absl::StatusOr<CellSpec> spec = ParseCellSpec(*text);
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->record->title, "A title");
  EXPECT_EQ(spec->record->equations, "c' = max(h, 0.5), h' = tanh(U h) * c'");
  EXPECT_EQ(SplitCells("gru:reset=after,,{a: h' = max(h, x)},lstm"),
            (std::vector<std::string>{"gru:reset=after", "{a: h' = max(h, x)}", "lstm"}));
  EXPECT_EQ(CellLabel("gru:reset=after"), "gru:reset=after");
  EXPECT_EQ(*WithoutFile("gru:reset=after"), "gru:reset=after");
}

TEST(CellInBraces, SaysWhereAMistakeIs) {
  const auto error = [](const char* text) {
    return std::string(ParseCellSpec(text).status().message());
  };
  EXPECT_EQ(error("{mine: h' = tanh(U h}"), "mine:1:21: expected \")\", found the end of the line");
  EXPECT_EQ(error("{mine: h' = tanh(U h)"), "\"}\" is missing behind {mine: h' = tanh(U h)");
  EXPECT_THAT(error("{h' = tanh(U h)}"), StartsWith("equations in braces start with a name"));
  EXPECT_THAT(error("{}"), StartsWith("equations in braces start with a name"));
  EXPECT_THAT(error("{"), StartsWith("\"}\" is missing"));
  EXPECT_EQ(error("{gru: h' = tanh(U h)}"),
            "there is a cell \"gru\"; give the equations another name");
}

TEST(CellInBraces, SaysWhenInputsMustBeAsManyAsUnits) {
  VariableStore variables;
  const Recurrent rnn(variables.root() / "rnn",
                      {.cell = "{mine: size x = h; h' = x * h}", .inputs = 3, .hidden = 4});
  EXPECT_EQ(variables.status().message(),
            "cell mine says size x = h, so it needs as many inputs as units; they are 3 and 4");
}

// Any damage to a text gives a cell or an error with a place, and a cell that can be recorded.
TEST_F(CellFile, DamageIsFound) {
  std::vector<std::string> texts;
  for (const auto& entry : std::filesystem::directory_iterator(SLUICE_SOURCE_DIR "/layers/cells")) {
    if (entry.path().extension() != ".cell") continue;
    std::ifstream file(entry.path());
    texts.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  ASSERT_FALSE(texts.empty());
  RandomStream random(MakeRandomKey(1, "damage"));
  const absl::string_view bytes = "hcxfWUbpuv01.()+-*/=,:;#'\n _\0\xFF{}e";
  int cells = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string text = texts[random.Below(texts.size())];
    for (uint64_t edits = 1 + random.Below(4); edits > 0 && !text.empty(); --edits) {
      const size_t place = random.Below(text.size());
      const char byte = bytes[random.Below(bytes.size())];
      switch (random.Below(4)) {
        case 0:
          text[place] = byte;
          break;
        case 1:
          text.insert(place, 1, byte);
          break;
        case 2:
          text.erase(place, 1 + random.Below(8));
          break;
        default:
          text.insert(place, text.substr(random.Below(text.size()), random.Below(20)));
      }
    }
    const std::string cell = absl::StrCat("{damaged:", text, "}");
    const absl::StatusOr<CellSpec> spec = ParseCellSpec(cell);
    if (!spec.ok()) {
      EXPECT_THAT(std::string(spec.status().message()), StartsWith("damaged:")) << text;
      continue;
    }
    ++cells;
    VariableStore variables;
    const std::unique_ptr<Cell> made = MakeCell(*spec, variables.root(), 3, 3);
    Tape tape;
    State state;
    for (const std::string& name : made->StateNames()) {
      state.Set(name, tape.Constant(0.5, DType::kF32, {2, 3}));
    }
    const State next = made->Step(tape.Constant(0.5, DType::kF32, {2, 3}), state);
    EXPECT_TRUE(tape.status().ok()) << tape.status() << text;
    for (const std::string& name : made->StateNames()) {
      EXPECT_EQ(next[name].shape(), (Shape{2, 3})) << text;
    }
    EXPECT_EQ(CountParameters(*spec, 3, 3)->Of(3, 3), variables.parameters()) << text;
  }
  EXPECT_GT(cells, 200);
}

}  // namespace
}  // namespace sluice::testing
