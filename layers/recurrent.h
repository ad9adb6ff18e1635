#ifndef SLUICE_LAYERS_RECURRENT_H_
#define SLUICE_LAYERS_RECURRENT_H_

#include <memory>
#include <string>
#include <vector>

#include <sluice/layers/cell_spec.h>

namespace sluice {

enum class Direction : uint8_t { kForward, kBackward, kBoth };

struct RecurrentOptions {
  std::string cell = "gru";  // with its conventions: "lstm:forget_bias=1"
  int64_t inputs = 0;
  int64_t hidden = 0;
  int layers = 1;
  Direction direction = Direction::kForward;
  // Dropout of what one layer hands to the next, with this probability (Zaremba et al. 2014).
  // `variational`: one mask for all time steps (Gal & Ghahramani 2016).
  double dropout = 0;
  bool variational = false;
};

struct RecurrentInputs {
  Value mask;  // (T, B) of 1 and 0: a step of 0 keeps the state; none: all steps count
  std::vector<State> initial;  // of each layer and direction; what is not given is zeros
  // Not empty: the state starts as what the last run under this name left, and is kept for the next
  // one. Zeros at first. Gradients do not cross (truncated back-propagation).
  std::string carry;
  bool training = true;  // whether dropout acts, and how zoneout does
};

struct RecurrentOutputs {
  Value outputs;             // (T, B, H), both directions: (T, B, 2 H) with the forward one first
  std::vector<State> final;  // by layer, then direction
};

// The time loop of every cell: direction, stacking, masks, dropout, zoneout, carried state.
class Recurrent {
 public:
  // Variables under `scope / layer`; with both directions under `scope / layer / "forward"` and
  // "backward". An unknown cell or option is an error of the variable store, which the first tape
  // returns.
  Recurrent(Scope scope, RecurrentOptions options);

  // x (T, B, I) -> (T, B, H).
  Value operator()(Value x, Value mask = {}) const;
  RecurrentOutputs Run(Value x, const RecurrentInputs& inputs) const;

  // The carried state of this name is zeros again.
  void ResetState(absl::string_view carry) const;

  const RecurrentOptions& options() const { return options_; }
  const CellSpec& cell() const { return spec_; }
  // How many states a run has: layers times directions.
  int states() const { return static_cast<int>(cells_.size()); }

 private:
  int directions() const { return options_.direction == Direction::kBoth ? 2 : 1; }
  Scope ScopeOf(int layer, int direction) const;
  State InitialState(Value x, int index, const RecurrentInputs& inputs) const;
  void CarryOn(Tape& tape, int index, const State& state, const RecurrentInputs& inputs) const;
  Variable& Carried(int index, absl::string_view name, int64_t batch,
                    const std::string& carry) const;
  Value DropBetween(Value x, int layer) const;
  // One layer in one direction: x (T, B, I), mask (T, B) or none -> every h (T, B, H); the state is
  // the last one then. By the cell's steps, or by its recurrence of all steps.
  Value RunSteps(const Cell& cell, Value x, Value mask, bool backward, RunMasks* masks,
                 State& state) const;
  Value RunScan(const Cell& cell, Value x, Value mask, bool backward, RunMasks* masks,
                State& state) const;
  // The step's result after zoneout: parts of the old state stay, at random while training (by
  // `masks`), else by as much as they would on average.
  State ZoneOut(const State& old, State next, RunMasks* masks) const;

  Scope scope_;
  RecurrentOptions options_;
  CellSpec spec_;
  // What the cell's options say, read once and not at each step.
  double zoneout_ = 0, zoneout_memory_ = 0;
  bool drops_ = false, scans_ = false;
  std::vector<std::unique_ptr<Cell>> cells_;  // by layer, then direction
};

}  // namespace sluice

#endif  // SLUICE_LAYERS_RECURRENT_H_
