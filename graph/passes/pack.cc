#include <absl/container/flat_hash_map.h>

#include <sluice/graph/passes/passes.h>
#include <sluice/graph/passes/row_wise.h>

namespace sluice {
namespace {

// As many rows pass an operand but once: to pack it reads it once as well, and writes it.
constexpr int64_t kFewRows = 8;

class Packer {
 public:
  explicit Packer(PlanGraph& graph) : nodes_(graph.nodes), rewriter_(graph) {}

  PlanGraph Run() {
    CountRows();
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      if (IsPackable(id)) {
        rewriter_.Map(id, Rewrite(id));
      } else {
        rewriter_.Copy(id);
      }
    }
    return rewriter_.Finish();
  }

 private:
  bool IsPackable(NodeId id) const {
    const Op& op = *nodes_[id].op;
    if (op.kind != OpKind::kProduct || op.pack.empty()) return false;
    return op.adds_over_rows == nullptr || !op.adds_over_rows(nodes_.attributes(id));
  }

  bool TakesUnpacked(NodeId id) const {
    const Op& op = *nodes_[id].op;
    return op.takes_unpacked != nullptr &&
           op.takes_unpacked(nodes_.attributes(id), nodes_[nodes_.inputs(id)[1]].type);
  }

  // Of all products that would read the same packed operand.
  void CountRows() {
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      if (IsPackable(id) && TakesUnpacked(id)) {
        rows_[nodes_.inputs(id)[1]] += RowsOf(nodes_[id].type.shape);
      }
    }
  }

  NodeId Rewrite(NodeId id) {
    const Op& op = *nodes_[id].op;
    const absl::InlinedVector<NodeId, 4> inputs = rewriter_.MappedInputs(id);
    const NodeId right = nodes_.inputs(id)[1];
    const bool as_it_is = TakesUnpacked(id) && rows_[right] <= kFewRows;
    // The packed product's integers are the product's and the number of columns.
    Attributes attributes = nodes_.attributes(id);
    attributes.integers.push_back(nodes_[id].type.shape.back(0));
    return rewriter_.Append(id, *OpRegistry::Global().Find(op.packed_product), nodes_[id].type,
                            {inputs[0], as_it_is ? inputs[1] : Pack(id, inputs[1])}, attributes);
  }

  NodeId Pack(NodeId id, NodeId right) {
    const Op* pack = OpRegistry::Global().Find(nodes_[id].op->pack);
    // A product's integers are (left transposed, right transposed). The pack keeps what concerns
    // the right operand alone, so that equal packs are equal nodes.
    const Attributes attributes{.integers = {nodes_.attributes(id).integers[1]}};
    const absl::StatusOr<TensorType> type =
        pack->type({{rewriter_.nodes()[right].type}, attributes});
    return rewriter_.Append(id, *pack, *type, {right}, attributes);
  }

  const NodeList& nodes_;
  absl::flat_hash_map<NodeId, int64_t> rows_;  // by right-hand operand that may stay unpacked
  GraphRewriter rewriter_;
};

}  // namespace

PlanGraph PackOperands(PlanGraph graph) { return Packer(graph).Run(); }

}  // namespace sluice
