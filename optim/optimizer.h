#ifndef SLUICE_OPTIM_OPTIMIZER_H_
#define SLUICE_OPTIM_OPTIMIZER_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include <sluice/graph/registry.h>
#include <sluice/graph/tape.h>
#include <sluice/optim/schedule.h>

namespace sluice {

struct MinimizeOptions {
  // Gradients are scaled by min(1, clip_norm / (norm + 1e-6)) of their common Euclidean norm; 0:
  // not. Pascanu, Mikolov, Bengio 2013.
  double clip_norm = 0;
  // After that, each element is kept within +-clip_value; 0: not.
  double clip_value = 0;
};

// An update rule. A whole update (gradients, clipping, the rule, new values of weights and slots)
// is recorded on the tape of the loss.
class Optimizer {
 public:
  explicit Optimizer(Schedule learning_rate) : learning_rate_(std::move(learning_rate)) {}
  virtual ~Optimizer() = default;
  virtual std::string name() const = 0;

  // Records one update of the trainable variables that the tape of `loss` reads, and of
  // `variables.step()`. Returns the gradients' norm before clipping.
  Value Minimize(Value loss, VariableStore& variables, const MinimizeOptions& options = {}) const;

 protected:
  // The variable's next value. `update` counts from 1, as a float scalar. Slots (momenta and the
  // like) come from `slots`, a scope of this variable and optimiser; the rule writes their next
  // values itself.
  virtual Value Next(Value weight, Value gradient, Value learning_rate, Value update,
                     const Scope& slots) const = 0;
  // Reads a slot of the weight's shape, zeros at first.
  static Variable& Slot(const Scope& slots, absl::string_view name, Value weight);

 private:
  Schedule learning_rate_;
};

// v = momentum v + g;  w -= rate v;  Nesterov: w -= rate (g + momentum v). Without momentum: w -=
// rate g.
class Sgd : public Optimizer {
 public:
  struct Options {
    Schedule learning_rate = 0.1;
    double momentum = 0;
    bool nesterov = false;
  };
  explicit Sgd(const Options& options) : Optimizer(options.learning_rate), options_(options) {}
  std::string name() const override { return "sgd"; }

 protected:
  Value Next(Value weight, Value gradient, Value rate, Value update,
             const Scope& slots) const override;

 private:
  Options options_;
};

// v = decay v + (1 - decay) g^2;  w -= rate g / (sqrt(v) + epsilon). Tieleman & Hinton 2012.
class RmsProp : public Optimizer {
 public:
  struct Options {
    Schedule learning_rate = 1e-3;
    double decay = 0.99;
    double epsilon = 1e-8;
  };
  explicit RmsProp(const Options& options) : Optimizer(options.learning_rate), options_(options) {}
  std::string name() const override { return "rmsprop"; }

 protected:
  Value Next(Value weight, Value gradient, Value rate, Value update,
             const Scope& slots) const override;

 private:
  Options options_;
};

// v += g^2;  w -= rate g / (sqrt(v) + epsilon). Duchi, Hazan, Singer 2011.
class Adagrad : public Optimizer {
 public:
  struct Options {
    Schedule learning_rate = 1e-2;
    double epsilon = 1e-10;
  };
  explicit Adagrad(const Options& options) : Optimizer(options.learning_rate), options_(options) {}
  std::string name() const override { return "adagrad"; }

 protected:
  Value Next(Value weight, Value gradient, Value rate, Value update,
             const Scope& slots) const override;

 private:
  Options options_;
};

// m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2, both corrected for their start at
// zero: w -= rate (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon). Kingma & Ba 2015.
class Adam : public Optimizer {
 public:
  struct Options {
    Schedule learning_rate = 1e-3;
    double beta1 = 0.9;
    double beta2 = 0.999;
    double epsilon = 1e-8;
    double weight_decay =
        0;  // AdamW: w *= 1 - rate * weight_decay first. Loshchilov & Hutter 2019.
  };
  explicit Adam(const Options& options) : Optimizer(options.learning_rate), options_(options) {}
  std::string name() const override { return options_.weight_decay == 0 ? "adam" : "adamw"; }

 protected:
  Value Next(Value weight, Value gradient, Value rate, Value update,
             const Scope& slots) const override;

 private:
  Options options_;
};

// An optimiser by name, for the command line. `standard_rate` is used where no rate is given.
struct OptimizerRecord {
  static constexpr const char* kKind = "optimizer";

  std::string name;
  std::string description;
  double standard_rate;
  std::function<std::unique_ptr<Optimizer>(const Schedule& learning_rate)> make;
};
using OptimizerRegistry = Registry<OptimizerRecord>;
using RegisterOptimizer = Register<OptimizerRecord>;

}  // namespace sluice

#endif  // SLUICE_OPTIM_OPTIMIZER_H_
