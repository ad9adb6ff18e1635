#ifndef SLUICE_LAYERS_EQUATIONS_INITIAL_VALUES_H_
#define SLUICE_LAYERS_EQUATIONS_INITIAL_VALUES_H_

#include <sluice/layers/equations/checker.h>

namespace sluice::equations {

// Gives the design's variables the starts that the script's `init` lines say; an error where a line
// names no variable, equation or rule.
absl::Status SetInitialValues(const Source& source, const Script& script, Design& design);

}  // namespace sluice::equations

#endif  // SLUICE_LAYERS_EQUATIONS_INITIAL_VALUES_H_
