#include <absl/strings/str_cat.h>

#include <sluice/graph/node_list.h>

namespace sluice {

StableNodes& StableNodes::operator=(const StableNodes& other) {
  if (this == &other) return *this;
  chunks_.clear();
  size_ = 0;
  for (size_t i = 0; i < other.size(); ++i) push_back(other[i]);
  return *this;
}

bool operator==(const StableNodes& a, const StableNodes& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!(a[i] == b[i])) return false;
  }
  return true;
}

NodeList::NodeList() : attributes_(1), scopes_(1) { scope_ids_[""] = 0; }

NodeId NodeList::Append(const Op& op, const TensorType& type, absl::Span<const NodeId> inputs,
                        const Attributes& attributes, int32_t scope, int32_t step) {
  int32_t attributes_id = 0;
  if (attributes != Attributes()) {
    attributes_id = static_cast<int32_t>(attributes_.size());
    attributes_.push_back(attributes);
  }
  nodes_.push_back({&op, type, static_cast<int32_t>(input_pool_.size()),
                    static_cast<int32_t>(inputs.size()), attributes_id, scope, step});
  input_pool_.insert(input_pool_.end(), inputs.begin(), inputs.end());
  return size() - 1;
}

int32_t NodeList::InternScope(absl::string_view name) {
  const auto found = scope_ids_.find(name);
  if (found != scope_ids_.end()) return found->second;
  const auto id = static_cast<int32_t>(scopes_.size());
  scopes_.emplace_back(name);
  scope_ids_[scopes_.back()] = id;
  return id;
}

NodeList NodeList::EmptyWithScopes() const {
  NodeList empty;
  empty.scopes_ = scopes_;
  empty.scope_ids_ = scope_ids_;
  return empty;
}

void NodeList::Reserve(NodeId nodes) { input_pool_.reserve(2 * static_cast<size_t>(nodes)); }

std::string NodeList::Describe(NodeId id) const {
  return absl::StrCat(nodes_[id].op->name, ": ", nodes_[id].type.shape.ToString(),
                      scope(id).empty() ? "" : " in ", scope(id));
}

absl::InlinedVector<TensorType, 3> InputTypes(const NodeList& nodes, NodeId id) {
  absl::InlinedVector<TensorType, 3> types;
  for (const NodeId input : nodes.inputs(id)) types.push_back(nodes[input].type);
  return types;
}

Consumers::Consumers(const NodeList& nodes) : first_(nodes.size() + 1, 0) {
  for (NodeId id = 0; id < nodes.size(); ++id) {
    for (const NodeId input : nodes.inputs(id)) ++first_[input + 1];
  }
  for (NodeId id = 0; id < nodes.size(); ++id) first_[id + 1] += first_[id];
  consumers_.resize(first_.back());
  positions_.resize(first_.back());
  std::vector<int32_t> next(first_.begin(), first_.end() - 1);
  for (NodeId id = 0; id < nodes.size(); ++id) {
    const absl::Span<const NodeId> inputs = nodes.inputs(id);
    for (size_t i = 0; i < inputs.size(); ++i) {
      const int32_t slot = next[inputs[i]]++;
      consumers_[slot] = id;
      positions_[slot] = static_cast<int32_t>(i);
    }
  }
}

}  // namespace sluice
