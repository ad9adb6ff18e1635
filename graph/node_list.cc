#include <algorithm>

#include <absl/strings/str_cat.h>

#include <sluice/graph/mix.h>
#include <sluice/graph/node_list.h>

namespace sluice {

StableNodes StableNodes::First(size_t count) const {
  StableNodes copy;
  copy.size_ = count;
  for (size_t begin = 0; begin < count; begin += kChunk) {
    copy.chunks_.push_back(std::make_unique_for_overwrite<Node[]>(kChunk));
    std::copy_n(chunks_[begin / kChunk].get(), std::min(kChunk, count - begin),
                copy.chunks_.back().get());
  }
  return copy;
}

void StableNodes::Shorten(size_t count) {
  size_ = count;
  chunks_.resize((count + kChunk - 1) / kChunk);
}

NodeList::NodeList() : attributes_(1), scopes_(1) { scope_ids_[""] = 0; }

NodeId NodeList::Append(const Op& op, const TensorType& type, absl::Span<const NodeId> inputs,
                        const Attributes& attributes, int32_t scope, int32_t step) {
  int32_t attributes_id = 0;
  if (!attributes.empty()) {
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

bool BeginsLike(const NodeList& a, const NodeList& b, NodeId count) {
  if (a.size() < count || b.size() < count) return false;
  int32_t known_scope = -1;
  for (NodeId id = 0; id < count; ++id) {
    if (a[id] != b[id] || a.inputs(id) != b.inputs(id) || a.attributes(id) != b.attributes(id)) {
      return false;
    }
    if (a[id].scope == known_scope) continue;
    if (a.scope(id) != b.scope(id)) return false;
    known_scope = a[id].scope;
  }
  return true;
}

uint64_t StructureHash(const NodeList& nodes) {
  uint64_t hash = 0;
  for (NodeId id = 0; id < nodes.size(); ++id) {
    hash = Mix(hash, reinterpret_cast<uintptr_t>(nodes[id].op));
    for (const NodeId input : nodes.inputs(id)) hash = Mix(hash, static_cast<uint64_t>(input));
    hash = Mix(hash, nodes.attributes(id));
  }
  return hash;
}

NodeList NodeList::First(NodeId count) const {
  NodeList first;
  first.nodes_ = nodes_.First(count);
  // Nodes have their inputs and attributes in the order of their own.
  const auto inputs = count < size() ? nodes_[count].first_input : input_pool_.size();
  first.input_pool_.assign(input_pool_.begin(), input_pool_.begin() + inputs);
  NodeId last = count - 1;
  while (last >= 0 && nodes_[last].attributes == 0) --last;
  const int32_t attributes = last < 0 ? 0 : nodes_[last].attributes;
  first.attributes_.assign(attributes_.begin(), attributes_.begin() + attributes + 1);
  first.scopes_ = scopes_;
  first.scope_ids_ = scope_ids_;
  return first;
}

std::vector<NodeId> NodeList::Keep(absl::Span<const uint8_t> kept) {
  std::vector<NodeId> new_ids(size(), kNoNode);
  NodeId count = 0;
  int32_t inputs = 0;
  int32_t attributes = 0;
  for (NodeId id = 0; id < size(); ++id) {
    if (kept[id] == 0) continue;
    Node node = nodes_[id];
    for (int32_t i = 0; i < node.input_count; ++i) {
      input_pool_[inputs + i] = new_ids[input_pool_[node.first_input + i]];
    }
    node.first_input = inputs;
    inputs += node.input_count;
    if (node.attributes != 0) {
      ++attributes;
      if (attributes != node.attributes) {
        attributes_[attributes] = std::move(attributes_[node.attributes]);
      }
      node.attributes = attributes;
    }
    new_ids[id] = count;
    nodes_[count++] = node;
  }
  nodes_.Shorten(count);
  input_pool_.resize(inputs);
  attributes_.resize(attributes + 1);
  return new_ids;
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
