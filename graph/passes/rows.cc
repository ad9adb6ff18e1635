#include <sluice/graph/passes/passes.h>

namespace sluice {
namespace {

Attributes SizesOf(const Shape& shape) {
  return {.integers = {shape.sizes().begin(), shape.sizes().end()}};
}

// A run of bytes of some value, under any shape.
struct ByteRange {
  NodeId of = kNoNode;
  int64_t begin = 0;
  int64_t end = 0;
};

// What a value is a view of.
ByteRange RangeOf(const NodeList& nodes, NodeId id) {
  ByteRange range{id, 0, nodes[id].type.bytes()};
  while (IsView(nodes, range.of)) {
    const NodeId input = nodes.inputs(range.of)[0];
    if (nodes[range.of].op->kind == OpKind::kSlice) {
      const Attributes& attributes = nodes.attributes(range.of);
      const auto axis = static_cast<int>(attributes.integers[0]);
      const int64_t size = nodes[input].type.shape[axis];
      const int64_t shift =
          size == 0 ? 0 : nodes[input].type.bytes() / size * attributes.integers[1];
      range.begin += shift;
      range.end += shift;
    }
    range.of = input;
  }
  return range;
}

}  // namespace

std::vector<int32_t> CountUses(const PlanGraph& graph) {
  std::vector<int32_t> uses(graph.nodes.size());
  for (NodeId id = 0; id < graph.nodes.size(); ++id) {
    for (const NodeId input : graph.nodes.inputs(id)) ++uses[input];
  }
  for (const NodeId id : graph.fetches) ++uses[id];
  return uses;
}

NodeId ReshapeTo(GraphRewriter& rewriter, NodeId old, NodeId node, const Shape& shape) {
  const TensorType& type = rewriter.nodes()[node].type;
  if (type.shape == shape) return node;
  return rewriter.Append(old, OpRegistry::Global().OnlyOf(OpKind::kReshape), {type.dtype, shape},
                         {node}, SizesOf(shape));
}

NodeId SliceRows(GraphRewriter& rewriter, NodeId old, NodeId node, int64_t begin, int64_t end) {
  const TensorType type = rewriter.nodes()[node].type;
  return rewriter.Append(old, OpRegistry::Global().OnlyOf(OpKind::kSlice),
                         {type.dtype, type.shape.With(0, end - begin)}, {node},
                         {.integers = {0, begin, end}});
}

NodeId AddRows(GraphRewriter& rewriter, NodeId old, NodeId a, NodeId b) {
  const TensorType& type_a = rewriter.nodes()[a].type;
  const TensorType& type_b = rewriter.nodes()[b].type;
  return rewriter.Append(old, OpRegistry::Global().accumulate(),
                         type_a.shape.rank() < type_b.shape.rank() ? type_b : type_a, {a, b}, {});
}

bool AreWholeRows(const NodeList& nodes, absl::Span<const NodeId> pieces) {
  const NodeId whole = RangeOf(nodes, pieces[0]).of;
  int64_t end = 0;
  for (const NodeId piece : pieces) {
    const ByteRange range = RangeOf(nodes, piece);
    if (range.of != whole || range.begin != end) return false;
    end = range.end;
  }
  return end == nodes[whole].type.bytes();
}

NodeId ConcatRows(GraphRewriter& rewriter, NodeId old, absl::Span<const NodeId> pieces) {
  const NodeList& nodes = rewriter.nodes();
  TensorType type = nodes[pieces[0]].type;
  int64_t rows = 0;
  for (const NodeId piece : pieces) rows += nodes[piece].type.shape[0];
  type.shape = type.shape.With(0, rows);
  if (AreWholeRows(nodes, pieces)) {
    return ReshapeTo(rewriter, old, RangeOf(nodes, pieces[0]).of, type.shape);
  }
  return rewriter.Append(old, OpRegistry::Global().OnlyOf(OpKind::kConcat), type, pieces,
                         {.integers = {0}});
}

}  // namespace sluice
