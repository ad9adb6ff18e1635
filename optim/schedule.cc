#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include <sluice/ops/composed.h>
#include <sluice/optim/schedule.h>

namespace sluice {
namespace {

// factor^power for a value of power: e^(power ln factor).
Value PowerOf(double factor, Value power) { return Exp(power * std::log(factor)); }

double Denominator(int64_t steps) { return static_cast<double>(std::max<int64_t>(1, steps)); }

}  // namespace

Schedule::Schedule(double rate) : rule_([rate](Value step) { return NumberLike(rate, step); }) {}

Schedule StepDecay(double rate, int64_t every, double factor) {
  return Schedule([=](Value step) {
    // Truncation is the floor, for steps are not negative. The half keeps whole quotients whole.
    const Value times = Cast(Cast((step + 0.5) / Denominator(every), DType::kI32), step.dtype());
    return rate * PowerOf(factor, times);
  });
}

Schedule ExponentialDecay(double rate, int64_t every, double factor) {
  return Schedule([=](Value step) { return rate * PowerOf(factor, step / Denominator(every)); });
}

Schedule CosineDecay(double rate, int64_t steps, double last_rate) {
  return Schedule([=](Value step) {
    const Value share = Minimum(step / Denominator(steps), NumberLike(1, step));
    return last_rate + 0.5 * (rate - last_rate) * (1 + Cos(share * std::numbers::pi));
  });
}

Schedule WarmUp(int64_t steps, const Schedule& then) {
  return Schedule([=](Value step) {
    const Value rising = Minimum((step + 1) / Denominator(steps), NumberLike(1, step));
    const Value after = Maximum(step - static_cast<double>(steps), NumberLike(0, step));
    return rising * then(after);
  });
}

ReduceOnPlateau::ReduceOnPlateau(VariableStore& variables, const Options& options)
    : options_(options),
      rate_(&variables.Create(
          "schedule/plateau_rate", {variables.dtype(), Shape{}},
          [&options](const TensorType& type, RandomKey) {
            return Tensor::Scalar<double>(options.rate).Cast(type.dtype);
          },
          /*trainable=*/false)),
      lowest_loss_(std::numeric_limits<double>::infinity()) {}

Schedule ReduceOnPlateau::schedule() const {
  Variable* rate = rate_;
  return Schedule([rate](Value step) { return step ? step.tape()->Use(*rate) : step; });
}

double ReduceOnPlateau::rate() const { return rate_->value().At(0); }

void ReduceOnPlateau::Report(double validation_loss) {
  if (validation_loss < lowest_loss_) {
    lowest_loss_ = validation_loss;
    reports_without_gain_ = 0;
    return;
  }
  if (++reports_without_gain_ < options_.patience) return;
  reports_without_gain_ = 0;
  const double lower = std::max(rate() * options_.factor, options_.lowest_rate);
  rate_->value() = Tensor::Scalar<double>(lower).Cast(rate_->type().dtype);
}

}  // namespace sluice
