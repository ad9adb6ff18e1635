#include <algorithm>

#include <sluice/graph/passes/passes.h>

namespace sluice {
namespace {

// Finds sums of many nodes and joins the addends that one call over more rows can compute.
class Sinker {
 public:
  explicit Sinker(const PlanGraph& graph)
      : nodes_(graph.nodes),
        uses_(CountUses(graph)),
        rewriter_(graph),
        accumulate_(OpRegistry::Global().accumulate()) {}

  PlanGraph Run() {
    std::vector<bool> interior(nodes_.size());
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      if (!IsSum(id)) continue;
      for (const NodeId input : nodes_.inputs(id)) {
        if (IsSum(input) && uses_[input] == 1) interior[input] = true;
      }
    }
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      // Nodes of a sum that is rewritten lose their readers, and DropUnused takes them away.
      rewriter_.Copy(id);
      if (IsSum(id) && !interior[id]) RewriteSum(id, interior);
    }
    return DropUnused(rewriter_.Finish());
  }

 private:
  bool IsSum(NodeId id) const {
    if (nodes_[id].op != &accumulate_) return false;
    const absl::Span<const NodeId> inputs = nodes_.inputs(id);
    return nodes_[inputs[0]].type == nodes_[id].type && nodes_[inputs[1]].type == nodes_[id].type;
  }

  // Addends of the sum that ends in `root`, from left to right, without recursion.
  std::vector<NodeId> Addends(NodeId root, const std::vector<bool>& interior) const {
    std::vector<NodeId> addends;
    std::vector<NodeId> stack = {root};
    while (!stack.empty()) {
      const NodeId id = stack.back();
      stack.pop_back();
      if (id != root && !interior[id]) {
        addends.push_back(id);
        continue;
      }
      const absl::Span<const NodeId> inputs = nodes_.inputs(id);
      stack.push_back(inputs[1]);
      stack.push_back(inputs[0]);
    }
    return addends;
  }

  bool MaySink(NodeId id) const {
    const Op& op = *nodes_[id].op;
    return uses_[id] == 1 && op.adds_over_rows != nullptr &&
           op.adds_over_rows(nodes_.attributes(id));
  }

  // Whether two calls differ in the number of rows only.
  bool Joins(NodeId a, NodeId b) const {
    if (nodes_[a].op != nodes_[b].op || nodes_.attributes(a) != nodes_.attributes(b)) return false;
    for (size_t i = 0; i < nodes_.inputs(a).size(); ++i) {
      const TensorType& type_a = nodes_[nodes_.inputs(a)[i]].type;
      const TensorType& type_b = nodes_[nodes_.inputs(b)[i]].type;
      if (type_a.shape.rank() != type_b.shape.rank() ||
          type_a.shape.With(0, 0) != type_b.shape.With(0, 0)) {
        return false;
      }
    }
    return true;
  }

  void RewriteSum(NodeId root, const std::vector<bool>& interior) {
    std::vector<NodeId> left = Addends(root, interior);
    if (left.size() < 2) return;
    // Gradients add up from the last time step to the first; the first one first is how the steps
    // lie in memory.
    std::reverse(left.begin(), left.end());
    std::vector<NodeId> sums;  // new nodes
    bool changed = false;
    while (!left.empty()) {
      std::vector<NodeId> group = {left[0]};
      std::vector<NodeId> others;
      for (size_t i = 1; i < left.size(); ++i) {
        const bool joins = MaySink(left[0]) && MaySink(left[i]) && Joins(left[0], left[i]);
        (joins ? group : others).push_back(left[i]);
      }
      changed = changed || group.size() > 1;
      sums.push_back(group.size() > 1 ? JoinGroup(root, group) : rewriter_.MapOf(group[0]));
      left = std::move(others);
    }
    if (!changed) return;
    NodeId sum = sums[0];
    for (size_t i = 1; i < sums.size(); ++i) {
      sum = rewriter_.Append(root, accumulate_, nodes_[root].type, {sum, sums[i]}, {});
    }
    rewriter_.Map(root, sum);
  }

  NodeId JoinGroup(NodeId root, const std::vector<NodeId>& group) {
    std::vector<NodeId> inputs;
    for (size_t i = 0; i < nodes_.inputs(group[0]).size(); ++i) {
      std::vector<NodeId> pieces;
      for (const NodeId id : group) pieces.push_back(rewriter_.MapOf(nodes_.inputs(id)[i]));
      inputs.push_back(ConcatRows(rewriter_, root, pieces));
    }
    return rewriter_.Append(root, *nodes_[group[0]].op, nodes_[root].type, inputs,
                            nodes_.attributes(group[0]));
  }

  const NodeList& nodes_;
  std::vector<int32_t> uses_;
  GraphRewriter rewriter_;
  const Op& accumulate_;
};

}  // namespace

PlanGraph SinkSums(const PlanGraph& graph) { return Sinker(graph).Run(); }

}  // namespace sluice
