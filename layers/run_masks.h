#ifndef SLUICE_LAYERS_RUN_MASKS_H_
#define SLUICE_LAYERS_RUN_MASKS_H_

#include <string>

#include <absl/container/flat_hash_map.h>

#include <sluice/layers/cell.h>

namespace sluice {

// What one run of a cell over a sequence drops at random while training. Every mask is a function
// of the store's seed, the scope, the mask's name and the store's step.
class RunMasks {
 public:
  // Rates as the options of the cell say.
  RunMasks(Scope scope, const CellOptions& options, int64_t steps);
  // Whether any of them is not 0: a run that drops nothing needs none of this.
  static bool Drops(const CellOptions& options);

  // The masks are those of this step from now on; those of values (T, B, H) are of all steps.
  void BeginStep(int64_t step) { step_ = step; }

  // What a recurrent matrix sees: one mask for all steps.
  Value DropState(Value h);
  // A recurrent matrix: one mask for all steps.
  Value DropWeights(Tape& tape, Variable& weights);
  // What a step adds to the state: a mask of its own at each step.
  Value DropCandidate(absl::string_view name, Value value);
  // Keeps elements of the old value with probability `rate`, by a mask of its own at each step.
  Value KeepOld(absl::string_view name, double rate, Value old_value, Value new_value);

  // An error of the tape if a rate found nothing in the cell to act on.
  void CheckUsed(Tape& tape, absl::string_view cell) const;

 private:
  RandomKey KeyOf(absl::string_view name) const;
  // 1 with probability `rate`, else 0, at each element of `like`, another draw at each step.
  Value Chosen(const std::string& name, double rate, Value like);

  Scope scope_;
  double state_rate_, weights_rate_, candidate_rate_, memory_rate_;
  int64_t steps_, step_ = 0;
  bool matrices_used_ = false, candidates_named_ = false, memory_kept_ = false;
  absl::flat_hash_map<std::string, Value> shared_;  // what all steps read, by name
};

}  // namespace sluice

#endif  // SLUICE_LAYERS_RUN_MASKS_H_
