#include <sluice/graph/passes/passes.h>

namespace sluice {

PlanGraph PackOperands(const PlanGraph& graph) {
  const NodeList& nodes = graph.nodes;
  GraphRewriter rewriter(graph);
  for (NodeId id = 0; id < nodes.size(); ++id) {
    const Op& op = *nodes[id].op;
    const bool over_rows = op.adds_over_rows != nullptr && op.adds_over_rows(nodes.attributes(id));
    if (op.kind != OpKind::kProduct || op.pack.empty() || over_rows) {
      rewriter.Copy(id);
      continue;
    }
    const Op* pack = OpRegistry::Global().Find(op.pack);
    const Op* product = OpRegistry::Global().Find(op.packed_product);
    const absl::InlinedVector<NodeId, 4> inputs = rewriter.MappedInputs(id);
    const Attributes& attributes = nodes.attributes(id);
    const TensorType right_type = rewriter.nodes()[inputs[1]].type;
    // A product's integers are (left transposed, right transposed). The pack keeps what concerns
    // the right operand alone, so that equal packs are equal nodes; the packed product adds the
    // number of columns.
    const Attributes pack_attributes{.integers = {attributes.integers[1]}};
    const absl::StatusOr<TensorType> packed_type = pack->type({{right_type}, pack_attributes});
    const NodeId packed = rewriter.Append(id, *pack, *packed_type, {inputs[1]}, pack_attributes);
    Attributes product_attributes = attributes;
    product_attributes.integers.push_back(nodes[id].type.shape.back(0));
    rewriter.Map(
        id, rewriter.Append(id, *product, nodes[id].type, {inputs[0], packed}, product_attributes));
  }
  return rewriter.Finish();
}

}  // namespace sluice
