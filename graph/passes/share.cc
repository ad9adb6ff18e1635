#include <absl/container/flat_hash_set.h>

#include <sluice/graph/passes/passes.h>

namespace sluice {
namespace {

// Compares nodes of a growing list by what they compute.
struct Expression {
  const NodeList* nodes;
  NodeId id;

  template <typename H>
  friend H AbslHashValue(H state, const Expression& expression) {
    const NodeList& nodes = *expression.nodes;
    const Attributes& attributes = nodes.attributes(expression.id);
    state = H::combine(std::move(state), nodes[expression.id].op, attributes.number,
                       attributes.variable, attributes.integers);
    for (const NodeId input : nodes.inputs(expression.id)) {
      state = H::combine(std::move(state), input);
    }
    return state;
  }
  friend bool operator==(const Expression& a, const Expression& b) {
    const NodeList& nodes = *a.nodes;
    return nodes[a.id].op == nodes[b.id].op && nodes[a.id].type == nodes[b.id].type &&
           nodes.inputs(a.id) == nodes.inputs(b.id) &&
           nodes.attributes(a.id) == nodes.attributes(b.id);
  }
};

bool HasIdentity(OpKind kind) { return kind == OpKind::kFeed || kind == OpKind::kWrite; }

}  // namespace

PlanGraph ShareEqual(const PlanGraph& graph) {
  GraphRewriter rewriter(graph);
  absl::flat_hash_set<Expression> known;
  known.reserve(graph.nodes.size());
  // A node that turns out to be known stays in the list without a reader; DropUnused takes it away.
  for (NodeId id = 0; id < graph.nodes.size(); ++id) {
    const NodeId copy = rewriter.Copy(id);
    if (HasIdentity(graph.nodes[id].op->kind)) continue;
    const auto [found, is_new] = known.insert({&rewriter.nodes(), copy});
    if (!is_new) rewriter.Map(id, found->id);
  }
  return DropUnused(rewriter.Finish());
}

}  // namespace sluice
