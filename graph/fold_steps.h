#ifndef SLUICE_GRAPH_FOLD_STEPS_H_
#define SLUICE_GRAPH_FOLD_STEPS_H_

#include <vector>

#include <sluice/graph/node_list.h>

namespace sluice {

// Which nodes of a recurrent tape are one operation at different time steps.
struct FoldedSteps {
  struct Operation {
    NodeId example;  // one of its nodes, from a step in the middle
    int32_t count;   // in how many steps it occurs; 1 for a node that belongs to none
  };
  std::vector<Operation> operations;  // by the position of their first node
  std::vector<int32_t> operation_of;  // by node
  // By node: the time step, -1 for none. Nodes without a step of their own that only one step
  // reads, or that only take from one step, have that one's: a slice of what all steps' gradients
  // come from, a reshape before steps are stacked, the sum of a weight's gradients so far.
  std::vector<int32_t> step_of;
};

// Nodes that agree in scope, op, type, whether they are forward or gradient, and their place among
// those of the same step become one operation. Steps at the ends, which lack a node or two (no
// gradient comes from behind the last step), are matched by what their nodes read.
FoldedSteps FoldSteps(const NodeList& nodes);

}  // namespace sluice

#endif  // SLUICE_GRAPH_FOLD_STEPS_H_
