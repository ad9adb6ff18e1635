#include <algorithm>

#include <sluice/graph/passes/passes.h>
#include <sluice/graph/passes/sums.h>

namespace sluice {

PlanGraph AddRowsFirst(PlanGraph graph) {
  const NodeList& nodes = graph.nodes;
  const Op& accumulate = OpRegistry::Global().accumulate();
  const Sums sums(graph, Sums::Addends::kWholeAndRows);
  GraphRewriter rewriter(graph);
  for (NodeId id = 0; id < nodes.size(); ++id) {
    rewriter.Copy(id);
    if (!sums.IsRoot(id)) continue;
    std::vector<NodeId> wholes;
    std::vector<NodeId> rows;
    for (const NodeId addend : sums.Of(id)) {
      (nodes[addend].type == nodes[id].type ? wholes : rows).push_back(addend);
    }
    const auto product = std::find_if(wholes.begin(), wholes.end(), [&](NodeId addend) {
      return nodes[addend].op->kind == OpKind::kProduct;
    });
    if (rows.empty() || product == wholes.end()) continue;
    std::rotate(wholes.begin(), product, product + 1);
    NodeId row = rewriter.MapOf(rows[0]);
    for (size_t i = 1; i < rows.size(); ++i)
      row = AddRows(rewriter, id, row, rewriter.MapOf(rows[i]));
    NodeId sum =
        rewriter.Append(id, accumulate, nodes[id].type, {rewriter.MapOf(wholes[0]), row}, {});
    for (size_t i = 1; i < wholes.size(); ++i) {
      sum = rewriter.Append(id, accumulate, nodes[id].type, {sum, rewriter.MapOf(wholes[i])}, {});
    }
    rewriter.Map(id, sum);
  }
  return DropUnused(rewriter.Finish());
}

}  // namespace sluice
