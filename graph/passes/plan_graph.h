#ifndef SLUICE_GRAPH_PASSES_PLAN_GRAPH_H_
#define SLUICE_GRAPH_PASSES_PLAN_GRAPH_H_

#include <vector>

#include <sluice/graph/node_list.h>

namespace sluice {

// What planning works on: a tape's nodes, and which of them must be computed. A pass reads one
// graph and builds the next; each is linear in the number of nodes and has a file of its own.
struct PlanGraph {
  NodeList nodes;
  std::vector<NodeId> fetches;  // in the order they were asked for; may repeat
  std::vector<NodeId> feeds;    // by position among the tape's feeds; kNoNode where dropped
  bool all_differ = false;      // no two nodes are equal, in the sense of ShareEqual
};

// Whether node `id` is a copy-free view of its input: a reshape, or a slice of the outermost axis
// that counts.
bool IsView(const NodeList& nodes, NodeId id);
// Whether it has something to compute: it is neither a source nor a view.
bool RunsKernel(const NodeList& nodes, NodeId id);

}  // namespace sluice

#endif  // SLUICE_GRAPH_PASSES_PLAN_GRAPH_H_
