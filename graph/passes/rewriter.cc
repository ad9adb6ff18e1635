#include <sluice/graph/passes/passes.h>

namespace sluice {

GraphRewriter::GraphRewriter(PlanGraph& from) : from_(from), new_id_(from.nodes.size(), kNoNode) {}

void GraphRewriter::BeginToDiffer() {
  if (differs_) return;
  differs_ = true;
  to_.nodes = from_.nodes.First(same_);
  to_.nodes.Reserve(from_.nodes.size());
}

absl::InlinedVector<NodeId, 4> GraphRewriter::MappedInputs(NodeId old) const {
  absl::InlinedVector<NodeId, 4> inputs;
  for (const NodeId input : from_.nodes.inputs(old)) inputs.push_back(new_id_[input]);
  return inputs;
}

NodeId GraphRewriter::Append(NodeId old, const Op& op, const TensorType& type,
                             absl::Span<const NodeId> inputs, const Attributes& attributes) {
  const Node& node = from_.nodes[old];
  if (IsNext(old) && &op == node.op && inputs == from_.nodes.inputs(old) && type == node.type &&
      attributes == from_.nodes.attributes(old)) {
    return same_++;
  }
  BeginToDiffer();
  return to_.nodes.Append(op, type, inputs, attributes, node.scope, node.step);
}

NodeId GraphRewriter::Copy(NodeId old) {
  const Node& node = from_.nodes[old];
  new_id_[old] = Append(old, *node.op, node.type, MappedInputs(old), from_.nodes.attributes(old));
  return new_id_[old];
}

PlanGraph GraphRewriter::Finish() {
  if (!differs_ && same_ < from_.nodes.size()) BeginToDiffer();
  if (!differs_) {
    to_.nodes = std::move(from_.nodes);
    to_.all_differ = from_.all_differ;
  }
  for (const NodeId id : from_.fetches) to_.fetches.push_back(new_id_[id]);
  for (const NodeId id : from_.feeds) to_.feeds.push_back(id == kNoNode ? kNoNode : new_id_[id]);
  return std::move(to_);
}

}  // namespace sluice
