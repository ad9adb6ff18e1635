#include <cmath>

#include <sluice/ops/composed.h>
#include <sluice/optim/optimizer.h>

namespace sluice {
namespace {

// 1 - beta^t without cancellation in f32: with a = -t ln(beta) / 2, it is 2 tanh a / (1 + tanh a).
Value OneMinusPower(double beta, Value t) {
  const Value tanh = Tanh(t * (-std::log(beta) / 2));
  return 2 * tanh / (1 + tanh);
}

const RegisterOptimizer kSgd({"sgd", "w -= rate g", 1,
                              [](const Schedule& rate) -> std::unique_ptr<Optimizer> {
                                return std::make_unique<Sgd>(Sgd::Options{.learning_rate = rate});
                              }});
const RegisterOptimizer kMomentum({"momentum", "SGD with momentum 0.9", 0.1,
                                   [](const Schedule& rate) -> std::unique_ptr<Optimizer> {
                                     return std::make_unique<Sgd>(
                                         Sgd::Options{.learning_rate = rate, .momentum = 0.9});
                                   }});
const RegisterOptimizer kNesterov({"nesterov", "SGD with Nesterov momentum 0.9", 0.1,
                                   [](const Schedule& rate) -> std::unique_ptr<Optimizer> {
                                     return std::make_unique<Sgd>(Sgd::Options{
                                         .learning_rate = rate, .momentum = 0.9, .nesterov = true});
                                   }});
const RegisterOptimizer kRmsProp({"rmsprop", "RMSProp, decay 0.99", 2e-3,
                                  [](const Schedule& rate) -> std::unique_ptr<Optimizer> {
                                    return std::make_unique<RmsProp>(
                                        RmsProp::Options{.learning_rate = rate});
                                  }});
const RegisterOptimizer kAdagrad({"adagrad", "Adagrad", 0.05,
                                  [](const Schedule& rate) -> std::unique_ptr<Optimizer> {
                                    return std::make_unique<Adagrad>(
                                        Adagrad::Options{.learning_rate = rate});
                                  }});
const RegisterOptimizer kAdam({"adam", "Adam, betas 0.9 and 0.999", 3e-3,
                               [](const Schedule& rate) -> std::unique_ptr<Optimizer> {
                                 return std::make_unique<Adam>(
                                     Adam::Options{.learning_rate = rate});
                               }});
const RegisterOptimizer kAdamW({"adamw", "Adam with decoupled weight decay 0.01", 3e-3,
                                [](const Schedule& rate) -> std::unique_ptr<Optimizer> {
                                  return std::make_unique<Adam>(
                                      Adam::Options{.learning_rate = rate, .weight_decay = 0.01});
                                }});

}  // namespace

Value Sgd::Next(Value weight, Value gradient, Value rate, Value, const Scope& slots) const {
  // A sum, for planning adds rows of a sparse gradient in place.
  if (options_.momentum == 0) return weight + -rate * gradient;
  Tape& tape = *weight.tape();
  Variable& slot = Slot(slots, "momentum", weight);
  const Value v = options_.momentum * tape.Use(slot) + gradient;
  tape.Write(slot, v);
  return weight - rate * (options_.nesterov ? gradient + options_.momentum * v : v);
}

Value RmsProp::Next(Value weight, Value gradient, Value rate, Value, const Scope& slots) const {
  Tape& tape = *weight.tape();
  Variable& slot = Slot(slots, "mean_square", weight);
  const Value v = options_.decay * tape.Use(slot) + (1 - options_.decay) * Square(gradient);
  tape.Write(slot, v);
  return weight - rate * gradient / (Sqrt(v) + options_.epsilon);
}

Value Adagrad::Next(Value weight, Value gradient, Value rate, Value, const Scope& slots) const {
  Tape& tape = *weight.tape();
  Variable& slot = Slot(slots, "sum_square", weight);
  const Value v = tape.Use(slot) + Square(gradient);
  tape.Write(slot, v);
  return weight - rate * gradient / (Sqrt(v) + options_.epsilon);
}

Value Adam::Next(Value weight, Value gradient, Value rate, Value update, const Scope& slots) const {
  Tape& tape = *weight.tape();
  Variable& mean_slot = Slot(slots, "mean", weight);
  Variable& square_slot = Slot(slots, "mean_square", weight);
  const Value m = options_.beta1 * tape.Use(mean_slot) + (1 - options_.beta1) * gradient;
  const Value v = options_.beta2 * tape.Use(square_slot) + (1 - options_.beta2) * Square(gradient);
  tape.Write(mean_slot, m);
  tape.Write(square_slot, v);
  // The corrections are scalars: one square root and one division instead of one for each element.
  const Value scale = rate / OneMinusPower(options_.beta1, update);
  const Value root = Sqrt(OneMinusPower(options_.beta2, update));
  if (options_.weight_decay != 0) weight = weight * (1 - rate * options_.weight_decay);
  return weight - scale * (m / (Sqrt(v) / root + options_.epsilon));
}

}  // namespace sluice
