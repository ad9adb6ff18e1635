#include <optional>

#include <sluice/graph/passes/passes.h>
#include <sluice/graph/sources.h>

namespace sluice {
namespace {

class Folder {
 public:
  explicit Folder(PlanGraph& graph)
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

  // A scalar in place of a tensor of one number, and a value in place of its broadcast; the other
  // input where the number is neutral.
  void FoldElementwise(NodeId id) {
    const absl::Span<const NodeId> inputs = nodes_.inputs(id);
    const TensorType& type = nodes_[id].type;
    bool has_whole = false;  // one that gives the result its shape
    for (size_t i = 0; i < inputs.size(); ++i) {
      const std::optional<double>& number = numbers_[inputs[i]];
      if (number && number == nodes_[id].op->neutral && inputs.size() == 2 &&
          nodes_[inputs[1 - i]].type == type) {
        rewriter_.Map(id, rewriter_.MapOf(inputs[1 - i]));
        numbers_[id] = numbers_[inputs[1 - i]];
        return;
      }
      has_whole = has_whole || (!number && !nodes_[inputs[i]].op->broadcasts &&
                                nodes_[inputs[i]].type.shape == type.shape);
    }
    absl::InlinedVector<NodeId, 4> folded;
    for (const NodeId input : inputs) {
      folded.push_back(has_whole ? Unbroadcast(id, input) : rewriter_.MapOf(input));
    }
    rewriter_.Map(id, rewriter_.Append(id, *nodes_[id].op, type, folded, nodes_.attributes(id)));
  }

  NodeId Unbroadcast(NodeId id, NodeId input) {
    const TensorType& type = nodes_[input].type;
    if (numbers_[input] && type.shape.rank() > 0) {
      return AppendConstant(id, *numbers_[input], {type.dtype, {}});
    }
    return rewriter_.MapOf(nodes_[input].op->broadcasts ? nodes_.inputs(input)[0] : input);
  }

  const NodeList& nodes_;
  std::vector<std::optional<double>> numbers_;
  GraphRewriter rewriter_;
};

}  // namespace

PlanGraph FoldConstants(PlanGraph graph) { return Folder(graph).Run(); }

}  // namespace sluice
