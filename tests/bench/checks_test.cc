// The checks that benchmarks begin with have to be able to fail.

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/bench/layer_data.h>
#include <sluice/bench/planned_layer.h>
#include <sluice/bench/training_model.h>

namespace sluice {
namespace {

constexpr LayerSize kSize{.steps = 5, .batch = 3, .inputs = 4, .hidden = 6};

LayerResults ResultsOf(LayerKind kind, const LayerInputs& inputs, PlanLevel level) {
  PlannedLayer layer(kind, kSize, inputs, 1, level);
  EXPECT_TRUE(layer.Step().ok());
  return layer.Results();
}

class Layers : public ::testing::TestWithParam<LayerKind> {};

TEST_P(Layers, PlannedAgreesWithNodeByNode) {
  const LayerInputs inputs = RandomLayerInputs(GetParam(), kSize);
  const absl::Status same = CheckSame(ResultsOf(GetParam(), inputs, PlanLevel::kFull),
                                      ResultsOf(GetParam(), inputs, PlanLevel::kDebug), 1e-4);
  EXPECT_TRUE(same.ok()) << same.message();
}

TEST_P(Layers, OneWrongElementIsFound) {
  const LayerInputs inputs = RandomLayerInputs(GetParam(), kSize);
  const LayerResults expected = ResultsOf(GetParam(), inputs, PlanLevel::kDebug);
  for (const float wrong : {0.01F, std::numeric_limits<float>::quiet_NaN()}) {
    LayerResults results = expected;
    results.recurrent_weights = expected.recurrent_weights.Clone();
    results.recurrent_weights.data<float>()[17] += wrong;
    const absl::Status status = CheckSame(results, expected, 1e-4);
    EXPECT_THAT(std::string(status.message()),
                ::testing::StartsWith("gradient by recurrent weights: differs by "));
  }
}

INSTANTIATE_TEST_SUITE_P(All, Layers,
                         ::testing::Values(LayerKind::kGru, LayerKind::kGruBefore,
                                           LayerKind::kLstm));

TEST(TrainingModel, PlannedTrainsAsNodeByNode) {
  const ModelSize size{5, 3, 11, 4, 6, 2};
  const absl::Status status = CheckTraining("gru", size, 1, PlanLevel::kFull);
  EXPECT_TRUE(status.ok()) << status.message();
}

TEST(TrainingModel, AnUnknownCellIsAnError) {
  const ModelSize size{5, 3, 11, 4, 6, 2};
  EXPECT_FALSE(CheckTraining("no_such_cell", size, 1, PlanLevel::kFull).ok());
}

}  // namespace
}  // namespace sluice
