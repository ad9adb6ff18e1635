#include <absl/container/flat_hash_map.h>

#include <sluice/graph/passes/passes.h>

namespace sluice {

PlanGraph OrderWrites(PlanGraph graph) {
  const NodeList& nodes = graph.nodes;
  // The last node that reads a variable's memory, directly or through views of it.
  absl::flat_hash_map<const Variable*, NodeId> last_reader;
  std::vector<const Variable*> memory_of(nodes.size(), nullptr);
  for (NodeId id = 0; id < nodes.size(); ++id) {
    if (nodes[id].op->kind == OpKind::kVariable) memory_of[id] = nodes.attributes(id).variable;
    for (const NodeId input : nodes.inputs(id)) {
      if (memory_of[input] == nullptr) continue;
      last_reader[memory_of[input]] = id;
      if (IsView(nodes, id)) memory_of[id] = memory_of[input];
    }
  }
  std::vector<std::vector<NodeId>> writes_after(nodes.size());
  GraphRewriter rewriter(graph);
  for (NodeId id = 0; id < nodes.size(); ++id) {
    if (nodes[id].op->kind == OpKind::kWrite) {
      const auto found = last_reader.find(nodes.attributes(id).variable);
      if (found != last_reader.end() && found->second > id) {
        writes_after[found->second].push_back(id);
        continue;
      }
    }
    // A write that waited may be what another write waits for.
    std::vector<NodeId> due = {id};
    while (!due.empty()) {
      const NodeId next = due.back();
      due.pop_back();
      rewriter.Copy(next);
      due.insert(due.end(), writes_after[next].begin(), writes_after[next].end());
    }
  }
  return rewriter.Finish();
}

}  // namespace sluice
