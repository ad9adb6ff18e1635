// How many numbers cells learn: published counts, and formulas.

#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

#include <sluice/layers/linear.h>
#include <sluice/layers/recurrent.h>

#include "layers/cells_under_test.h"

namespace sluice::testing {
namespace {

int64_t Parameters(const RecurrentOptions& options) {
  VariableStore variables;
  const Recurrent rnn(variables.root() / "rnn", options);
  EXPECT_TRUE(variables.status().ok()) << variables.status();
  return variables.parameters();
}
int64_t Parameters(const std::string& cell, int64_t inputs, int64_t hidden) {
  return Parameters({.cell = cell, .inputs = inputs, .hidden = hidden});
}

TEST(Parameters, AreThoseOfChungEtAl2014) {
  EXPECT_EQ(Parameters("lstm:peepholes=diagonal", 20, 195), 169'065);
  EXPECT_EQ(Parameters("gru", 20, 227), 168'888);
  EXPECT_EQ(Parameters("elman", 20, 400), 168'400);
}

// Multiplications of a sequence of 50: each parameter is used once a step.
TEST(Parameters, AreThoseOfCamposEtAl2018) {
  EXPECT_EQ(50 * Parameters("lstm", 1, 110), 2'464'000);
  EXPECT_EQ(50 * Parameters("gru", 1, 110), 1'848'000);
}

// Their table of experiments: the read-out sees the cells, blocks have two cells each.
TEST(Parameters, AreThoseOfHochreiterAndSchmidhuber1997) {
  struct Network {
    const char* task;
    int64_t inputs, cells, outputs, weights;
  };
  constexpr Network kNetworks[] = {{"adding", 2, 4, 1, 93},
                                   {"temporal order, two symbols", 8, 4, 4, 156},
                                   {"temporal order, three symbols", 8, 6, 8, 308}};
  for (const Network& network : kNetworks) {
    SCOPED_TRACE(network.task);
    VariableStore variables;
    const Recurrent rnn(
        variables.root() / "rnn",
        {.cell = "lstm97:preset=paper", .inputs = network.inputs, .hidden = network.cells});
    const Linear read_out(variables.root() / "read_out", network.cells, network.outputs);
    EXPECT_EQ(variables.parameters(), network.weights);
  }
}

TEST(Parameters, AreThoseOfTheVariantsOfGreffEtAl2015) {
  constexpr int64_t kI = 13, kH = 17;
  constexpr int64_t kVanilla = 4 * kH * (kI + kH + 1) + 3 * kH;
  constexpr int64_t kGate = kH * (kI + kH + 1) + kH;
  for (const auto& [preset, expected] : {std::pair("greff", kVanilla),
                                         {"nig", kVanilla - kGate},
                                         {"nfg", kVanilla - kGate},
                                         {"nog", kVanilla - kGate},
                                         {"niaf", kVanilla},
                                         {"noaf", kVanilla},
                                         {"np", kVanilla - 3 * kH},
                                         {"cifg", kVanilla - kGate},
                                         {"fgr", kVanilla + 9 * kH * kH}}) {
    EXPECT_EQ(Parameters(absl::StrCat("lstm:preset=", preset), kI, kH), expected) << preset;
  }
}

// From the papers' equations, with one bias.
TEST(Parameters, FollowTheFormulasOfEachDesign) {
  for (const auto& [i, h] : {std::pair<int64_t, int64_t>(13, 20), {16, 16}}) {
    const int64_t projection = i == h ? 0 : h * i;
    const int64_t gate = h * (i + h + 1);
    const std::map<std::string, int64_t> expected = {
        {"irnn", gate},
        {"lstm97", 3 * gate},
        {"mut1", 3 * h * i + 2 * h * h + 3 * h},
        {"mut2", 3 * h * i + 3 * h * h + 3 * h},
        {"mut3", 3 * gate},
        {"mgu", 2 * gate},
        {"mgu1", h * i + 2 * h * h + 2 * h},
        {"mgu2", h * i + 2 * h * h + h},
        {"mgu3", h * i + h * h + 2 * h},
        {"gru1", h * i + 3 * h * h + 3 * h},
        {"gru2", h * i + 3 * h * h + h},
        {"gru3", h * i + h * h + 3 * h},
        {"ugrnn", 2 * gate},
        {"intersection", 4 * gate + projection},
        {"janet", 2 * gate},
        {"ran", h * i + 2 * gate},
        {"ligru", 2 * h * (i + h) + 4 * h},
        {"ligru:norm=none", 2 * gate},
        {"indrnn", h * i + 2 * h},
        {"sru", 3 * h * i + 4 * h + projection},
        {"sru:version=1", 3 * h * i + 2 * h + projection},
        {"qrnn", 3 * h * (i + 1)},
        {"qrnn:window=2", 3 * h * (2 * i + 1)},
        {"mingru", 2 * h * (i + 1)},
        {"minlstm", 3 * h * (i + 1)},
        {"mlstm", 5 * h * i + 5 * h * h + 4 * h},
        {"lnlstm", 4 * h * (i + h) + 4 * h + 8 * h + 2 * h},
        {"lngru", 3 * gate + 6 * h},
        {"slstm", 4 * gate},
        {"slstm:heads=4", 4 * h * i + h * h + 4 * h},
        {"rhn:depth=1", 2 * gate},
        {"rhn:depth=5", 2 * h * i + 10 * (h * h + h)}};
    for (const auto& [cell, count] : expected) {
      EXPECT_EQ(Parameters(cell, i, h), count) << cell << " " << i << " " << h;
    }
  }
}

TEST(Parameters, FollowTheFormulasOfEachConvention) {
  constexpr int64_t kI = 13, kH = 17;
  EXPECT_EQ(Parameters("elman", kI, kH), kH * (kI + kH + 1));
  EXPECT_EQ(Parameters("elman:activation=relu:init=irnn", kI, kH), kH * (kI + kH + 1));
  EXPECT_EQ(Parameters("gru:reset=after", kI, kH), 3 * kH * (kI + kH + 1));
  EXPECT_EQ(Parameters("gru:preset=cho2014", kI, kH), 3 * kH * (kI + kH));
  EXPECT_EQ(Parameters("lstm", kI, kH), 4 * kH * (kI + kH + 1));
  EXPECT_EQ(Parameters("lstm:peepholes=diagonal", kI, kH), 4 * kH * (kI + kH + 1) + 3 * kH);
  EXPECT_EQ(Parameters("lstm:coupled=yes", kI, kH), 3 * kH * (kI + kH + 1));
  EXPECT_EQ(Parameters("lstm:coupled=yes:peepholes=diagonal", kI, kH),
            3 * kH * (kI + kH + 1) + 2 * kH);
}

TEST(Parameters, AreThoseOfPyTorchWithTwoBiases) {
  constexpr int64_t kI = 13, kH = 17;
  EXPECT_EQ(Parameters("elman:preset=pytorch", kI, kH), kH * (kI + kH + 2));
  EXPECT_EQ(Parameters("gru:preset=pytorch", kI, kH), 3 * kH * (kI + kH + 2));
  EXPECT_EQ(Parameters("lstm:preset=pytorch", kI, kH), 4 * kH * (kI + kH + 2));
}

TEST(Parameters, OfAStackBothWaysAddUp) {
  constexpr int64_t kI = 13, kH = 17;
  EXPECT_EQ(
      Parameters(
          {.cell = "gru", .inputs = kI, .hidden = kH, .layers = 3, .direction = Direction::kBoth}),
      2 * 3 * kH * (kI + kH + 1) + 4 * 3 * kH * (2 * kH + kH + 1));
}

// A gate without a recurrent product has no recurrent bias that nothing would read.
TEST(Parameters, AreAllReadByAStep) {
  for (const std::string& cell : AllCells()) {
    SCOPED_TRACE(cell);
    VariableStore variables;
    const Recurrent rnn(variables.root() / "rnn", {.cell = cell, .inputs = 3, .hidden = 4});
    Tape tape;
    rnn(tape.Feed(RandomTensor(DType::kF32, {2, 2, 3}, 1)));
    for (const Variable* variable : variables.trainable()) {
      EXPECT_NE(tape.ReadOf(*variable), kNoNode) << variable->path();
    }
  }
}

}  // namespace
}  // namespace sluice::testing
