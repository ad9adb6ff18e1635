#ifndef SLUICE_OPTIM_SCHEDULE_H_
#define SLUICE_OPTIM_SCHEDULE_H_

#include <functional>

#include <sluice/graph/tape.h>

namespace sluice {

// The learning rate as a function of the number of updates made so far, recorded on the tape. A
// plain number is a constant rate.
class Schedule {
 public:
  // `step` is a float scalar: 0 for the first update. Returns a scalar of its dtype.
  using Rule = std::function<Value(Value step)>;

  Schedule(double rate);  // NOLINT(google-explicit-constructor): {.learning_rate = 3e-3}
  explicit Schedule(Rule rule) : rule_(std::move(rule)) {}
  Value operator()(Value step) const { return rule_(step); }

 private:
  Rule rule_;
};

// rate * factor^floor(step / every)
Schedule StepDecay(double rate, int64_t every, double factor);
// rate * factor^(step / every)
Schedule ExponentialDecay(double rate, int64_t every, double factor);
// From rate at step 0 down to `last_rate` at step `steps`, along half a cosine; `last_rate` after
// it. Loshchilov & Hutter 2017.
Schedule CosineDecay(double rate, int64_t steps, double last_rate = 0);
// Linear from rate / steps at step 0 to the full rate of `then`; afterwards `then`, which sees
// steps from 0.
Schedule WarmUp(int64_t steps, const Schedule& then);

// rate * factor^k, with k the number of times that `patience` reports in a row brought no new
// lowest loss.
class ReduceOnPlateau {
 public:
  struct Options {
    double rate = 1e-3;
    double factor = 0.1;
    int patience = 10;
    double lowest_rate = 0;
  };
  // The rate is kept in the store at `schedule/plateau_rate`, so it is saved with the model.
  ReduceOnPlateau(VariableStore& variables, const Options& options);
  Schedule schedule() const;
  // The loss to watch, once an epoch or so.
  void Report(double validation_loss);
  double rate() const;

 private:
  Options options_;
  Variable* rate_;
  double lowest_loss_;
  int reports_without_gain_ = 0;
};

}  // namespace sluice

#endif  // SLUICE_OPTIM_SCHEDULE_H_
