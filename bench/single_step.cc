#include <sluice/bench/single_step.h>

namespace sluice {
namespace {

Tensor RandomInput(int64_t inputs) {
  Tensor x(DType::kF32, {1, 1, inputs});
  RandomStream random(MakeRandomKey(1, "x"));
  for (float& value : x.values<float>()) value = static_cast<float>(random.Normal());
  return x;
}

}  // namespace

SingleStep::SingleStep(const std::string& cell, int64_t inputs, int64_t hidden, PlanLevel level)
    : run_{.plan = {.level = level}},
      layer_(variables_.root() / "layer", {.cell = cell, .inputs = inputs, .hidden = hidden}),
      feed_(tape_.Feed({DType::kF32, {1, 1, inputs}}, "x")),
      x_(RandomInput(inputs)),
      program_(Plan(tape_, {{layer_.Run(feed_, {.carry = "step"}).outputs}}, run_.plan)) {}

absl::Status SingleStep::Step() {
  if (!program_.ok()) return program_.status();
  absl::StatusOr<std::vector<Tensor>> outputs = program_->Run({{feed_, x_}}, run_);
  if (!outputs.ok()) return outputs.status();
  output_ = std::move(outputs->front());
  return absl::OkStatus();
}

}  // namespace sluice
