#include <algorithm>
#include <cmath>

#include <absl/strings/str_cat.h>

#include <sluice/bench/difference.h>
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

// An error unless both changed every weight alike, from the same start.
absl::Status CheckChanges(const VariableStore& ours, const VariableStore& reference,
                          const VariableStore& start) {
  for (const Variable* variable : ours.trainable()) {
    const Tensor& from = start.Find(variable->path())->value();
    const Tensor& expected = reference.Find(variable->path())->value();
    Difference change;
    double magnitude = 0;
    for (int64_t i = 0; i < from.elements(); ++i) {
      magnitude = std::max(magnitude, std::abs(from.At(i)));
      change.Add(variable->value().At(i) - from.At(i), expected.At(i) - from.At(i));
    }
    // A change is known to the last digit of the variable it was made to.
    if (change.worst <= 1e-2 * change.largest + 1e-6 * magnitude) continue;
    return absl::InternalError(absl::StrCat(variable->path(), ": changes differ by ", change.worst,
                                            ", the largest is ", change.largest));
  }
  return absl::OkStatus();
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

Value TrainingModel::RecordUpdate(Tape& tape) {
  const Value loss = model_.Record(tape, batch_, "train", /*training=*/true).mean;
  optimizer_.Minimize(loss, model_.variables(), {.clip_norm = kClipNorm});
  return loss;
}

Value TrainingModel::RecordEvaluation(Tape& tape) {
  return model_.Record(tape, batch_, "evaluate", /*training=*/false).mean;
}

absl::StatusOr<double> TrainingModel::Update() {
  Tape tape;
  return tape.Read(RecordUpdate(tape), run_);
}

absl::StatusOr<double> TrainingModel::Evaluate() {
  Tape tape;
  return tape.Read(RecordEvaluation(tape), run_);
}

absl::StatusOr<Program> TrainingModel::PlanUpdate() {
  Tape tape;
  const Value loss = RecordUpdate(tape);
  return Plan(tape, {{loss}}, run_.plan);
}

absl::StatusOr<Program> TrainingModel::PlanEvaluation() {
  Tape tape;
  const Value loss = RecordEvaluation(tape);
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
  TrainingModel untrained(cell, size, threads, level);
  for (int update = 0; update < kUpdates; ++update) {
    const absl::StatusOr<double> loss = model.Update();
    if (!loss.ok()) return loss.status();
    const absl::Status status = reference.Update().status();
    if (!status.ok()) return status;
    const double ignorance = std::log(static_cast<double>(size.vocabulary));
    if (update == 0 && !(std::abs(*loss - ignorance) <= 1)) {
      return absl::InternalError(absl::StrCat("the first loss, ", *loss, ", is not about ln V"));
    }
  }
  const absl::StatusOr<double> evaluation = model.Evaluate();
  const absl::StatusOr<double> expected = reference.Evaluate();
  if (!evaluation.ok()) return evaluation.status();
  if (!expected.ok()) return expected.status();
  if (!(std::abs(*evaluation - *expected) <= 1e-4 * *expected)) {
    return absl::InternalError(
        absl::StrCat("evaluation: ", *evaluation, ", node by node ", *expected));
  }
  return CheckChanges(model.model().variables(), reference.model().variables(),
                      untrained.model().variables());
}

}  // namespace sluice
