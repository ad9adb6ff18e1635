#include <sluice/graph/passes/passes.h>

namespace sluice {

PlanGraph DropUnused(const PlanGraph& graph) {
  const NodeList& nodes = graph.nodes;
  std::vector<bool> used(nodes.size());
  for (const NodeId id : graph.fetches) used[id] = true;
  for (NodeId id = nodes.size() - 1; id >= 0; --id) {
    if (nodes[id].op->kind == OpKind::kWrite) used[id] = true;
    if (!used[id]) continue;
    for (const NodeId input : nodes.inputs(id)) used[input] = true;
  }
  GraphRewriter rewriter(graph);
  for (NodeId id = 0; id < nodes.size(); ++id) {
    if (used[id]) rewriter.Copy(id);
  }
  return rewriter.Finish();
}

}  // namespace sluice
