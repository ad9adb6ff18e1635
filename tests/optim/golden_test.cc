// Update rules and whole training steps against numbers from an independent implementation:
// tests/golden/README.md.

#include "golden/golden.h"

#include <cmath>
#include <memory>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/strip.h>

#include <sluice/layers/linear.h>
#include <sluice/layers/recurrent.h>
#include <sluice/ops/composed.h>
#include <sluice/optim/optimizer.h>

namespace sluice::testing {
namespace {

// The worst element is off by 2e-13 of itself; this leaves room for processors that round
// elsewhere.
constexpr double kTolerance = 1e-11;

Golden Load(absl::string_view file) {
  return Golden::Load(absl::StrCat(SLUICE_GOLDEN_DIR, "/", file, ".txt"));
}

void ExpectNear(const Tensor& actual, const Tensor& expected, absl::string_view what) {
  ASSERT_EQ(actual.shape(), expected.shape()) << what;
  for (int64_t i = 0; i < expected.elements(); ++i) {
    const double scale = std::max(1e-3, std::abs(expected.At(i)));
    ASSERT_LE(std::abs(actual.At(i) - expected.At(i)) / scale, kTolerance)
        << what << ", element " << i << ": " << actual.At(i) << ", not " << expected.At(i);
  }
}

// ---- Update rules ----

struct RuleCase {
  const char* name;
  std::shared_ptr<const Optimizer> optimizer;
};
void PrintTo(const RuleCase& rule, std::ostream* out) { *out << rule.name; }

std::vector<RuleCase> RuleCases() {
  const auto sgd = [](bool nesterov) {
    return std::make_shared<Sgd>(
        Sgd::Options{.learning_rate = 0.1, .momentum = 0.9, .nesterov = nesterov});
  };
  const auto adam = [](double weight_decay) {
    return std::make_shared<Adam>(
        Adam::Options{.learning_rate = 0.1, .weight_decay = weight_decay});
  };
  return {{"sgd_momentum", sgd(false)},
          {"sgd_nesterov", sgd(true)},
          {"rmsprop", std::make_shared<RmsProp>(RmsProp::Options{.learning_rate = 0.1})},
          {"adagrad", std::make_shared<Adagrad>(Adagrad::Options{.learning_rate = 0.1})},
          {"adam", adam(0)},
          {"adamw", adam(0.1)}};
}

class GoldenRule : public ::testing::TestWithParam<RuleCase> {};
INSTANTIATE_TEST_SUITE_P(All, GoldenRule, ::testing::ValuesIn(RuleCases()),
                         [](const ::testing::TestParamInfo<RuleCase>& info) {
                           return info.param.name;
                         });

TEST_P(GoldenRule, GivesTheSameParametersAfterEachUpdate) {
  const Golden golden = Load("optimizers");
  VariableStore variables({.dtype = DType::kF64});
  const Tensor& initial = golden["initial"];
  Variable& weight = variables.root().Trainable(
      "weight", initial.shape(), [&](const TensorType&, RandomKey) { return initial.Clone(); });
  for (int step = 0; step < 6; ++step) {
    Tape tape;
    const Value gradient = tape.Feed(golden[absl::StrCat("gradient/", step)]);
    GetParam().optimizer->Minimize(Sum(tape.Use(weight) * gradient), variables);
    const auto read = tape.Read(absl::Span<const Value>());
    ASSERT_TRUE(read.ok()) << read.status();
    const std::string name = absl::StrCat(GetParam().name, "/parameter/", step);
    ExpectNear(weight.value(), golden[name], name);
  }
}

// ---- Training ----

struct TrainingCase {
  std::string file;
  std::string cell;
  bool adam;
};
void PrintTo(const TrainingCase& training, std::ostream* out) { *out << training.file; }

std::vector<TrainingCase> TrainingCases() {
  std::vector<TrainingCase> cases;
  const std::pair<const char*, const char*> cells[] = {
      {"elman_tanh", "elman"}, {"gru", "gru"}, {"lstm", "lstm"}};
  for (const auto& [name, cell] : cells) {
    for (const bool adam : {false, true}) {
      cases.push_back({absl::StrCat("language_model_", name, adam ? "_adam" : "_sgd"),
                       absl::StrCat(cell, ":preset=pytorch"), adam});
    }
  }
  return cases;
}

class GoldenTraining : public ::testing::TestWithParam<TrainingCase> {};
INSTANTIATE_TEST_SUITE_P(All, GoldenTraining, ::testing::ValuesIn(TrainingCases()),
                         [](const ::testing::TestParamInfo<TrainingCase>& info) {
                           return info.param.file;
                         });

TEST_P(GoldenTraining, GivesTheSameLossesNormsAndWeights) {
  const Golden golden = Load(GetParam().file);
  VariableStore variables({.dtype = DType::kF64});
  const Scope model = variables.root();
  const Shape& table = golden["initial/embedding/table"].shape();
  const Shape& weights = golden["initial/read_out/weights"].shape();
  const Embedding embed(model / "embedding", table[0], table[1]);
  const Recurrent rnn(model / "rnn",
                      {.cell = GetParam().cell, .inputs = table[1], .hidden = weights[0]});
  const Linear read_out(model / "read_out", weights[0], weights[1]);

  // The path in our store of a name in the file, which always has the direction.
  const auto path_of = [](absl::string_view name, absl::string_view prefix) {
    return absl::StrReplaceAll(absl::StripPrefix(name, prefix), {{"/forward", ""}});
  };
  size_t loaded = 0;
  for (const std::string& name : golden.names()) {
    if (!absl::StartsWith(name, "initial/")) continue;
    Variable* variable = variables.Find(path_of(name, "initial/"));
    ASSERT_NE(variable, nullptr) << name;
    ASSERT_EQ(variable->shape(), golden[name].shape()) << name;
    variable->value() = golden[name].Clone();
    ++loaded;
  }
  ASSERT_EQ(loaded, variables.trainable().size());

  std::unique_ptr<Optimizer> optimizer;
  if (GetParam().adam) {
    optimizer = std::make_unique<Adam>(Adam::Options{.learning_rate = 0.01});
  } else {
    optimizer = std::make_unique<Sgd>(Sgd::Options{.learning_rate = 0.5});
  }
  for (int step = 0; step < 6; ++step) {
    Tape tape;
    const auto ids = [&](absl::string_view name) {
      return tape.Feed(golden[absl::StrCat(name, "/", step)].Cast(DType::kI32));
    };
    const Value loss = CrossEntropy(read_out(rnn(embed(ids("inputs")))), ids("targets"));
    const Value norm = optimizer->Minimize(loss, variables, {.clip_norm = 0.25});
    const auto read = tape.Read({loss, norm});
    ASSERT_TRUE(read.ok()) << read.status();
    for (const auto& [i, name] : {std::pair(0, "loss/"), std::pair(1, "norm/")}) {
      const std::string record = absl::StrCat(name, step);
      ExpectNear((*read)[i], golden[record], record);
    }
  }
  size_t compared = 0;
  for (const std::string& name : golden.names()) {
    if (!absl::StartsWith(name, "final/")) continue;
    ExpectNear(variables.Find(path_of(name, "final/"))->value(), golden[name], name);
    ++compared;
  }
  EXPECT_EQ(compared, loaded);
}

}  // namespace
}  // namespace sluice::testing
