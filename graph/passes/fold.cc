#include <optional>

#include <sluice/graph/passes/passes.h>
#include <sluice/graph/sources.h>

namespace sluice {
namespace {

class Folder {
 public:
  explicit Folder(const PlanGraph& graph)
      : nodes_(graph.nodes), numbers_(nodes_.size()), rewriter_(graph) {}

  PlanGraph Run() {
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      numbers_[id] = NumberOf(id);
      if (nodes_[id].op->kind == OpKind::kElementwise) {
        FoldElementwise(id);
      } else if (numbers_[id]) {
        rewriter_.Map(id, AppendConstant(id, *numbers_[id], nodes_[id].type));
      } else {
        rewriter_.Copy(id);
      }
    }
    return DropUnused(rewriter_.Finish());
  }

 private:
  // The one number that all elements are, if planning knows it.
  std::optional<double> NumberOf(NodeId id) const {
    const Op& op = *nodes_[id].op;
    if (op.kind == OpKind::kConstant) return nodes_.attributes(id).number;
    if (op.copies) return numbers_[nodes_.inputs(id)[0]];
    return std::nullopt;
  }

  NodeId AppendConstant(NodeId old, double number, const TensorType& type) {
    return rewriter_.Append(old, ConstantOp(), type, {}, TypeAttributes(type, number));
  }

  // A scalar in place of a tensor of one number; the other input where the number is neutral.
  void FoldElementwise(NodeId id) {
    const absl::Span<const NodeId> inputs = nodes_.inputs(id);
    const TensorType& type = nodes_[id].type;
    absl::InlinedVector<NodeId, 4> folded;
    bool has_whole = false;  // one that gives the result its shape
    for (size_t i = 0; i < inputs.size(); ++i) {
      const std::optional<double>& number = numbers_[inputs[i]];
      if (number && number == nodes_[id].op->neutral && inputs.size() == 2 &&
          nodes_[inputs[1 - i]].type == type) {
        rewriter_.Map(id, rewriter_.MapOf(inputs[1 - i]));
        numbers_[id] = numbers_[inputs[1 - i]];
        return;
      }
      has_whole = has_whole || (!number && nodes_[inputs[i]].type.shape == type.shape);
    }
    for (const NodeId input : inputs) {
      const bool fold = has_whole && numbers_[input] && nodes_[input].type.shape.rank() > 0;
      folded.push_back(fold ? AppendConstant(id, *numbers_[input], {nodes_[input].type.dtype, {}})
                            : rewriter_.MapOf(input));
    }
    rewriter_.Map(id, rewriter_.Append(id, *nodes_[id].op, type, folded, nodes_.attributes(id)));
  }

  const NodeList& nodes_;
  std::vector<std::optional<double>> numbers_;
  GraphRewriter rewriter_;
};

}  // namespace

PlanGraph FoldConstants(const PlanGraph& graph) { return Folder(graph).Run(); }

}  // namespace sluice
