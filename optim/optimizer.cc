#include <absl/strings/str_cat.h>

#include <sluice/graph/gradients.h>
#include <sluice/ops/composed.h>
#include <sluice/optim/optimizer.h>

namespace sluice {
namespace {

// The square root of the sum of all squares.
Value GlobalNorm(absl::Span<const Value> gradients) {
  Value sum;
  for (const Value& gradient : gradients) {
    const Value squares = SumSquares(gradient);
    sum = sum ? sum + squares : squares;
  }
  return Sqrt(sum);
}

Value Clipped(Value gradient, Value scale, double clip_value) {
  if (scale) gradient = gradient * scale;
  if (clip_value <= 0) return gradient;
  const Value limit = NumberLike(clip_value, gradient);
  return Maximum(Minimum(gradient, limit), -limit);
}

}  // namespace

Value Optimizer::Minimize(Value loss, VariableStore& variables,
                          const MinimizeOptions& options) const {
  if (!loss) return loss;
  Tape& tape = *loss.tape();
  std::vector<Variable*> trained;
  for (Variable* variable : variables.trainable()) {
    if (tape.ReadOf(*variable) != kNoNode) trained.push_back(variable);
  }
  if (tape.status().ok() && trained.empty()) {
    tape.Fail("minimize: the tape reads no trainable variable of this store");
  }
  if (tape.status().ok() && loss.shape().elements() != 1) {
    tape.Fail(absl::StrCat("minimize: the loss must be one number, got ", loss.type().ToString()));
  }
  if (!tape.status().ok()) return Value(&tape, kNoNode);

  const std::vector<Value> gradients = Gradients(loss, absl::MakeConstSpan(trained));
  const Tape::ScopeMark mark(tape, absl::StrCat("optimizer/", name()));
  const Value norm = GlobalNorm(gradients);
  Value scale;
  if (options.clip_norm > 0) {
    scale = Minimum(NumberLike(options.clip_norm, norm) / (norm + 1e-6), NumberLike(1, norm));
  }
  const Value step = tape.Use(variables.step());
  const Value rate = learning_rate_(Cast(step, loss.dtype()));
  const Value next_step = step + NumberLike(1, step);
  const Value update = Cast(next_step, loss.dtype());
  for (size_t i = 0; i < trained.size(); ++i) {
    const Scope slots(&variables, absl::StrCat("optimizer/", name(), "/", trained[i]->path()));
    const Value weight = tape.Use(*trained[i]);
    const Value gradient = Clipped(gradients[i], scale, options.clip_value);
    tape.Write(*trained[i], Next(weight, gradient, rate, update, slots));
  }
  tape.Write(variables.step(), next_step);
  return norm;
}

Variable& Optimizer::Slot(const Scope& slots, absl::string_view name, Value weight) {
  return slots.Fixed(name, weight.shape());
}

}  // namespace sluice
