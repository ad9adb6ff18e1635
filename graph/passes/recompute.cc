#include <map>

#include <sluice/graph/passes/passes.h>
#include <sluice/graph/passes/phases.h>

namespace sluice {
namespace {

// Operations an element for which computing again is cheaper than to store and to load.
constexpr double kCheapFlops = 2;

class Recomputer {
 public:
  explicit Recomputer(PlanGraph& graph)
      : nodes_(graph.nodes),
        consumers_(nodes_),
        phases_(FindPhases(nodes_, consumers_)),
        rewriter_(graph) {}

  PlanGraph Run() {
    // The copies of a node, by the phase that reads them.
    std::map<std::pair<NodeId, int32_t>, NodeId> copies;
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      absl::InlinedVector<NodeId, 4> inputs;
      for (const NodeId input : nodes_.inputs(id)) {
        const bool again =
            IsElementwise(id) && phases_[input] < phases_[id] && MayRecompute(input, phases_[id]);
        if (!again) {
          inputs.push_back(rewriter_.MapOf(input));
          continue;
        }
        const auto [copy, is_new] = copies.try_emplace({input, phases_[id]}, kNoNode);
        if (is_new) {
          copy->second = rewriter_.Append(id, *nodes_[input].op, nodes_[input].type,
                                          rewriter_.MappedInputs(input), nodes_.attributes(input));
        }
        inputs.push_back(copy->second);
      }
      rewriter_.Map(
          id, rewriter_.Append(id, *nodes_[id].op, nodes_[id].type, inputs, nodes_.attributes(id)));
    }
    return DropUnused(rewriter_.Finish());
  }

 private:
  bool IsElementwise(NodeId id) const { return nodes_[id].op->kind == OpKind::kElementwise; }

  // Cheap, and made of values that are kept until `phase` anyway.
  bool MayRecompute(NodeId id, int32_t phase) const {
    if (!IsElementwise(id)) return false;
    if (nodes_[id].op->flops({}, {nodes_[id].type.dtype, Shape{}}) > kCheapFlops) return false;
    for (const NodeId input : nodes_.inputs(id)) {
      if (nodes_[input].type.shape == nodes_[id].type.shape && !IsKept(input, phase)) return false;
    }
    return true;
  }

  bool IsKept(NodeId id, int32_t phase) const {
    if (!RunsKernel(nodes_, id)) return nodes_[id].op->kind != OpKind::kReshape;
    for (const NodeId reader : consumers_.of(id)) {
      if (RunsKernel(nodes_, reader) && phases_[reader] >= phase) return true;
    }
    return false;
  }

  const NodeList& nodes_;
  const Consumers consumers_;
  const std::vector<int32_t> phases_;
  GraphRewriter rewriter_;
};

}  // namespace

PlanGraph Recompute(PlanGraph graph) { return Recomputer(graph).Run(); }

}  // namespace sluice
