#include <sluice/graph/passes/passes.h>
#include <sluice/graph/passes/sums.h>

namespace sluice {
namespace {

class ProductAdder {
 public:
  explicit ProductAdder(const PlanGraph& graph)
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
  bool MayAdd(NodeId id, const TensorType& type) const {
    return nodes_[id].op->kind == OpKind::kProduct && !nodes_[id].op->adding_product.empty() &&
           uses_[id] == 1 && nodes_[id].type == type;
  }

  void RewriteSum(NodeId root) {
    const TensorType& type = nodes_[root].type;
    std::vector<NodeId> products;
    NodeId whole = kNoNode;  // the sum of the other addends, and of those that are one row
    NodeId row = kNoNode;
    for (const NodeId addend : sums_.Of(root)) {
      if (MayAdd(addend, type)) {
        products.push_back(addend);
      } else if (nodes_[addend].type == type) {
        whole = Add(root, whole, rewriter_.MapOf(addend));
      } else {
        row = row == kNoNode ? rewriter_.MapOf(addend)
                             : AddRows(rewriter_, root, row, rewriter_.MapOf(addend));
      }
    }
    if (products.empty()) return;
    NodeId sum = whole;
    if (whole == kNoNode) std::swap(sum, row);
    for (const NodeId product : products) {
      sum = sum == kNoNode ? rewriter_.MapOf(product) : AddProduct(root, product, sum);
    }
    rewriter_.Map(root, row == kNoNode ? sum : Add(root, sum, row));
  }

  NodeId Add(NodeId root, NodeId sum, NodeId addend) {
    if (sum == kNoNode) return addend;
    return rewriter_.Append(root, accumulate_, nodes_[root].type, {sum, addend}, {});
  }

  NodeId AddProduct(NodeId root, NodeId product, NodeId sum) {
    const Op* adding = OpRegistry::Global().Find(nodes_[product].op->adding_product);
    absl::InlinedVector<NodeId, 4> inputs = rewriter_.MappedInputs(product);
    inputs.push_back(sum);
    return rewriter_.Append(root, *adding, nodes_[root].type, inputs, nodes_.attributes(product));
  }

  const NodeList& nodes_;
  std::vector<int32_t> uses_;
  Sums sums_;
  const Op& accumulate_;
  GraphRewriter rewriter_;
};

}  // namespace

PlanGraph AddProducts(const PlanGraph& graph) { return ProductAdder(graph).Run(); }

}  // namespace sluice
