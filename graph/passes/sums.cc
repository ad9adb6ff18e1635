#include <sluice/graph/passes/sums.h>

namespace sluice {

Sums::Sums(const PlanGraph& graph, Addends addends)
    : nodes_(graph.nodes),
      addends_(addends),
      accumulate_(OpRegistry::Global().accumulate()),
      interior_(graph.nodes.size()) {
  const std::vector<int32_t> uses = CountUses(graph);
  for (NodeId id = 0; id < nodes_.size(); ++id) {
    if (!IsSum(id)) continue;
    for (const NodeId input : nodes_.inputs(id)) {
      if (nodes_[input].type == nodes_[id].type && IsSum(input) && uses[input] == 1) {
        interior_[input] = true;
      }
    }
  }
}

bool Sums::IsSum(NodeId id) const {
  if (nodes_[id].op != &accumulate_) return false;
  const TensorType& sum = nodes_[id].type;
  bool has_whole = false;
  for (const NodeId input : nodes_.inputs(id)) {
    const TensorType& type = nodes_[input].type;
    if (type == sum) {
      has_whole = true;
    } else if (addends_ == Addends::kWhole || type.shape.elements() != sum.shape.back(0) ||
               type.shape.back(0) != sum.shape.back(0)) {
      return false;
    }
  }
  return has_whole;
}

std::vector<NodeId> Sums::Of(NodeId root) const {
  std::vector<NodeId> addends;
  std::vector<NodeId> stack = {root};
  while (!stack.empty()) {
    const NodeId id = stack.back();
    stack.pop_back();
    if (id != root && !interior_[id]) {
      addends.push_back(id);
      continue;
    }
    const absl::Span<const NodeId> inputs = nodes_.inputs(id);
    stack.push_back(inputs[1]);
    stack.push_back(inputs[0]);
  }
  return addends;
}

}  // namespace sluice
