// Cells written as text: the same bits as a class, whatever their form; and errors for everything
// that is no cell.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/graph/random.h>
#include <sluice/layers/cell_text.h>
#include <sluice/layers/recurrent.h>

#include "layers/cells_under_test.h"

namespace sluice::testing {
namespace {

constexpr int64_t kSteps = 6, kBatch = 5, kInputs = 19, kHidden = 19;

std::string PathOf(const std::string& name) {
  return absl::StrCat(SLUICE_SOURCE_DIR "/layers/cells/", name, ".cell");
}

// ---- The same bits as the class ----

// A scope of the text and the class's for it; the last part of a path too.
using Renaming = std::vector<std::pair<std::string, std::string>>;

struct Pair {
  std::string file;  // in layers/cells/, without ".cell"
  std::string class_cell;
  Renaming renaming;  // "r" -> "reset"
};

void PrintTo(const Pair& pair, std::ostream* out) { *out << pair.file; }

const std::vector<Pair>& Pairs() {
  const Renaming gru = {{"r", "reset"}, {"z", "update"}, {"c", "candidate"}};
  const Renaming lstm = {
      {"i", "input"}, {"f", "forget"}, {"g", "candidate"}, {"o", "output"}, {"p", "peephole"}};
  Renaming multiplicative = lstm;
  multiplicative.emplace_back("m", "intermediate");
  static const auto& pairs = *new std::vector<Pair>{
      {"elman", "elman", {{"h", "state"}}},
      {"irnn", "irnn", {{"h", "state"}}},
      {"gru", "gru", gru},
      {"gru_reset_after", "gru:reset=after", gru},
      {"lstm", "lstm", lstm},
      {"lstm_peepholes", "lstm:peepholes=diagonal", lstm},
      {"lstm_coupled", "lstm:coupled=yes", lstm},
      {"gru1", "gru1", gru},
      {"gru2", "gru2", gru},
      {"gru3", "gru3", gru},
      {"indrnn", "indrnn", {{"h", "state"}, {"u", "recurrent_vector"}}},
      {"intersection", "intersection", {{"y", "output"}, {"c", "candidate"}, {"g", "gate"}}},
      {"janet", "janet", {{"a", "forget"}, {"c", "candidate"}}},
      {"ligru", "ligru:norm=none", gru},
      {"mgu", "mgu", {{"f", "forget"}, {"c", "candidate"}}},
      {"mgu1", "mgu1", {{"f", "forget"}, {"c", "candidate"}}},
      {"mgu2", "mgu2", {{"f", "forget"}, {"c", "candidate"}}},
      {"mgu3", "mgu3", {{"f", "forget"}, {"c", "candidate"}}},
      {"mut1", "mut1", {{"r", "reset"}, {"z", "update"}, {"c", "candidate"}, {"y", "projection"}}},
      {"mut2", "mut2", gru},
      {"mut3", "mut3", gru},
      {"ran", "ran", {{"i", "input"}, {"f", "forget"}, {"y", "content"}}},
      {"lstm97", "lstm97", lstm},
      {"mlstm", "mlstm", multiplicative},
      {"sru",
       "sru:output=tanh",
       {{"f", "forget"}, {"r", "reset"}, {"u", "content"}, {"v", "recurrent_vector"}}},
      {"qrnn", "qrnn", {{"z", "candidate"}, {"f", "forget"}, {"o", "output"}}},
      {"mingru", "mingru", gru},
      {"minlstm", "minlstm", {{"p", "forget"}, {"q", "input"}, {"c", "candidate"}}},
      {"rhn",
       "rhn",
       {{"a", "layer_0/candidate"},
        {"t", "layer_0/transform"},
        {"d", "layer_1/candidate"},
        {"k", "layer_1/transform"}}},
      {"ugrnn", "ugrnn", {{"g", "gate"}, {"c", "candidate"}}},
  };
  return pairs;
}

std::vector<std::string> Files() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(SLUICE_SOURCE_DIR "/layers/cells")) {
    if (entry.path().extension() == ".cell") files.push_back(entry.path().stem().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

TEST(CellFiles, AreEachComparedWithTheirClass) {
  std::vector<std::string> expected;
  for (const Pair& pair : Pairs()) expected.push_back(pair.file);
  EXPECT_THAT(Files(), ::testing::UnorderedElementsAreArray(expected));
}

std::string Renamed(const std::string& path, const Renaming& renaming) {
  std::string result;
  for (const absl::string_view part : absl::StrSplit(path, '/')) {
    const auto found = std::find_if(renaming.begin(), renaming.end(),
                                    [&](const auto& names) { return names.first == part; });
    absl::StrAppend(&result, result.empty() ? "" : "/",
                    found == renaming.end() ? part : absl::string_view(found->second));
  }
  return result;
}

class TextAndClass : public ::testing::TestWithParam<Pair> {
 protected:
  // Runs both with the same weights, all drawn anew, and compares outputs, states and gradients.
  void Compare(const std::string& options, int layers, const RunOptions& run = {}) {
    SCOPED_TRACE(options);
    VariableStore of_text, of_class;
    const RecurrentOptions size{.inputs = kInputs, .hidden = kHidden, .layers = layers};
    RecurrentOptions text = size, other = size;
    text.cell = absl::StrCat(PathOf(GetParam().file), options);
    other.cell = absl::StrCat(GetParam().class_cell, options);
    const Recurrent text_layer(of_text.root() / "rnn", text);
    const Recurrent class_layer(of_class.root() / "rnn", other);
    ASSERT_TRUE(of_text.status().ok()) << of_text.status();
    uint64_t seed = 10;
    ASSERT_EQ(of_text.trainable().size(), of_class.trainable().size());
    for (Variable* variable : of_text.trainable()) {
      Variable* twin = of_class.Find(Renamed(variable->path(), GetParam().renaming));
      ASSERT_NE(twin, nullptr) << variable->path();
      variable->value() = RandomTensor(DType::kF32, variable->shape(), seed++);
      twin->value() = variable->value().Clone();
    }
    const SequenceInputs inputs = RandomSequence(DType::kF32, kSteps, kBatch, kInputs, kHidden, 1);
    SequenceRun from_text = RunSequence(text_layer, of_text, inputs, run);
    SequenceRun from_class = RunSequence(class_layer, of_class, inputs, run);
    // Gradients in one order: that of the class's paths.
    const auto by_path = [](const VariableStore& store, const Renaming& renaming,
                            SequenceRun& result) {
      std::map<std::string, Tensor> sorted;
      for (size_t i = 0; i < result.weight_gradients.size(); ++i) {
        sorted[Renamed(store.trainable()[i]->path(), renaming)] = result.weight_gradients[i];
      }
      result.weight_gradients.clear();
      for (const auto& [path, gradient] : sorted) result.weight_gradients.push_back(gradient);
    };
    by_path(of_text, GetParam().renaming, from_text);
    by_path(of_class, {}, from_class);
    ExpectSameBits(from_text, from_class);
    EXPECT_EQ(CountParameters(text_layer.cell(), kInputs, kHidden)->Formula(),
              CountParameters(class_layer.cell(), kInputs, kHidden)->Formula());
  }
};
INSTANTIATE_TEST_SUITE_P(AsTextAndAsClass, TextAndClass, ::testing::ValuesIn(Pairs()),
                         [](const auto& info) { return info.param.file; });

TEST_P(TextAndClass, ForwardAndBackward) {
  for (const PlanLevel level : {PlanLevel::kDebug, PlanLevel::kFull}) {
    Compare("", 2, {.plan = {.level = level}});
  }
}
TEST_P(TextAndClass, WithTwoBiasesAndWithout) {
  Compare(":biases=two", 1);
  Compare(":biases=none", 1);
}

class EveryCellFile : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Files, EveryCellFile, ::testing::ValuesIn(Files()),
                         [](const auto& info) { return info.param; });

TEST_P(EveryCellFile, RunsAndLearnsAsManyNumbersAsItsFormulaSays) {
  for (const char* biases : {"none", "one", "two"}) {
    const std::string cell = absl::StrCat(PathOf(GetParam()), ":biases=", biases);
    VariableStore variables;
    const Recurrent rnn(variables.root() / "rnn",
                        {.cell = cell, .inputs = kInputs, .hidden = kHidden, .layers = 2});
    ASSERT_TRUE(variables.status().ok()) << variables.status();
    EXPECT_EQ(2 * CountParameters(rnn.cell(), kInputs, kHidden)->Of(kInputs, kHidden),
              variables.parameters());
    const SequenceRun run = RunSequence(
        rnn, variables, RandomSequence(DType::kF32, kSteps, kBatch, kInputs, kHidden, 1));
    EXPECT_EQ(run.outputs.shape(), (Shape{kSteps, kBatch, kHidden}));
    EXPECT_FALSE(rnn.cell().record->source.empty());
    EXPECT_NE(rnn.cell().record->title, rnn.cell().record->name);
  }
}

}  // namespace
}  // namespace sluice::testing
