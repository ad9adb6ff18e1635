#include <sluice/graph/passes/passes.h>

namespace sluice {
namespace {

// How far below a concatenation products are looked for.
constexpr int kDepth = 8;

class Lifter {
 public:
  explicit Lifter(PlanGraph& graph)
      : nodes_(graph.nodes), uses_(CountUses(graph)), rewriter_(graph) {}

  PlanGraph Run() {
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      rewriter_.Copy(id);
      if (nodes_[id].op->kind == OpKind::kConcat && nodes_.attributes(id).integers[0] == 0) {
        LiftConcat(id);
      }
    }
    return DropUnused(rewriter_.Finish());
  }

 private:
  void LiftConcat(NodeId concat) {
    std::vector<NodeId> pieces;
    for (NodeId piece : nodes_.inputs(concat)) {
      while (nodes_[piece].op->kind == OpKind::kReshape && uses_[piece] == 1) {
        piece = nodes_.inputs(piece)[0];
      }
      pieces.push_back(piece);
    }
    if (pieces.size() < 2 || nodes_[pieces[0]].type.shape.rank() != 2 ||
        nodes_[pieces[0]].type.shape.back(0) != nodes_[concat].type.shape.back(0)) {
      return;
    }
    if (!HasProduct(pieces[0], kDepth)) return;
    const NodeId whole = Lift(concat, pieces, kDepth);
    if (whole == kNoNode) return;
    rewriter_.Map(concat, ReshapeTo(rewriter_, concat, whole, nodes_[concat].type.shape));
  }

  bool IsRowProduct(NodeId id) const {
    const Op& op = *nodes_[id].op;
    return op.kind == OpKind::kProduct && op.row_by_row != nullptr &&
           op.row_by_row(nodes_.attributes(id), nodes_[id].type.shape) &&
           nodes_[id].type.shape.rank() == 2;
  }

  bool HasProduct(NodeId id, int depth) const {
    if (depth == 0 || uses_[id] != 1) return false;
    if (IsRowProduct(id)) return true;
    if (nodes_[id].op->kind != OpKind::kElementwise) return false;
    for (const NodeId input : nodes_.inputs(id)) {
      if (HasProduct(input, depth - 1)) return true;
    }
    return false;
  }

  // Whether the pieces are the same op and may be one call.
  bool AreAlike(const std::vector<NodeId>& pieces) const {
    const NodeId first = pieces[0];
    const bool product = IsRowProduct(first);
    if (!product && nodes_[first].op->kind != OpKind::kElementwise) return false;
    for (const NodeId piece : pieces) {
      if (nodes_[piece].op != nodes_[first].op || uses_[piece] != 1 ||
          nodes_[piece].type.shape.rank() != 2 ||
          nodes_[piece].type.shape[1] != nodes_[first].type.shape[1] ||
          nodes_.attributes(piece) != nodes_.attributes(first)) {
        return false;
      }
      if (product && nodes_.inputs(piece)[1] != nodes_.inputs(first)[1]) return false;
    }
    return true;
  }

  // The pieces' rows one after the other, from one call; kNoNode where that cannot be.
  NodeId Lift(NodeId concat, const std::vector<NodeId>& pieces, int depth) {
    if (!AreAlike(pieces)) return kNoNode;
    const NodeId first = pieces[0];
    const bool product = IsRowProduct(first);
    std::vector<NodeId> inputs;
    for (size_t i = 0; i < nodes_.inputs(first).size(); ++i) {
      std::vector<NodeId> below;
      for (const NodeId piece : pieces) below.push_back(nodes_.inputs(piece)[i]);
      const NodeId input =
          product && i > 0 ? rewriter_.MapOf(below[0]) : LiftInput(concat, pieces, below, depth);
      if (input == kNoNode) return kNoNode;
      inputs.push_back(input);
    }
    TensorType type = nodes_[first].type;
    int64_t rows = 0;
    for (const NodeId piece : pieces) rows += nodes_[piece].type.shape[0];
    type.shape = type.shape.With(0, rows);
    return rewriter_.Append(concat, *nodes_[first].op, type, inputs, nodes_.attributes(first));
  }

  NodeId LiftInput(NodeId concat, const std::vector<NodeId>& pieces,
                   const std::vector<NodeId>& below, int depth) {
    bool same = true;
    bool whole_rows = true;
    for (size_t i = 0; i < pieces.size(); ++i) {
      const Shape& shape = nodes_[below[i]].type.shape;
      same = same && below[i] == below[0];
      whole_rows = whole_rows && shape.rank() == 2 && shape[0] == nodes_[pieces[i]].type.shape[0];
    }
    const Shape& shape = nodes_[below[0]].type.shape;
    if (same && (shape.rank() < 2 || shape[0] == 1)) return rewriter_.MapOf(below[0]);
    if (!whole_rows) return kNoNode;
    if (HasProduct(below[0], depth - 1)) {
      const NodeId lifted = Lift(concat, below, depth - 1);
      if (lifted != kNoNode) return lifted;
    }
    std::vector<NodeId> mapped;
    for (const NodeId id : below) mapped.push_back(rewriter_.MapOf(id));
    return ConcatRows(rewriter_, concat, mapped);
  }

  const NodeList& nodes_;
  std::vector<int32_t> uses_;
  GraphRewriter rewriter_;
};

}  // namespace

PlanGraph LiftConcats(PlanGraph graph) { return Lifter(graph).Run(); }

}  // namespace sluice
