#include <algorithm>

#include <absl/base/casts.h>
#include <absl/container/flat_hash_map.h>

#include <sluice/graph/passes/passes.h>
#include <sluice/graph/passes/sums.h>

namespace sluice {
namespace {

// A sum over the rows of more than this has nothing to gain from others beside it, and they would
// all need memory at one time.
constexpr int64_t kMostReduced = 1 << 20;

// Finds sums of many nodes and joins the addends that one call over more rows can compute.
class Sinker {
 public:
  explicit Sinker(PlanGraph& graph)
      : nodes_(graph.nodes),
        uses_(CountUses(graph)),
        sums_(graph, Sums::Addends::kWhole),
        rewriter_(graph),
        accumulate_(OpRegistry::Global().accumulate()) {}

  PlanGraph Run() {
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      // Nodes of a sum that is rewritten lose their readers, and DropUnused takes them away.
      rewriter_.Copy(id);
      if (sums_.IsRoot(id)) RewriteSum(id);
    }
    return DropUnused(rewriter_.Finish());
  }

 private:
  bool MaySink(NodeId id) const {
    const Op& op = *nodes_[id].op;
    if (op.kind == OpKind::kReduction && nodes_[nodes_.inputs(id)[0]].type.bytes() > kMostReduced) {
      return false;
    }
    return uses_[id] == 1 && op.adds_over_rows != nullptr &&
           op.adds_over_rows(nodes_.attributes(id));
  }

  // Equal for calls that differ in the number of rows only.
  std::vector<int64_t> KeyOf(NodeId id) const {
    const Attributes& attributes = nodes_.attributes(id);
    std::vector<int64_t> key = {static_cast<int64_t>(reinterpret_cast<intptr_t>(nodes_[id].op)),
                                absl::bit_cast<int64_t>(attributes.number)};
    key.insert(key.end(), attributes.integers.begin(), attributes.integers.end());
    for (const NodeId input : nodes_.inputs(id)) {
      const Shape& shape = nodes_[input].type.shape;
      key.push_back(shape.rank());
      for (int axis = 1; axis < shape.rank(); ++axis) key.push_back(shape[axis]);
    }
    return key;
  }

  void RewriteSum(NodeId root) {
    const std::vector<NodeId> addends = sums_.Of(root);
    std::vector<std::vector<NodeId>> groups;
    absl::flat_hash_map<std::vector<int64_t>, size_t> group_by_key;
    for (const NodeId addend : addends) {
      if (MaySink(addend)) {
        const auto [found, is_new] = group_by_key.try_emplace(KeyOf(addend), groups.size());
        if (!is_new) {
          groups[found->second].push_back(addend);
          continue;
        }
      }
      groups.push_back({addend});
    }
    if (groups.size() == addends.size()) return;
    NodeId sum = kNoNode;
    for (const std::vector<NodeId>& group : groups) {
      const NodeId next =
          group.size() > 1 ? JoinGroup(root, group) : rewriter_.MapOf(group.front());
      sum = sum == kNoNode
                ? next
                : rewriter_.Append(root, accumulate_, nodes_[root].type, {sum, next}, {});
    }
    rewriter_.Map(root, sum);
  }

  NodeId JoinGroup(NodeId root, std::vector<NodeId> group) {
    // The sum may go from the first time step to the last or back; its pieces should lie as values
    // over all steps do.
    std::vector<NodeId> reversed(group.rbegin(), group.rend());
    const bool from_last = nodes_[group.front()].step > nodes_[group.back()].step;
    if (HasWhole(reversed) || (from_last && !HasWhole(group))) group = std::move(reversed);
    std::vector<NodeId> inputs;
    for (size_t i = 0; i < nodes_.inputs(group[0]).size(); ++i) {
      inputs.push_back(ConcatRows(rewriter_, root, Pieces(group, i)));
    }
    return rewriter_.Append(root, *nodes_[group[0]].op, nodes_[root].type, inputs,
                            nodes_.attributes(group[0]));
  }

  std::vector<NodeId> Pieces(const std::vector<NodeId>& group, size_t position) const {
    std::vector<NodeId> pieces;
    for (const NodeId id : group) pieces.push_back(rewriter_.MapOf(nodes_.inputs(id)[position]));
    return pieces;
  }

  // Whether one of the operands, in this order, is all of a value that is there.
  bool HasWhole(const std::vector<NodeId>& group) const {
    for (size_t i = 0; i < nodes_.inputs(group[0]).size(); ++i) {
      if (AreWholeRows(rewriter_.nodes(), Pieces(group, i))) return true;
    }
    return false;
  }

  const NodeList& nodes_;
  std::vector<int32_t> uses_;
  Sums sums_;
  GraphRewriter rewriter_;
  const Op& accumulate_;
};

}  // namespace

PlanGraph SinkSums(PlanGraph graph) { return Sinker(graph).Run(); }

}  // namespace sluice
