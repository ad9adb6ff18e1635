#ifndef SLUICE_GRAPH_SOON_H_
#define SLUICE_GRAPH_SOON_H_

#include <sluice/graph/program_state.h>

namespace sluice {

// Tells the products of each chain what the element-wise kernels after them will read and write
// and what is no longer in the caches, such as values that a time loop backwards takes from the one
// forwards: a product has the time to ask for it, an element-wise kernel would wait.
void FindWhatComesSoon(ProgramState& state);

}  // namespace sluice

#endif  // SLUICE_GRAPH_SOON_H_
