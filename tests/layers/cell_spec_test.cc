// How a cell is named with its conventions.

#include <algorithm>
#include <cmath>
#include <map>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <gtest/gtest.h>

#include <sluice/layers/cell_spec.h>

#include "layers/cells_under_test.h"

namespace sluice::testing {
namespace {

CellSpec MustParse(absl::string_view text) {
  absl::StatusOr<CellSpec> spec = ParseCellSpec(text);
  if (spec.ok()) return *std::move(spec);
  ADD_FAILURE() << spec.status();
  return {};
}

std::string ErrorOf(absl::string_view text) {
  const absl::StatusOr<CellSpec> spec = ParseCellSpec(text);
  return std::string(spec.status().message());
}

TEST(ParseCellSpec, GivesTheStandardOfEveryOption) {
  const CellSpec gru = MustParse("gru");
  EXPECT_EQ(gru.record->name, "gru");
  for (const auto& [option, standard] : {std::pair("reset", "before"),
                                         {"update", "keep"},
                                         {"init", "keras"},
                                         {"biases", "one"},
                                         {"zoneout", "0"}}) {
    EXPECT_EQ(gru.options.at(option), standard);
  }
  EXPECT_EQ(gru.Differences(), "");
  EXPECT_EQ(gru.Conventions(), "reset=before, update=keep, gates=sigmoid, init=keras, biases=one");
}

TEST(ParseCellSpec, TakesOptions) {
  const CellSpec gru = MustParse("gru:reset=after:biases=two");
  EXPECT_EQ(gru.Differences(), "reset=after:biases=two");
  EXPECT_EQ(gru.Conventions(), "reset=after, update=keep, gates=sigmoid, init=keras, biases=two");
  EXPECT_EQ(CellOptions(MustParse("lstm:forget_bias=-1.5").options).Number("forget_bias"), -1.5);
  EXPECT_TRUE(CellOptions(MustParse("lstm:coupled=yes").options).Is("coupled", "yes"));
}

TEST(ParseCellSpec, TakesPresetsAndLetsTheLaterWordWin) {
  EXPECT_EQ(MustParse("gru:preset=pytorch").Differences(), "reset=after:init=pytorch:biases=two");
  EXPECT_EQ(MustParse("gru:preset=pytorch:biases=one").Differences(), "reset=after:init=pytorch");
  EXPECT_EQ(MustParse("gru:biases=one:preset=pytorch").Differences(),
            "reset=after:init=pytorch:biases=two");
  EXPECT_EQ(MustParse("lstm:preset=keras").Differences(), "forget_bias=1");
}

TEST(ParseCellSpec, ReadsBackWhatItPrints) {
  for (const std::string& cell : AllCells()) {
    const CellSpec spec = MustParse(cell);
    const CellSpec again = MustParse(absl::StrCat(spec.record->name, ":", spec.Differences()));
    EXPECT_EQ(spec.options, again.options) << cell;
  }
}

TEST(ParseCellSpec, EveryBuiltInCellHasThePresetsOfTheFrameworks) {
  for (const char* cell : {"elman", "gru", "lstm"}) {
    for (const char* preset : {"pytorch", "cudnn", "keras", "onnx", "d2l"}) {
      MustParse(absl::StrCat(cell, ":preset=", preset));
    }
  }
}

TEST(ParseCellSpec, NamesTheNearestCell) {
  EXPECT_EQ(ErrorOf("gur"), "no cell \"gur\"; did you mean \"gru\"?");
  EXPECT_EQ(ErrorOf("LSTM:coupled=yes"), "no cell \"LSTM\"; did you mean \"lstm\"?");
  EXPECT_EQ(ErrorOf("transformer"),
            absl::StrCat("no cell \"transformer\"; there are ",
                         absl::StrJoin(CellRegistry::Global().Names(), ", ")));
  EXPECT_TRUE(absl::StrContains(ErrorOf("transformer"), "elman, gru, gru1"));
}

TEST(ParseCellSpec, NamesTheNearestOptionOrAll) {
  EXPECT_EQ(ErrorOf("gru:rest=after"), "cell gru has no option \"rest\"; did you mean \"reset\"?");
  EXPECT_EQ(ErrorOf("gru:forget_bias=1"),
            "cell gru has no option \"forget_bias\"; there are preset, reset, update, gates, init, "
            "biases, keep_bias, chrono, layer_norm, zoneout, zoneout_memory, recurrent_dropout, "
            "state_dropout, weight_drop");
}

TEST(ParseCellSpec, ListsTheChoices) {
  EXPECT_EQ(ErrorOf("gru:reset=afer"), "cell gru: reset has no \"afer\"; it may be before, after");
  EXPECT_EQ(ErrorOf("gru:reset"), "cell gru: reset has no \"\"; it may be before, after");
  EXPECT_EQ(ErrorOf("gru:init=xavier"),
            "cell gru: init has no \"xavier\"; it may be d2l, pytorch, keras, irnn");
}

TEST(ParseCellSpec, AsksForANumber) {
  EXPECT_EQ(ErrorOf("lstm:forget_bias=one"), "cell lstm: forget_bias is a number, got \"one\"");
  EXPECT_EQ(ErrorOf("lstm:forget_bias=nan"), "cell lstm: forget_bias is a number, got \"nan\"");
  EXPECT_EQ(ErrorOf("lstm:forget_bias=inf"), "cell lstm: forget_bias is a number, got \"inf\"");
}

TEST(ParseCellSpec, NamesTheNearestPreset) {
  EXPECT_EQ(ErrorOf("gru:preset=pytoch"),
            "cell gru has no preset \"pytoch\"; did you mean \"pytorch\"?");
  EXPECT_EQ(ErrorOf("elman:preset=cho2014"),
            "cell elman has no preset \"cho2014\"; there are cudnn, d2l, keras, onnx, pytorch");
}

TEST(CellRegistry, RefusesANameThatIsTaken) {
  EXPECT_EQ(CellRegistry::Global().Add({.name = "gru"}).message(),
            "cell \"gru\" is registered already");
  EXPECT_TRUE(RegistrationStatus().ok()) << RegistrationStatus();
}

// ---- First values ----

class FirstValues : public ::testing::TestWithParam<std::string> {
 protected:
  static constexpr int64_t kInputs = 40, kHidden = 50;

  // Calls visit(path, values) for every variable of the cell with these options.
  template <typename Visit>
  void ForEach(const std::string& options, Visit visit) {
    VariableStore variables({.seed = 4, .dtype = DType::kF64});
    const CellSpec spec = MustParse(absl::StrCat(GetParam(), ":", options));
    MakeCell(spec, variables.root() / "cell", kInputs, kHidden);
    ASSERT_FALSE(variables.trainable().empty());
    for (const Variable* variable : variables.trainable()) {
      SCOPED_TRACE(variable->path());
      visit(variable->path(), variable->value().values<double>());
    }
  }
};
INSTANTIATE_TEST_SUITE_P(BuiltIn, FirstValues, ::testing::Values("elman", "gru", "lstm"),
                         CellTestName);

double Deviation(absl::Span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return std::sqrt(sum / static_cast<double>(values.size()));
}
double Largest(absl::Span<const double> values) {
  double largest = 0;
  for (const double value : values) largest = std::max(largest, std::abs(value));
  return largest;
}

TEST_P(FirstValues, OfD2lAreNormalOfAHundredthWithZeroBiases) {
  ForEach("preset=d2l", [](const std::string& path, absl::Span<const double> values) {
    if (absl::EndsWith(path, "bias")) {
      EXPECT_EQ(Largest(values), 0);
    } else {
      EXPECT_NEAR(Deviation(values), 0.01, 0.0006);
      EXPECT_GT(Largest(values), 0.025);
    }
  });
}

TEST_P(FirstValues, OfPyTorchAreUniformByTheHiddenSizeBiasesToo) {
  const double limit = 1 / std::sqrt(static_cast<double>(kHidden));
  ForEach("preset=pytorch", [&](const std::string&, absl::Span<const double> values) {
    EXPECT_LE(Largest(values), limit);
    EXPECT_GT(Largest(values), 0.9 * limit);
  });
}

TEST_P(FirstValues, OfKerasAreGlorotAndOrthogonalForEachGateAlone) {
  const double limit = std::sqrt(6.0 / (kInputs + kHidden));
  ForEach("init=keras", [&](const std::string& path, absl::Span<const double> values) {
    if (absl::EndsWith(path, "bias")) {
      EXPECT_EQ(Largest(values), 0);
    } else if (absl::EndsWith(path, "input_weights")) {
      EXPECT_LE(Largest(values), limit);
      EXPECT_GT(Largest(values), 0.99 * limit);
    } else {
      // All singular values are 1.
      EXPECT_NEAR(Deviation(values), 1 / std::sqrt(static_cast<double>(kHidden)), 1e-12);
    }
  });
}

TEST_P(FirstValues, OfIrnnKeepTheState) {
  ForEach("init=irnn", [](const std::string& path, absl::Span<const double> values) {
    if (absl::EndsWith(path, "bias")) {
      EXPECT_EQ(Largest(values), 0);
    } else if (absl::EndsWith(path, "input_weights")) {
      EXPECT_NEAR(Deviation(values), 0.001, 0.0001);
    } else {
      for (size_t i = 0; i < values.size(); ++i) {
        ASSERT_EQ(values[i], i / kHidden == i % kHidden ? 1 : 0);
      }
    }
  });
}

TEST(ForgetBias, IsAddedToTheFirstBiasOfTheForgetGateOnly) {
  const auto bias = [](const std::string& options, absl::string_view name) {
    VariableStore variables;
    MakeCell(MustParse(absl::StrCat("lstm:", options)), variables.root() / "cell", 3, 4);
    const Variable* variable = variables.Find(absl::StrCat("cell/", name));
    EXPECT_NE(variable, nullptr) << name;
    return variable == nullptr ? std::nan("") : variable->value().At(2);
  };
  EXPECT_EQ(bias("preset=keras", "forget/bias"), 1);
  EXPECT_EQ(bias("preset=keras", "input/bias"), 0);
  EXPECT_EQ(bias("preset=keras", "output/bias"), 0);
  EXPECT_EQ(bias("preset=keras", "candidate/bias"), 0);
  // Of two biases the input's takes all of it.
  EXPECT_EQ(bias("forget_bias=2:biases=two", "forget/input_bias"), 2);
  EXPECT_EQ(bias("forget_bias=2:biases=two", "forget/recurrent_bias"), 0);
  EXPECT_NEAR(bias("preset=pytorch:forget_bias=3", "forget/input_bias") -
                  bias("preset=pytorch", "forget/input_bias"),
              3, 1e-6);
}

}  // namespace
}  // namespace sluice::testing
