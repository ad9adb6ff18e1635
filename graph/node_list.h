#ifndef SLUICE_GRAPH_NODE_LIST_H_
#define SLUICE_GRAPH_NODE_LIST_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_map.h>
#include <absl/types/span.h>

#include <sluice/graph/op.h>

namespace sluice {

// One recorded operation. Inputs and attributes lie in pools of the list, so that a node stays
// small.
struct Node {
  const Op* op;
  TensorType type;
  int32_t first_input;
  int32_t input_count;
  int32_t attributes;  // 0: none
  int32_t scope;
  int32_t step;  // the time step of a recurrent layer it belongs to; -1: none

  friend bool operator==(const Node&, const Node&) = default;
};

// Grows at the end and never moves what it holds, so that `const Shape& shape = x.shape()` outlives
// what is recorded next.
class StableNodes {
 public:
  StableNodes() = default;
  StableNodes(const StableNodes& other) : StableNodes(other.First(other.size())) {}
  StableNodes& operator=(const StableNodes& other) {
    if (this != &other) *this = other.First(other.size());
    return *this;
  }
  StableNodes(StableNodes&& other) noexcept { Swap(other); }
  StableNodes& operator=(StableNodes&& other) noexcept {
    Swap(other);
    return *this;
  }

  void push_back(const Node& node) {
    if (size_ % kChunk == 0) chunks_.push_back(std::make_unique_for_overwrite<Node[]>(kChunk));
    chunks_.back()[size_++ % kChunk] = node;
  }
  size_t size() const { return size_; }
  const Node& operator[](size_t i) const { return chunks_[i / kChunk][i % kChunk]; }
  Node& operator[](size_t i) { return chunks_[i / kChunk][i % kChunk]; }
  // A copy of the first `count`.
  StableNodes First(size_t count) const;
  void Shorten(size_t count);

 private:
  static constexpr size_t kChunk = 128;

  void Swap(StableNodes& other) {
    chunks_.swap(other.chunks_);
    std::swap(size_, other.size_);
  }

  std::vector<std::unique_ptr<Node[]>> chunks_;
  size_t size_ = 0;
};

// Operations in an order in which they can run: inputs come before their users. A tape records one;
// planning rewrites one into the next.
class NodeList {
 public:
  NodeList();

  NodeId Append(const Op& op, const TensorType& type, absl::Span<const NodeId> inputs,
                const Attributes& attributes, int32_t scope, int32_t step);

  NodeId size() const { return static_cast<NodeId>(nodes_.size()); }
  const Node& operator[](NodeId id) const { return nodes_[id]; }
  absl::Span<const NodeId> inputs(NodeId id) const {
    return {input_pool_.data() + nodes_[id].first_input,
            static_cast<size_t>(nodes_[id].input_count)};
  }
  const Attributes& attributes(NodeId id) const { return attributes_[nodes_[id].attributes]; }
  const std::string& scope(NodeId id) const { return scopes_[nodes_[id].scope]; }
  // The number of a scope's name, which `Append` takes. Numbers are given in the order of names.
  int32_t InternScope(absl::string_view name);
  const std::vector<std::string>& scopes() const { return scopes_; }
  // A copy of the first `count` nodes, which knows all scopes.
  NodeList First(NodeId count) const;
  // Leaves out the nodes that are not `kept`, which no others read. Returns the new ids, kNoNode
  // for those that went.
  std::vector<NodeId> Keep(absl::Span<const uint8_t> kept);
  void Reserve(NodeId nodes);

  // "name: (35, 32) in rnn/0": how errors and listings refer to a node.
  std::string Describe(NodeId id) const;

  friend bool operator==(const NodeList& a, const NodeList& b) {
    return a.size() == b.size() && BeginsLike(a, b, a.size());
  }
  // Whether the first `count` nodes of both are the same.
  friend bool BeginsLike(const NodeList& a, const NodeList& b, NodeId count);

 private:
  StableNodes nodes_;
  std::vector<NodeId> input_pool_;
  std::vector<Attributes> attributes_;
  std::vector<std::string> scopes_;
  absl::flat_hash_map<std::string, int32_t> scope_ids_;
};

// Equal for equal nodes.
uint64_t StructureHash(const NodeList& nodes);

// The input types of a node, gathered for type rules, costs and kernels.
absl::InlinedVector<TensorType, 3> InputTypes(const NodeList& nodes, NodeId id);

// The nodes that read each node, as one flat list: by id, and once for each time they read it.
class Consumers {
 public:
  explicit Consumers(const NodeList& nodes);
  absl::Span<const NodeId> of(NodeId id) const {
    return {consumers_.data() + first_[id], static_cast<size_t>(first_[id + 1] - first_[id])};
  }
  // For each of them, which of its inputs `id` is.
  absl::Span<const int32_t> positions(NodeId id) const {
    return {positions_.data() + first_[id], static_cast<size_t>(first_[id + 1] - first_[id])};
  }

 private:
  std::vector<int32_t> first_;
  std::vector<NodeId> consumers_;
  std::vector<int32_t> positions_;
};

}  // namespace sluice

#endif  // SLUICE_GRAPH_NODE_LIST_H_
