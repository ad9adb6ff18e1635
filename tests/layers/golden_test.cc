// Recurrent layers against numbers from an independent implementation: tests/golden/README.md.

#include "golden/golden.h"

#include <algorithm>
#include <cmath>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>

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
};

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

  const Golden golden_ = Golden::Load(absl::StrCat(SLUICE_GOLDEN_DIR, "/", which().file, ".txt"));
};

TEST_P(GoldenSequence, GivesTheSameOutputsStatesAndGradients) {
  VariableStore variables({.dtype = DType::kF64});
  const Shape& x_shape = golden_["x"].shape();
  const int64_t hidden = golden_["h0"].shape()[2];
  const Recurrent rnn(variables.root() / "rnn",
                      {.cell = which().cell,
                       .inputs = x_shape[2],
                       .hidden = hidden,
                       .layers = which().layers,
                       .direction = which().both ? Direction::kBoth : Direction::kForward});
  ASSERT_NO_FATAL_FAILURE(LoadWeights(variables));
  ASSERT_EQ(golden_["h0"].shape()[0], rnn.states());

  Tape tape;
  const Value x = tape.Feed(golden_["x"]);
  std::vector<std::string> names = {"h"};
  if (golden_.Has("c0")) names.emplace_back("c");
  RecurrentInputs inputs;
  inputs.initial.resize(rnn.states());
  // What the file says of each value, by its name there.
  std::vector<std::pair<std::string, Value>> results;
  std::vector<Value> by = {x};
  std::vector<std::string> by_names = {"x"};
  for (const std::string& name : names) {
    const Value initial = tape.Feed(golden_[absl::StrCat(name, "0")]);
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

INSTANTIATE_TEST_SUITE_P(
    All, GoldenSequence,
    ::testing::Combine(::testing::ValuesIn(AllGoldenCases()),
                       ::testing::Values(PlanLevel::kDebug, PlanLevel::kSimple, PlanLevel::kFull)),
    [](const ::testing::TestParamInfo<std::tuple<GoldenCase, PlanLevel>>& info) {
      return absl::StrCat(std::get<0>(info.param).file, LevelName(std::get<1>(info.param)));
    });

}  // namespace
}  // namespace sluice::testing
