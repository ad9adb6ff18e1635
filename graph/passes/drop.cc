#include <algorithm>

#include <sluice/graph/passes/passes.h>

namespace sluice {

PlanGraph DropUnused(PlanGraph graph) {
  NodeList& nodes = graph.nodes;
  std::vector<uint8_t> used(nodes.size());
  for (const NodeId id : graph.fetches) used[id] = 1;
  for (NodeId id = nodes.size() - 1; id >= 0; --id) {
    if (nodes[id].op->kind == OpKind::kWrite) used[id] = 1;
    if (used[id] == 0) continue;
    for (const NodeId input : nodes.inputs(id)) used[input] = 1;
  }
  if (std::find(used.begin(), used.end(), 0) == used.end()) return graph;
  const std::vector<NodeId> new_ids = nodes.Keep(used);
  for (NodeId& id : graph.fetches) id = new_ids[id];
  for (NodeId& id : graph.feeds) id = id == kNoNode ? kNoNode : new_ids[id];
  return graph;
}

}  // namespace sluice
