#include <bit>

#include <sluice/graph/mix.h>
#include <sluice/graph/passes/passes.h>

namespace sluice {
namespace {

bool HasIdentity(OpKind kind) { return kind == OpKind::kFeed || kind == OpKind::kWrite; }

// Finds for each node the first that computes the same.
class EqualFinder {
 public:
  explicit EqualFinder(const NodeList& nodes)
      : nodes_(nodes),
        first_(nodes.size()),
        table_(std::bit_ceil(2 * static_cast<size_t>(nodes.size()) + 1), Entry{0, kNoNode}) {}

  std::vector<NodeId> Run() {
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      first_[id] = HasIdentity(nodes_[id].op->kind) ? id : FirstEqual(id);
    }
    return std::move(first_);
  }

 private:
  struct Entry {
    uint32_t hash;
    NodeId id;
  };

  // Looks from the place that the hash says onwards, up to a free one.
  NodeId FirstEqual(NodeId id) {
    const uint64_t hash = HashOf(id);
    const auto high = static_cast<uint32_t>(hash >> 32);
    for (size_t place = hash;; ++place) {
      Entry& entry = table_[place & (table_.size() - 1)];
      if (entry.id == kNoNode) {
        entry = {high, id};
        return id;
      }
      if (entry.hash == high && AreEqual(entry.id, id)) return entry.id;
    }
  }

  uint64_t HashOf(NodeId id) const {
    const Node& node = nodes_[id];
    uint64_t hash = Mix(0, reinterpret_cast<uintptr_t>(node.op));
    for (const NodeId input : nodes_.inputs(id)) {
      hash = Mix(hash, static_cast<uint64_t>(first_[input]));
    }
    return node.attributes == 0 ? hash : Mix(hash, nodes_.attributes(id));
  }

  bool AreEqual(NodeId a, NodeId b) const {
    const absl::Span<const NodeId> inputs_a = nodes_.inputs(a);
    const absl::Span<const NodeId> inputs_b = nodes_.inputs(b);
    if (nodes_[a].op != nodes_[b].op || inputs_a.size() != inputs_b.size()) return false;
    for (size_t i = 0; i < inputs_a.size(); ++i) {
      if (first_[inputs_a[i]] != first_[inputs_b[i]]) return false;
    }
    return nodes_[a].type == nodes_[b].type && nodes_.attributes(a) == nodes_.attributes(b);
  }

  const NodeList& nodes_;
  std::vector<NodeId> first_;
  std::vector<Entry> table_;
};

}  // namespace

PlanGraph ShareEqual(PlanGraph graph) {
  if (graph.all_differ) return graph;
  const std::vector<NodeId> first = EqualFinder(graph.nodes).Run();
  GraphRewriter rewriter(graph);
  for (NodeId id = 0; id < graph.nodes.size(); ++id) {
    if (first[id] == id) {
      rewriter.Copy(id);
    } else {
      rewriter.Map(id, rewriter.MapOf(first[id]));
    }
  }
  PlanGraph shared = DropUnused(rewriter.Finish());
  shared.all_differ = true;
  return shared;
}

}  // namespace sluice
