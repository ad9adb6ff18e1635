// Recurrent layers against numbers from an independent implementation: tests/golden/README.md.

#include "golden/golden.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/strip.h>
#include <gmock/gmock.h>

#include <sluice/graph/gradients.h>
#include <sluice/layers/recurrent.h>
#include <sluice/ops/composed.h>

namespace sluice::testing {
namespace {

// The worst element is off by 2e-13 of itself; this leaves room for processors that round
// elsewhere.
constexpr double kTolerance = 1e-11;

struct GoldenCase {
  std::string file;
  std::string cell;
  int layers = 1;
  bool both = false;
  std::string part = {};  // of the file; none: it holds this case alone
};

void PrintTo(const GoldenCase& which, std::ostream* out) { *out << which.cell; }

// The gate designs, by file. What follows @ tells apart cases of one cell.
struct Family {
  const char* file;
  std::vector<const char*> parts;
};

const std::vector<Family>& Families() {
  static const auto& families = *new std::vector<Family>{
      {"cells_lstm",
       {"lstm97", "lstm97:preset=paper", "lstm:preset=nig", "lstm:preset=nfg", "lstm:preset=nog",
        "lstm:preset=niaf", "lstm:preset=noaf", "lstm:preset=cifg", "lstm:preset=fgr",
        "lstm:coupled=capped"}},
      {"cells_lstm_relatives",
       {"mlstm", "lnlstm:over=gate", "lnlstm:over=all", "slstm:heads=1@fresh", "slstm:heads=1",
        "slstm:heads=2"}},
      {"cells_gru",
       {"mut1",
        "mut2",
        "mut3",
        "mgu",
        "mgu1",
        "mgu2",
        "mgu3",
        "gru1",
        "gru2",
        "gru3",
        "gru:gates=hard_sigmoid",
        "lngru",
        "lngru:reset=after",
        "ugrnn",
        "intersection",
        "intersection@as_wide",
        "janet",
        "ligru:norm=layer",
        "ligru:norm=none",
        "rhn:depth=2",
        "rhn:depth=3"}},
      {"cells_light",
       {"irnn", "indrnn", "ran", "ran:output=identity", "sru:version=1", "sru:version=2",
        "sru:output=tanh:alpha=1.5", "sru:output=tanh:alpha=1.5@as_wide", "qrnn:window=1",
        "qrnn:window=1:forget=new", "qrnn:window=2", "mingru:state=signed", "mingru:state=positive",
        "minlstm:state=signed", "minlstm:state=positive"}}};
  return families;
}

std::string PathOfFile(absl::string_view file) {
  return absl::StrCat(SLUICE_GOLDEN_DIR, "/", file, ".txt");
}

std::vector<GoldenCase> AllGoldenCases() {
  std::vector<GoldenCase> cases;
  const std::pair<const char*, const char*> torch_cells[] = {
      {"elman_tanh", "elman:preset=pytorch"},
      {"elman_relu", "elman:preset=pytorch:activation=relu"},
      {"gru", "gru:preset=pytorch"},
      {"lstm", "lstm:preset=pytorch"}};
  for (const auto& [name, cell] : torch_cells) {
    for (const int layers : {1, 2}) {
      for (const bool both : {false, true}) {
        const char* ways = both ? "two" : "one";
        cases.push_back(
            {absl::StrCat(name, "_", layers, "layer_", ways, "way"), cell, layers, both});
      }
    }
  }
  cases.push_back({"masked_gru", "gru:preset=pytorch", 1, true});
  // In `reset=after` with one bias the bias is in the input's part, outside r * (...).
  const std::pair<const char*, const char*> conventions[] = {
      {"gru_reset_before", "gru:reset=before"},        {"gru_update_new", "gru:update=new"},
      {"gru_reset_after_one_bias", "gru:reset=after"}, {"lstm_one_bias", "lstm"},
      {"lstm_peepholes", "lstm:peepholes=diagonal"},   {"lstm_coupled", "lstm:coupled=yes"}};
  for (const auto& [name, cell] : conventions) cases.push_back({name, cell});
  for (const Family& family : Families()) {
    for (const std::string part : family.parts) {
      cases.push_back({family.file, part.substr(0, part.find('@')), 1, false, part});
    }
  }
  return cases;
}

void ExpectNear(const Tensor& actual, const Tensor& expected, absl::string_view what) {
  ASSERT_EQ(actual.shape(), expected.shape()) << what;
  for (int64_t i = 0; i < expected.elements(); ++i) {
    const double scale = std::max(1e-3, std::abs(expected.At(i)));
    ASSERT_LE(std::abs(actual.At(i) - expected.At(i)) / scale, kTolerance)
        << what << ", element " << i << ": " << actual.At(i) << ", not " << expected.At(i);
  }
}

class GoldenSequence : public ::testing::TestWithParam<std::tuple<GoldenCase, PlanLevel>> {
 protected:
  const GoldenCase& which() const { return std::get<0>(GetParam()); }

  // The path in our store of a variable of the file, which always names the direction.
  std::string PathOf(absl::string_view name) const {
    return which().both ? std::string(name) : absl::StrReplaceAll(name, {{"/forward", ""}});
  }

  void LoadWeights(VariableStore& variables) const {
    size_t loaded = 0;
    for (const std::string& name : golden_.names()) {
      if (!absl::StartsWith(name, "rnn/")) continue;
      Variable* variable = variables.Find(PathOf(name));
      ASSERT_NE(variable, nullptr) << PathOf(name);
      ASSERT_EQ(variable->shape(), golden_[name].shape()) << name;
      variable->value() = golden_[name].Clone();
      ++loaded;
    }
    EXPECT_EQ(loaded, variables.trainable().size()) << "the layer has variables the file has not";
  }

  const Golden golden_ = Golden::Load(PathOfFile(which().file), which().part);
};

TEST_P(GoldenSequence, GivesTheSameOutputsStatesAndGradients) {
  VariableStore variables({.dtype = DType::kF64});
  const Shape& x_shape = golden_["x"].shape();
  const int64_t hidden = golden_["output_weights"].shape()[2] / (which().both ? 2 : 1);
  const Recurrent rnn(variables.root() / "rnn",
                      {.cell = which().cell,
                       .inputs = x_shape[2],
                       .hidden = hidden,
                       .layers = which().layers,
                       .direction = which().both ? Direction::kBoth : Direction::kForward});
  ASSERT_NO_FATAL_FAILURE(LoadWeights(variables));

  Tape tape;
  const Value x = tape.Feed(golden_["x"]);
  std::vector<std::string> names;  // of the states
  for (absl::string_view name : golden_.names()) {
    if (absl::ConsumeSuffix(&name, "_n_weights")) names.emplace_back(name);
  }
  RecurrentInputs inputs;
  inputs.initial.resize(rnn.states());
  // What the file says of each value, by its name there.
  std::vector<std::pair<std::string, Value>> results;
  std::vector<Value> by = {x};
  std::vector<std::string> by_names = {"x"};
  for (const std::string& name : names) {
    const Value initial = tape.Feed(golden_[absl::StrCat(name, "0")]);
    ASSERT_EQ(initial.shape()[0], rnn.states());
    by.push_back(initial);
    by_names.push_back(absl::StrCat(name, "0"));
    for (int i = 0; i < rnn.states(); ++i) inputs.initial[i].Set(name, Index(initial, i));
  }
  Value outputs_mask;
  if (golden_.Has("mask")) {
    inputs.mask = tape.Feed(golden_["mask"]);
    outputs_mask = Reshape(inputs.mask, {x_shape[0], x_shape[1], 1});
  }
  const RecurrentOutputs run = rnn.Run(x, inputs);
  Value loss = Sum(run.outputs * tape.Feed(golden_["output_weights"]));
  if (outputs_mask) {
    // PyTorch gives zeros at padded steps, this layer the state it keeps.
    results.emplace_back("outputs_zero_padded", run.outputs * outputs_mask);
  } else {
    results.emplace_back("outputs", run.outputs);
  }
  for (const std::string& name : names) {
    std::vector<Value> finals;
    for (const State& state : run.final) finals.push_back(state[name]);
    const Value final = Stack(finals);
    results.emplace_back(absl::StrCat(name, "_n"), final);
    loss = loss + Sum(final * tape.Feed(golden_[absl::StrCat(name, "_n_weights")]));
  }
  results.emplace_back("loss", loss);
  for (const std::string& name : golden_.names()) {
    if (!absl::StartsWith(name, "rnn/")) continue;
    by.push_back(tape.Use(*variables.Find(PathOf(name))));
    by_names.push_back(name);
  }
  const std::vector<Value> gradients = Gradients(loss, by);
  ASSERT_TRUE(tape.status().ok()) << tape.status();
  for (size_t i = 0; i < by.size(); ++i) {
    results.emplace_back(absl::StrCat("gradient/", by_names[i]), gradients[i]);
  }

  std::vector<Value> values;
  for (const auto& [name, value] : results) values.push_back(value);
  const absl::StatusOr<std::vector<Tensor>> read =
      tape.Read(values, {.plan = {.level = std::get<1>(GetParam())}});
  ASSERT_TRUE(read.ok()) << read.status();
  for (size_t i = 0; i < results.size(); ++i) {
    ExpectNear((*read)[i], golden_[results[i].first], results[i].first);
  }
  // Every gradient of the file was compared.
  const auto is_gradient = [](const std::string& name) {
    return absl::StartsWith(name, "gradient/");
  };
  EXPECT_EQ(std::count_if(golden_.names().begin(), golden_.names().end(), is_gradient),
            static_cast<std::ptrdiff_t>(by.size()));
}

const char* LevelName(PlanLevel level) {
  constexpr const char* kNames[] = {"_debug", "", "_full"};
  return kNames[static_cast<int>(level)];
}

TEST(GoldenFamilies, NoPartIsLeftOut) {
  for (const Family& family : Families()) {
    std::set<std::string> parts;
    const Golden golden = Golden::Load(PathOfFile(family.file));
    for (const std::string& name : golden.names()) parts.insert(name.substr(0, name.find('/')));
    EXPECT_THAT(family.parts, ::testing::UnorderedElementsAreArray(parts)) << family.file;
  }
}

// Of a gate design that has no golden file, nothing but its own formula says what it should be.
TEST(GoldenFamilies, EveryGateDesignHasOne) {
  std::set<std::string> cells;
  for (const GoldenCase& each : AllGoldenCases()) {
    cells.insert(each.cell.substr(0, each.cell.find(':')));
  }
  for (const std::string& name : CellRegistry::Global().Names()) {
    EXPECT_TRUE(cells.contains(name) || absl::StartsWith(name, "test_")) << name;
  }
}

std::string TestName(const ::testing::TestParamInfo<GoldenSequence::ParamType>& info) {
  const auto& [which, level] = info.param;
  std::string name = which.part.empty() ? which.file : which.part;
  for (char& c : name) {
    if (!absl::ascii_isalnum(c)) c = '_';
  }
  return name + LevelName(level);
}

INSTANTIATE_TEST_SUITE_P(All, GoldenSequence,
                         ::testing::Combine(::testing::ValuesIn(AllGoldenCases()),
                                            ::testing::Values(PlanLevel::kDebug, PlanLevel::kSimple,
                                                              PlanLevel::kFull)),
                         TestName);

}  // namespace
}  // namespace sluice::testing
