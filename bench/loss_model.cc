#include <sluice/bench/loss_model.h>
#include <sluice/graph/gradients.h>
#include <sluice/ops/composed.h>

namespace sluice {
namespace {

constexpr double kLearningRate = 0.01;  // as in training_model.cc

Tensor DrawLogits(const TensorType& type, RandomKey key) {
  Tensor logits(type);
  RandomStream random(key);
  for (float& logit : logits.values<float>()) logit = static_cast<float>(4 * random.Uniform() - 2);
  return logits;
}

Tensor DrawTargets(int64_t rows, int64_t vocabulary) {
  std::vector<int32_t> targets(rows);
  RandomStream random(MakeRandomKey(1, "targets"));
  for (int32_t& target : targets) {
    target = static_cast<int32_t>(random.Uniform() * static_cast<double>(vocabulary));
  }
  return Tensor(Shape{rows}, targets);
}

}  // namespace

LossModel::LossModel(int64_t rows, int64_t vocabulary, int threads, PlanLevel level)
    : threads_(threads),
      run_{.arena = threads_.arena(), .plan = {.level = level}},
      logits_(variables_.Create("logits", {DType::kF32, {rows, vocabulary}}, DrawLogits)),
      targets_(DrawTargets(rows, vocabulary)) {}

absl::StatusOr<double> LossModel::Update() {
  Tape tape;
  const Value logits = tape.Use(logits_);
  const Value loss = CrossEntropy(logits, tape.Feed(targets_));
  tape.Write(logits_, logits - Gradients(loss, {logits})[0] * kLearningRate);
  return tape.Read(loss, run_);
}

}  // namespace sluice
