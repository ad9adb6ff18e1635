#include <absl/container/flat_hash_map.h>

#include <sluice/graph/passes/passes.h>

namespace sluice {
namespace {

class ConcatMerger {
 public:
  explicit ConcatMerger(PlanGraph& graph) : nodes_(graph.nodes), rewriter_(graph) {
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      if (!IsRowConcat(id)) continue;
      by_first_.try_emplace(Piece(id, 0), id);
      by_second_.try_emplace(Piece(id, 1), id);
    }
  }

  PlanGraph Run() {
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      if (rewriter_.MapOf(id) != kNoNode) continue;  // merged with an earlier one
      if (!IsRowConcat(id) || !Merge(id)) rewriter_.Copy(id);
    }
    return DropUnused(rewriter_.Finish());
  }

 private:
  bool IsRowConcat(NodeId id) const {
    return nodes_[id].op->kind == OpKind::kConcat && nodes_.attributes(id).integers[0] == 0 &&
           nodes_.inputs(id).size() > 1;
  }

  // What is concatenated, below reshapes.
  NodeId Piece(NodeId concat, size_t index) const {
    NodeId piece = nodes_.inputs(concat)[index];
    while (nodes_[piece].op->kind == OpKind::kReshape) piece = nodes_.inputs(piece)[0];
    return piece;
  }

  // Whether `early` is `late` moved on by one piece: early[i + 1] = late[i].
  bool Overlap(NodeId early, NodeId late) const {
    const size_t count = nodes_.inputs(early).size();
    if (early == late || nodes_.inputs(late).size() != count) return false;
    for (size_t i = 0; i + 1 < count; ++i) {
      if (Piece(early, i + 1) != Piece(late, i)) return false;
    }
    const TensorType& first = nodes_[Piece(early, 0)].type;
    return first == nodes_[Piece(late, 0)].type && first == nodes_[Piece(late, count - 1)].type &&
           first.shape.rank() > 0;
  }

  // Finds the concatenation that `id` overlaps with, and appends both as one.
  bool Merge(NodeId id) {
    const auto late = by_first_.find(Piece(id, 1));
    if (late != by_first_.end() && Overlap(id, late->second)) {
      return AppendMerged(id, id, late->second);
    }
    const auto early = by_second_.find(Piece(id, 0));
    return early != by_second_.end() && Overlap(early->second, id) &&
           AppendMerged(id, early->second, id);
  }

  // In the place of `id`, the earlier of the two in the list. False if a piece is not there yet.
  bool AppendMerged(NodeId id, NodeId early, NodeId late) {
    std::vector<NodeId> pieces = {rewriter_.MapOf(Piece(early, 0))};
    for (size_t i = 0; i < nodes_.inputs(late).size(); ++i) {
      pieces.push_back(rewriter_.MapOf(Piece(late, i)));
    }
    for (const NodeId piece : pieces) {
      if (piece == kNoNode) return false;
    }
    const int64_t rows = nodes_[Piece(early, 0)].type.shape[0];
    const auto count = static_cast<int64_t>(pieces.size());
    const NodeId both = ConcatRows(rewriter_, id, pieces);
    const NodeId first = SliceRows(rewriter_, id, both, 0, (count - 1) * rows);
    const NodeId second = SliceRows(rewriter_, id, both, rows, count * rows);
    rewriter_.Map(early, ReshapeTo(rewriter_, id, first, nodes_[early].type.shape));
    rewriter_.Map(late, ReshapeTo(rewriter_, id, second, nodes_[late].type.shape));
    return true;
  }

  const NodeList& nodes_;
  absl::flat_hash_map<NodeId, NodeId> by_first_;  // concatenations by their first piece
  absl::flat_hash_map<NodeId, NodeId> by_second_;
  GraphRewriter rewriter_;
};

}  // namespace

PlanGraph MergeConcats(PlanGraph graph) { return ConcatMerger(graph).Run(); }

}  // namespace sluice
