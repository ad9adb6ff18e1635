#ifndef SLUICE_GRAPH_TAPE_RECORD_H_
#define SLUICE_GRAPH_TAPE_RECORD_H_

#include <memory>
#include <string>
#include <vector>

#include <sluice/graph/node_list.h>

namespace sluice {

// What `Gradients` was asked and appended.
struct GradientCall {
  NodeId value;
  std::vector<NodeId> by;
  std::string scope;
  int32_t step;
  NodeId begin;  // the first node that it appended, and one behind the last
  NodeId end;
  std::vector<NodeId> results;

  // Whether the same was asked at the same place.
  bool Asks(const GradientCall& other) const {
    return value == other.value && by == other.by && scope == other.scope && step == other.step &&
           begin == other.begin;
  }
};

// What a tape recorded.
struct TapeRecord {
  NodeList nodes;
  std::vector<GradientCall> gradients;  // in order
};

// Training records the same step again and again. A repeater follows a tape that records what
// earlier ones did, node by node: their nodes, with types, are then the tape's too, and neither
// type rules nor gradient rules need to run.
class Repeater {
 public:
  // Follows the first of `records` that begins with the nodes `so_far`, if one does.
  void Start(std::vector<std::shared_ptr<const TapeRecord>> records, const NodeList& so_far);

  bool active() const { return repeated_ != nullptr; }
  // Of them the tape has recorded the first `size`.
  const std::shared_ptr<const TapeRecord>& repeated() const { return repeated_; }
  NodeId size() const { return size_; }

  // Whether this node is recorded next there too. If so, it counts as recorded. `inputs` are node
  // ids; `scope` is the name of the tape's scope and `scope_id` its number there, if already known.
  template <typename Inputs>
  bool Takes(const Op& op, const Inputs& inputs, const Attributes& attributes,
             absl::string_view scope, int32_t& scope_id, int32_t step) {
    while (repeated_ != nullptr) {
      if (IsNext(op, inputs, attributes, scope, scope_id, step)) {
        ++size_;
        return true;
      }
      if (!FollowAnother(repeated_->nodes)) return false;
      scope_id = kUnknownScope;
    }
    return false;
  }
  // The same call there, whose nodes then count as recorded; none if it was given tensors, which
  // belong to one tape only.
  const GradientCall* TakesGradients(const GradientCall& call);

  // The nodes stay where they are, as types that were asked for lie in them.
  void Stop() { repeated_ = nullptr; }

  static constexpr int32_t kUnknownScope = -1;

 private:
  template <typename Inputs>
  bool IsNext(const Op& op, const Inputs& inputs, const Attributes& attributes,
              absl::string_view scope, int32_t& scope_id, int32_t step) const {
    const NodeList& nodes = repeated_->nodes;
    if (size_ >= nodes.size()) return false;
    const Node& node = nodes[size_];
    if (node.op != &op || node.step != step) return false;
    const absl::Span<const NodeId> expected = nodes.inputs(size_);
    if (!std::equal(inputs.begin(), inputs.end(), expected.begin(), expected.end())) return false;
    if (node.scope != scope_id) {
      if (nodes.scopes()[node.scope] != scope) return false;
      scope_id = node.scope;
    }
    return nodes.attributes(size_) == attributes;
  }
  bool FollowAnother(const NodeList& so_far);

  std::shared_ptr<const TapeRecord> repeated_;
  std::vector<std::shared_ptr<const TapeRecord>> records_;
  size_t next_ = 0;  // of `records_`, to be tried
  NodeId size_ = 0;
};

}  // namespace sluice

#endif  // SLUICE_GRAPH_TAPE_RECORD_H_
