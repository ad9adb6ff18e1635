#include <sluice/graph/passes/passes.h>
#include <sluice/graph/passes/sums.h>

namespace sluice {
namespace {

class InPlaceAdder {
 public:
  explicit InPlaceAdder(PlanGraph& graph)
      : nodes_(graph.nodes),
        uses_(CountUses(graph)),
        sums_(graph, Sums::Addends::kWholeAndRows),
        accumulate_(OpRegistry::Global().accumulate()),
        rewriter_(graph) {}

  PlanGraph Run() {
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      // Nodes of a sum that is rewritten lose their readers, and DropUnused takes them away.
      rewriter_.Copy(id);
      if (sums_.IsRoot(id)) RewriteSum(id);
    }
    return DropUnused(rewriter_.Finish());
  }

 private:
  // The node whose result an addend is, if that can be added in place; the addend may be a reshape
  // of it.
  NodeId AddedInPlace(NodeId addend, const TensorType& type) const {
    if (nodes_[addend].type != type || uses_[addend] != 1) return kNoNode;
    NodeId id = addend;
    if (nodes_[id].op->kind == OpKind::kReshape) id = nodes_.inputs(id)[0];
    return !nodes_[id].op->adding.empty() && uses_[id] == 1 ? id : kNoNode;
  }

  void RewriteSum(NodeId root) {
    const TensorType& type = nodes_[root].type;
    std::vector<NodeId> products;
    NodeId whole = kNoNode;  // the sum of the other addends, and of those that are one row
    NodeId row = kNoNode;
    for (const NodeId addend : sums_.Of(root)) {
      if (const NodeId in_place = AddedInPlace(addend, type); in_place != kNoNode) {
        products.push_back(in_place);
      } else if (nodes_[addend].type == type) {
        whole = Add(root, whole, rewriter_.MapOf(addend));
      } else {
        row = row == kNoNode ? rewriter_.MapOf(addend)
                             : AddRows(rewriter_, root, row, rewriter_.MapOf(addend));
      }
    }
    if (products.empty()) return;
    NodeId sum = whole;
    // Only a product takes a row for a sum.
    const bool row_first = whole == kNoNode && nodes_[products[0]].op->kind == OpKind::kProduct;
    if (row_first) std::swap(sum, row);
    for (const NodeId product : products) {
      sum = AddInPlace(root, product, sum);
    }
    rewriter_.Map(root, row == kNoNode ? sum : Add(root, sum, row));
  }

  NodeId Add(NodeId root, NodeId sum, NodeId addend) {
    if (sum == kNoNode) return addend;
    return rewriter_.Append(root, accumulate_, nodes_[root].type, {sum, addend}, {});
  }

  // sum + product, in the root's shape.
  NodeId AddInPlace(NodeId root, NodeId product, NodeId sum) {
    const TensorType& type = nodes_[product].type;
    NodeId result = rewriter_.MapOf(product);
    if (sum != kNoNode) {
      const bool is_row = rewriter_.nodes()[sum].type.bytes() != type.bytes();
      const Op* adding = OpRegistry::Global().Find(nodes_[product].op->adding);
      absl::InlinedVector<NodeId, 4> inputs = rewriter_.MappedInputs(product);
      inputs.push_back(is_row ? sum : ReshapeTo(rewriter_, root, sum, type.shape));
      result = rewriter_.Append(root, *adding, type, inputs, nodes_.attributes(product));
    }
    return ReshapeTo(rewriter_, root, result, nodes_[root].type.shape);
  }

  const NodeList& nodes_;
  std::vector<int32_t> uses_;
  Sums sums_;
  const Op& accumulate_;
  GraphRewriter rewriter_;
};

}  // namespace

PlanGraph AddInPlace(PlanGraph graph) { return InPlaceAdder(graph).Run(); }

}  // namespace sluice
