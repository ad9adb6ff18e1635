#include <cmath>

#include <absl/strings/str_cat.h>

#include <sluice/bench/training_model.h>

namespace sluice {
namespace {

constexpr double kClipNorm = 1;

Batch RandomBatch(const ModelSize& size) {
  const Shape shape{size.steps, size.batch};
  Batch batch{.inputs = Tensor(DType::kI32, shape),
              .targets = Tensor(DType::kI32, shape),
              .mask = Tensor(DType::kF32, shape),
              .tokens = shape.elements(),
              .starts_sequence = false};
  RandomStream random(MakeRandomKey(1, "benchmark"));
  for (Tensor* tensor : {&batch.inputs, &batch.targets}) {
    for (int32_t& id : tensor->values<int32_t>()) {
      id = static_cast<int32_t>(random.Below(static_cast<uint64_t>(size.vocabulary)));
    }
  }
  return batch;
}

}  // namespace

std::string Name(const ModelSize& size) {
  return absl::StrCat("T", size.steps, "_B", size.batch, "_V", size.vocabulary, "_H", size.hidden,
                      "_L", size.layers);
}

TrainingModel::TrainingModel(const std::string& cell, const ModelSize& size, int threads,
                             PlanLevel level)
    : threads_(threads),
      run_{.arena = threads_.arena(), .plan = {.level = level}},
      model_({.cell = cell,
              .vocabulary = size.vocabulary,
              .embedding = size.embedding,
              .hidden = size.hidden,
              .layers = size.layers,
              .seed = 1}),
      batch_(RandomBatch(size)),
      optimizer_({.learning_rate = 0.01}) {}

absl::StatusOr<double> TrainingModel::Update() {
  return model_.Update(batch_, optimizer_, {.clip_norm = kClipNorm}, run_);
}

absl::StatusOr<Program> TrainingModel::PlanUpdate() { return PlanOf(/*training=*/true); }
absl::StatusOr<Program> TrainingModel::PlanEvaluation() { return PlanOf(/*training=*/false); }

absl::StatusOr<Program> TrainingModel::PlanOf(bool training) {
  Tape tape;
  const Value loss = model_.Record(tape, batch_, "train", training).mean;
  if (training) optimizer_.Minimize(loss, model_.variables(), {.clip_norm = kClipNorm});
  return Plan(tape, {{loss}}, run_.plan);
}

absl::StatusOr<double> TrainingModel::Run(Program& program) const {
  const absl::StatusOr<std::vector<Tensor>> loss = program.Run({}, run_);
  if (!loss.ok()) return loss.status();
  return loss->front().At(0);
}

int64_t TrainingModel::PeakBytes(const Program& program) {
  int64_t bytes = program.arena_bytes();
  for (const Variable* variable : model_.variables().variables()) {
    bytes += variable->value().bytes();
  }
  return bytes;
}

absl::Status CheckTraining(const std::string& cell, const ModelSize& size, int threads,
                           PlanLevel level) {
  constexpr int kUpdates = 3;
  TrainingModel model(cell, size, threads, level);
  TrainingModel reference(cell, size, threads, PlanLevel::kDebug);
  for (int update = 0; update < kUpdates; ++update) {
    const absl::StatusOr<double> loss = model.Update();
    if (!loss.ok()) return loss.status();
    const absl::StatusOr<double> expected = reference.Update();
    if (!expected.ok()) return expected.status();
    if (!(std::abs(*loss - *expected) <= 1e-4 * *expected)) {
      return absl::InternalError(
          absl::StrCat("loss ", update, " is ", *loss, ", node by node ", *expected));
    }
    const double ignorance = std::log(static_cast<double>(size.vocabulary));
    if (update == 0 && !(std::abs(*loss - ignorance) <= 1)) {
      return absl::InternalError(absl::StrCat("the first loss, ", *loss, ", is not about ln V"));
    }
  }
  return absl::OkStatus();
}

}  // namespace sluice
