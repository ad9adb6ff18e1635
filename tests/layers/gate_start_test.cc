// How gates that keep the state start: keep_bias and chrono, of every cell.

#include <algorithm>
#include <cmath>
#include <set>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

#include <sluice/layers/recurrent.h>
#include <sluice/ops/composed.h>

#include "layers/cells_under_test.h"
#include "support/read.h"

namespace sluice::testing {
namespace {

constexpr int64_t kInputs = 5, kHidden = 8;

// First values of every variable of a cell that is called so, below the cell.
struct First {
  explicit First(const std::string& cell, uint64_t seed = 1, int64_t hidden = kHidden)
      : variables({.seed = seed, .dtype = DType::kF64}), cell_spec(ParseCellSpec(cell)) {
    EXPECT_TRUE(cell_spec.ok()) << cell_spec.status();
    if (cell_spec.ok()) MakeCell(*cell_spec, variables.root() / "cell", kInputs, hidden);
  }
  absl::Span<const double> operator[](absl::string_view path) const {
    const Variable* variable = variables.Find(absl::StrCat("cell/", path));
    if (variable != nullptr) return variable->value().values<double>();
    ADD_FAILURE() << "no " << path;
    return {};
  }

  VariableStore variables;
  absl::StatusOr<CellSpec> cell_spec;
};

std::vector<double> Negated(absl::Span<const double> values) {
  std::vector<double> negated(values.begin(), values.end());
  for (double& value : negated) value = -value;
  return negated;
}

TEST(Chrono, StartsEveryGateThatKeepsWithinItsRange) {
  constexpr double kLongest = 20;
  std::set<std::string> started;
  // Every design, where a few stand for all too.
  std::vector<std::string> cells = AllCells();
  const std::vector<std::string> names = CellRegistry::Global().Names();
  cells.insert(cells.end(), names.begin(), names.end());
  for (const std::string& cell : cells) {
    SCOPED_TRACE(cell);
    const std::string text = absl::StrCat(cell, ":chrono=", kLongest);
    if (!ParseCellSpec(text).ok()) continue;
    const First first(text);
    if (!first.variables.status().ok()) continue;
    for (const GateRecord& gate : GatesOf(*first.cell_spec)) {
      if (gate.keeps == Polarity::kNeither) continue;
      for (const Variable* variable : first.variables.trainable()) {
        if (!absl::EndsWith(variable->path(), absl::StrCat("/", gate.name, "/bias")) &&
            !absl::EndsWith(variable->path(), absl::StrCat("/", gate.name, "/input_bias"))) {
          continue;
        }
        std::vector<double> keeps(variable->value().values<double>().begin(),
                                  variable->value().values<double>().end());
        if (gate.keeps == Polarity::kOneMinusGate) keeps = Negated(keeps);
        const auto [low, high] = std::minmax_element(keeps.begin(), keeps.end());
        EXPECT_GE(*low, 0) << variable->path();
        EXPECT_LE(*high, std::log(kLongest - 1)) << variable->path();
        EXPECT_GT(*high, *low + 0.2) << variable->path();
        started.insert(first.cell_spec->record->name);
      }
    }
  }
  const std::set<std::string> expected = {
      "gru",  "gru1", "gru3", "intersection", "janet",  "ligru",   "lngru", "lnlstm",
      "lstm", "mgu",  "mgu1", "mgu3",         "mingru", "minlstm", "mlstm", "mut1",
      "mut2", "mut3", "qrnn", "ran",          "rhn",    "slstm",   "sru",   "ugrnn"};
  for (const std::string& cell : expected) EXPECT_EQ(started.count(cell), 1) << cell;
}

// Many draws at once: no cell's matrix is (H, H) here.
TEST(Chrono, IsTheLogarithmOfAUniformNumber) {
  constexpr int64_t kDraws = 20'000;
  constexpr double kLongest = 50, kRange = kLongest - 2;
  const First first("qrnn:chrono=50", 1, kDraws);
  double mean = 0, square = 0, logarithm = 0;
  for (const double bias : first["forget/bias"]) {
    logarithm += bias / kDraws;
    mean += std::exp(bias) / kDraws;
    square += std::exp(2 * bias) / kDraws;
  }
  // Four deviations of such a mean.
  const double deviation = kRange / std::sqrt(12.0);
  EXPECT_NEAR(mean, kLongest / 2, 4 * deviation / std::sqrt(kDraws));
  EXPECT_NEAR(square - mean * mean, deviation * deviation, 0.02 * deviation * deviation);
  EXPECT_NEAR(logarithm, (kLongest - 1) * std::log(kLongest - 1) / kRange - 1, 0.03);
}

TEST(Chrono, StartsTheInputGateAsMinusTheForgetGate) {
  for (const char* cell : {"lstm", "lstm:coupled=capped", "lstm:preset=fgr", "lstm:preset=keras",
                           "lnlstm", "mlstm", "ran", "minlstm"}) {
    SCOPED_TRACE(cell);
    const First first(absl::StrCat(cell, ":chrono=30"));
    EXPECT_EQ(first["input/bias"], Negated(first["forget/bias"]));
  }
  const First two("lstm:biases=two:chrono=30");
  EXPECT_EQ(two["input/input_bias"], Negated(two["forget/input_bias"]));
  EXPECT_EQ(two["input/recurrent_bias"], std::vector<double>(kHidden));
  EXPECT_EQ(two["forget/recurrent_bias"], std::vector<double>(kHidden));
  EXPECT_EQ(two["output/input_bias"], std::vector<double>(kHidden));
  EXPECT_EQ(two["candidate/input_bias"], std::vector<double>(kHidden));
}

TEST(Chrono, DrawsOtherNumbersForEachSeedLayerAndDirection) {
  const auto biases = [](uint64_t seed) {
    VariableStore variables({.seed = seed});
    const Recurrent rnn(variables.root() / "rnn", {.cell = "lstm:chrono=30",
                                                   .inputs = kInputs,
                                                   .hidden = kHidden,
                                                   .layers = 2,
                                                   .direction = Direction::kBoth});
    std::set<std::vector<float>> all;
    for (const char* place : {"0/forward", "0/backward", "1/forward", "1/backward"}) {
      const auto values =
          variables.Find(absl::StrCat("rnn/", place, "/forget/bias"))->value().values<float>();
      all.emplace(values.begin(), values.end());
    }
    EXPECT_EQ(all.size(), 4);
    return all;
  };
  std::set<std::vector<float>> two_seeds = biases(1);
  EXPECT_EQ(two_seeds, biases(1));
  two_seeds.merge(biases(2));
  EXPECT_EQ(two_seeds.size(), 8);
}

TEST(KeepBias, IsAddedTowardsKeeping) {
  struct Shift {
    const char* cell;
    const char* bias;
    double expected;
  };
  constexpr Shift kShifts[] = {{"gru", "update/bias", 2},
                               {"gru", "reset/bias", 0},
                               {"gru", "candidate/bias", 0},
                               {"gru:update=new", "update/bias", -2},
                               {"gru:biases=two", "update/input_bias", 2},
                               {"gru:biases=two", "update/recurrent_bias", 0},
                               {"lstm", "forget/bias", 2},
                               {"lstm", "input/bias", 0},
                               {"lstm", "output/bias", 0},
                               {"lstm:preset=keras", "forget/bias", 3},
                               {"lstm:coupled=yes", "input/bias", -2},
                               {"mgu", "forget/bias", -2},
                               {"mgu3", "forget/bias", -2},
                               {"ugrnn", "gate/bias", 2},
                               {"ugrnn:forget_bias=1", "gate/bias", 3},
                               {"janet", "forget/bias", 3},
                               {"minlstm", "forget/bias", 2},
                               {"minlstm", "input/bias", 0},
                               {"mingru", "update/bias", -2},
                               {"qrnn", "forget/bias", 2},
                               {"qrnn:forget=new", "forget/bias", -2},
                               {"ligru", "update/bias", 2},
                               {"intersection", "gate/bias", 2},
                               {"intersection", "up/bias", 0},
                               {"rhn", "layer_0/transform/bias", -2},
                               {"rhn", "layer_1/transform/bias", -2}};
  for (const Shift& shift : kShifts) {
    SCOPED_TRACE(absl::StrCat(shift.cell, " ", shift.bias));
    const First first(absl::StrCat(shift.cell, ":keep_bias=2"));
    EXPECT_EQ(first[shift.bias], std::vector<double>(kHidden, shift.expected));
  }
}

TEST(KeepBias, IsAddedToWhatTheBiasStartsAs) {
  for (const char* cell : {"lstm:init=pytorch", "lstm:chrono=30", "slstm"}) {
    SCOPED_TRACE(cell);
    const First plain(cell), kept(absl::StrCat(cell, ":keep_bias=2"));
    for (int64_t i = 0; i < kHidden; ++i) {
      EXPECT_DOUBLE_EQ(kept["forget/bias"][i], plain["forget/bias"][i] + 2);
    }
    EXPECT_EQ(kept["input/bias"], plain["input/bias"]);
  }
}

// What a step does to a change of the memory (c, what else there is, or h): 1 keeps it, 0 does not.
// Mean of the units.
double KeptByAStep(const std::string& cell) {
  VariableStore variables({.dtype = DType::kF64});
  const Recurrent rnn(variables.root() / "rnn",
                      {.cell = cell, .inputs = kInputs, .hidden = kHidden});
  const std::vector<std::string> names =
      MakeCell(rnn.cell(), Scope(&variables, "rnn/0"), kInputs, kHidden)->StateNames();
  std::string memory = "h";
  for (const std::string& name : names) {
    if (memory == "h" || name == "c") memory = name;
  }
  constexpr double kChange = 1e-3;
  const auto next = [&](double change) {
    Tape tape;
    State state;
    for (size_t i = 0; i < names.size(); ++i) {
      const Value value = tape.Feed(RandomTensor(DType::kF64, {4, kHidden}, 2 + i));
      // n is a sum of weights, by which the cell divides.
      state.Set(names[i], names[i] == "n"      ? value + 2
                          : names[i] == memory ? value + change
                                               : value);
    }
    const Value x = tape.Feed(RandomTensor(DType::kF64, {1, 4, kInputs}, 1));
    return MustRead(Mean(rnn.Run(x, {.initial = {state}}).final[0][memory])).At(0);
  };
  return (next(kChange) - next(0)) / kChange;
}

// By what the cell does, whatever its records say.
TEST(KeepBias, MakesEveryCellThatHasItKeepMore) {
  int cells = 0;
  for (const std::string& cell : AllCells()) {
    if (!LayerError(absl::StrCat(cell, ":keep_bias=6")).empty()) continue;
    EXPECT_GT(KeptByAStep(absl::StrCat(cell, ":keep_bias=6")),
              KeptByAStep(absl::StrCat(cell, ":keep_bias=-6")) + 0.3)
        << cell;
    ++cells;
  }
  EXPECT_GT(cells, static_cast<int>(AllCells().size()) / 3);
}

TEST(FirstBiasErrors, SayWhatACellLacks) {
  constexpr std::pair<const char*, const char*> kWrong[] = {
      {"elman:chrono=10",
       "cell elman: chrono sets the bias of a gate that keeps; there is no such gate"},
      {"elman:keep_bias=1",
       "cell elman: keep_bias sets the bias of a gate that keeps; there is no such gate"},
      {"lstm97:chrono=10",
       "cell lstm97: chrono sets the bias of a gate that keeps; there is no such gate"},
      {"lstm:drop=forget:keep_bias=1",
       "cell lstm: keep_bias sets the bias of a gate that keeps; there is no such gate"},
      {"gru:biases=none:chrono=10",
       "cell gru: chrono sets the bias of a gate that keeps; with biases=none there is no bias"},
      {"lstm:biases=none:keep_bias=-1",
       "cell lstm: keep_bias sets the bias of a gate that keeps; with biases=none there is no "
       "bias"},
      {"mgu2:keep_bias=1",
       "cell mgu2: keep_bias sets the bias of a gate that keeps; forget has none"},
      {"gru2:chrono=10", "cell gru2: chrono sets the bias of a gate that keeps; update has none"},
      {"{mine: f = sigmoid(W x); h' = f * h + (1 - f) * tanh(W x + b); gates f(keeps: f)}:chrono=9",
       "cell mine: chrono sets the bias of a gate that keeps; f has none"},
      {"gru:chrono=2", "cell gru: chrono is 0 or a memory of more than 2 steps, got 2"},
      {"gru:chrono=0.5", "cell gru: chrono is 0 or a memory of more than 2 steps, got 0.5"},
      {"gru:chrono=-3", "cell gru: chrono is a number of at least 0, got \"-3\""}};
  for (const auto& [cell, error] : kWrong) EXPECT_EQ(LayerError(cell), error) << cell;
  EXPECT_EQ(LayerError("gru:chrono=2.5"), "");
}

// Not once more in the recurrent product's bias.
TEST(FirstBias, OfACellsOwnStandsInOneOfTwoBiases) {
  for (const auto& [cell, gate] : {std::pair("slstm", "forget"),
                                   {"lstm97:input_bias=-1", "input"},
                                   {"lstm97:output_bias=-2", "output"},
                                   {"janet", "forget"},
                                   {"{mine: h' = tanh(W x + U h + b); init b = 1}", "h"}}) {
    SCOPED_TRACE(cell);
    const First one(cell), two(absl::StrCat(cell, ":biases=two"));
    EXPECT_EQ(two[absl::StrCat(gate, "/input_bias")], one[absl::StrCat(gate, "/bias")]);
    EXPECT_NE(one[absl::StrCat(gate, "/bias")], std::vector<double>(kHidden));
    EXPECT_EQ(two[absl::StrCat(gate, "/recurrent_bias")], std::vector<double>(kHidden));
  }
}

}  // namespace
}  // namespace sluice::testing
