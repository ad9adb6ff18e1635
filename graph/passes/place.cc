#include <algorithm>

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <sluice/graph/passes/lay_out.h>
#include <sluice/graph/passes/passes.h>
#include <sluice/graph/passes/row_wise.h>
#include <sluice/graph/passes/strips.h>
#include <sluice/graph/variable.h>

namespace sluice {
namespace {

// Elements of all axes before `axis` are one: a range of this axis is contiguous.
bool IsOutermost(const Shape& shape, int64_t axis) {
  for (int i = 0; i < axis; ++i) {
    if (shape[i] != 1) return false;
  }
  return true;
}

int64_t BytesPerIndex(const TensorType& type, int64_t axis) {
  const int64_t size = type.shape[static_cast<int>(axis)];
  return size == 0 ? 0 : type.bytes() / size;
}

// Decides whose memory each value lies in, then lays the owners out.
class Placer {
 public:
  Placer(const PlanGraph& graph, bool reuse, const Stages& stages)
      : graph_(graph),
        nodes_(graph.nodes),
        reuse_(reuse),
        stages_(stages),
        host_(nodes_.size(), kNoNode),
        shift_(nodes_.size(), 0),
        last_use_(nodes_.size(), 0) {}

  MemoryPlan Run() {
    if (reuse_) ClaimPiecesOfConcats();
    HostViews();
    FindLastUses();
    if (reuse_) {
      HostWrittenValues();
      HostInPlace();
      HostConcats();
    }
    return Lay();
  }

 private:
  // Moments: at a node, or behind all that happens at the same time as it.
  static constexpr int64_t At(NodeId id) { return 2 * int64_t{id}; }
  static constexpr int64_t Behind(NodeId id) { return 2 * int64_t{id} + 1; }
  static constexpr NodeId NodeAt(int64_t moment) { return static_cast<NodeId>(moment / 2); }

  const Stage* StageOf(NodeId id) const {
    const bool any = !stages_.stage_of.empty() && stages_.stage_of[id] != Stages::kNone;
    return any ? &stages_.stages[stages_.stage_of[id]] : nullptr;
  }
  const Group* GroupOf(NodeId id) const {
    const bool any = !stages_.group_of.empty() && stages_.group_of[id] != Stages::kNone;
    return any ? &stages_.groups[stages_.group_of[id]] : nullptr;
  }

  OpKind Kind(NodeId id) const { return nodes_[id].op->kind; }

  // Values that need memory of the arena: not a source, not a view, not yet hosted.
  bool OwnsArena(NodeId id) const {
    const OpKind kind = Kind(id);
    return host_[id] == kNoNode && kind != OpKind::kFeed && kind != OpKind::kConstant &&
           kind != OpKind::kVariable && kind != OpKind::kWrite && !IsView(nodes_, id) &&
           (stages_.internal.empty() || !stages_.internal[id]);
  }

  // The owner of a value's memory, and where in it the value starts.
  std::pair<NodeId, int64_t> Owner(NodeId id) const {
    int64_t offset = 0;
    while (host_[id] != kNoNode) {
      offset += shift_[id];
      id = host_[id];
    }
    return {id, offset};
  }

  void SetHost(NodeId id, NodeId host, int64_t shift) {
    // Always straight to the owner, so that chains of hosts stay short.
    const auto [owner, offset] = Owner(host);
    host_[id] = owner;
    shift_[id] = offset + shift;
  }

  void ClaimPiecesOfConcats() {
    // From the last to the first, so that a concat that is itself a piece knows its owner.
    for (NodeId id = nodes_.size() - 1; id >= 0; --id) {
      if (Kind(id) != OpKind::kConcat) continue;
      const int64_t axis = nodes_.attributes(id).integers[0];
      if (!IsOutermost(nodes_[id].type.shape, axis)) continue;
      int64_t offset = 0;
      for (const NodeId input : nodes_.inputs(id)) {
        NodeId piece = input;
        while (Kind(piece) == OpKind::kReshape) piece = nodes_.inputs(piece)[0];
        if (OwnsArena(piece) && Owner(id).first != piece) SetHost(piece, id, offset);
        offset += nodes_[input].type.bytes();
      }
    }
  }

  void HostViews() {
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      if (!IsView(nodes_, id)) continue;
      const NodeId input = nodes_.inputs(id)[0];
      int64_t shift = 0;
      if (Kind(id) == OpKind::kSlice) {
        const Attributes& attributes = nodes_.attributes(id);
        shift = attributes.integers[1] * BytesPerIndex(nodes_[input].type, attributes.integers[0]);
      }
      SetHost(id, input, shift);
    }
  }

  int64_t Bytes(NodeId id) const { return nodes_[id].type.bytes(); }

  void FindLastUses() {
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      const auto [owner, offset] = Owner(id);
      if (Bytes(id) != Bytes(owner)) strips_[owner].AddPart(offset, Bytes(id), Bytes(owner));
    }
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      Use(id, At(id));
      const absl::Span<const NodeId> inputs = nodes_.inputs(id);
      // A view is read by whoever reads the view.
      if (IsView(nodes_, id)) continue;
      for (size_t i = 0; i < inputs.size(); ++i) Use(inputs[i], TimeOfUse(id, i));
    }
    for (const NodeId id : graph_.fetches) Use(id, At(nodes_.size()));
  }

  void Use(NodeId id, int64_t moment) {
    const auto [owner, offset] = Owner(id);
    last_use_[owner] = std::max(last_use_[owner], moment);
    // A view itself is no use of the strip.
    if (IsView(nodes_, id) && moment == At(id)) return;
    const auto strips = strips_.find(owner);
    if (strips != strips_.end()) strips->second.Use(offset, Bytes(id), moment);
  }

  // The strip of its owner that a value is, and the owner's strips; null if it is no strip.
  Strips* StripsOf(NodeId id) {
    const NodeId owner = Owner(id).first;
    const auto strips = strips_.find(owner);
    const bool is_strip = strips != strips_.end() && strips->second.regular() &&
                          Bytes(id) == strips->second.bytes() && OwnsArena(owner);
    return is_strip ? &strips->second : nullptr;
  }

  // When the last element of an input is read, as far as those who write it element by element, or
  // row by row, are concerned.
  int64_t TimeOfUse(NodeId id, size_t position) const {
    if (!RunsKernel(nodes_, id)) return At(id);
    const NodeId input = nodes_.inputs(id)[position];
    // The rows of a part of a value are not the value's rows, but those of a strip are the strip's.
    const NodeId owner = Owner(input).first;
    const auto strips = strips_.find(owner);
    const bool is_whole =
        Bytes(input) == Bytes(owner) || (strips != strips_.end() && strips->second.regular() &&
                                         Bytes(input) == strips->second.bytes());
    const Stage* stage = StageOf(id);
    if (stage != nullptr) {
      const bool by_row = stage->is_chain() && ReadsByRow(nodes_, id, position, stage->rows);
      if (!by_row || !is_whole) return Behind(stage->last);
    }
    const Group* group = GroupOf(id);
    const bool by_element = is_whole && nodes_[input].type.shape == nodes_[id].type.shape;
    return group != nullptr && !by_element ? Behind(group->last()) : At(id);
  }

  // A written value is computed right in its variable when its kernel is the last to read the old
  // value, and reads it element by element.
  void HostWrittenValues() {
    absl::flat_hash_map<const Variable*, NodeId> read_node;
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      if (Kind(id) == OpKind::kVariable) read_node[nodes_.attributes(id).variable] = id;
    }
    absl::flat_hash_set<NodeId> taken;
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      if (Kind(id) != OpKind::kWrite) continue;
      const NodeId value = nodes_.inputs(id)[0];
      const auto read = read_node.find(nodes_.attributes(id).variable);
      if (read == read_node.end()) {
        // Nobody reads the old value: any kernel may write the new one.
        const NodeId owner = Owner(value).first;
        if (!OwnsArena(owner) || nodes_[owner].type.bytes() != nodes_[id].type.bytes()) continue;
        host_[owner] = id;
        last_use_[id] = std::max(last_use_[id], last_use_[owner]);
        continue;
      }
      if (!OwnsArena(value)) continue;
      const NodeId old = read->second;
      const bool last_reader =
          last_use_[old] < At(value) || (last_use_[old] == At(value) && ReadsWhole(value, old));
      // In a chain, the rows of strips are not those of the whole.
      const auto strips = strips_.find(old);
      if (StageOf(value) != nullptr && strips != strips_.end() && strips->second.has_parts()) {
        continue;
      }
      if (!last_reader || !taken.insert(value).second) continue;
      host_[value] = old;
      last_use_[old] = std::max(last_use_[old], last_use_[value]);
    }
  }

  // Whether the kernel may write its result over this input.
  bool MayOverwrite(NodeId id, size_t position) const {
    if (Kind(id) == OpKind::kElementwise) return true;
    return static_cast<int>(position) == nodes_[id].op->overwritable_input;
  }

  // All inputs of `id` in the memory of `owner` cover it element by element.
  bool ReadsWhole(NodeId id, NodeId owner) const {
    const absl::Span<const NodeId> inputs = nodes_.inputs(id);
    for (size_t i = 0; i < inputs.size(); ++i) {
      const auto [input_owner, offset] = Owner(inputs[i]);
      if (input_owner != owner) continue;
      const TensorType& type = nodes_[inputs[i]].type;
      if (!MayOverwrite(id, i) || offset != 0 || type.bytes() != nodes_[owner].type.bytes() ||
          type != nodes_[id].type) {
        return false;
      }
    }
    return true;
  }

  // By `id`, and by those before it in its group.
  bool ReadWhole(NodeId id, NodeId owner) const {
    if (const Group* group = GroupOf(id)) {
      for (const NodeId member : group->members) {
        if (member < id && !ReadsWhole(member, owner)) return false;
      }
    }
    return ReadsWhole(id, owner);
  }

  void HostInPlace() {
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      if (!OwnsArena(id)) continue;
      if (MayOverwriteRight(nodes_, id)) {
        HostInRight(id);
      } else if (!HostInInput(id)) {
        HostInInputOfGroup(id);
      }
    }
  }

  // A product over its right-hand operand, which may be larger.
  void HostInRight(NodeId id) {
    const absl::Span<const NodeId> inputs = nodes_.inputs(id);
    const NodeId owner = Owner(inputs[1]).first;
    if (owner == id || !OwnsArena(owner) || last_use_[owner] != At(id)) return;
    if (Owner(inputs[0]).first == owner || Bytes(inputs[1]) != Bytes(owner)) return;
    if (StageOf(id) != nullptr || strips_.contains(owner) || strips_.contains(id)) return;
    host_[id] = owner;
    last_use_[owner] = last_use_[id];
  }

  bool HostInInput(NodeId id) {
    const absl::Span<const NodeId> inputs = nodes_.inputs(id);
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!MayOverwrite(id, i) || nodes_[inputs[i]].type != nodes_[id].type) continue;
      if (HostInWhole(id, inputs[i]) || HostInStrip(id, inputs[i])) return true;
    }
    return false;
  }

  // Tile by tile, those before it in its group have read their inputs when `id` is written. Strips
  // are for what lives long, such as a gate that gradients read: the rest finds room elsewhere, and
  // would keep concatenations from lying there.
  void HostInInputOfGroup(NodeId id) {
    constexpr NodeId kLongLife = 256;
    const Group* group = GroupOf(id);
    if (group == nullptr) return;
    const bool lives_long = NodeAt(last_use_[id]) - id > kLongLife;
    // What the result is made of, from the last to the first.
    const absl::Span<const NodeId> inputs = nodes_.inputs(id);
    absl::InlinedVector<NodeId, 16> made_of(inputs.begin(), inputs.end());
    for (auto member = group->members.rbegin(); member != group->members.rend(); ++member) {
      if (*member >= id || !stages_.internal[*member]) continue;
      if (std::find(made_of.begin(), made_of.end(), *member) == made_of.end()) continue;
      for (const NodeId input : nodes_.inputs(*member)) {
        made_of.push_back(input);
        if (nodes_[input].type != nodes_[id].type) continue;
        if (HostInWhole(id, input) || (lives_long && HostInStrip(id, input))) return;
      }
    }
  }

  // A concatenation's pieces are hosted by it from before; an owner of pieces is no element-wise
  // op.
  bool HostInWhole(NodeId id, NodeId input) {
    const NodeId owner = Owner(input).first;
    if (owner == id || !OwnsArena(owner) || last_use_[owner] > At(id)) return false;
    if (Bytes(owner) != Bytes(id) || !ReadWhole(id, owner)) return false;
    // In a chain, the rows of strips are not those of the whole.
    const auto strips = strips_.find(owner);
    if (StageOf(id) != nullptr && strips != strips_.end() && strips->second.has_parts())
      return false;
    host_[id] = owner;
    last_use_[owner] = last_use_[id];
    // The owner's own parts have ended; now those of `id` count, or all of it.
    if (const auto own = strips_.find(id); own != strips_.end()) {
      strips_[owner] = Strips(own->second);
    } else if (strips != strips_.end()) {
      strips->second.Use(0, Bytes(owner), last_use_[id]);
    }
    return true;
  }

  // In the place of a strip that nobody needs any more.
  bool HostInStrip(NodeId id, NodeId input) {
    Strips* strips = StripsOf(input);
    const auto own = strips_.find(id);
    if (strips == nullptr || (own != strips_.end() && own->second.has_parts())) return false;
    const auto [owner, offset] = Owner(input);
    if (owner == id || !MayWriteStrip(id, owner, *strips, offset)) return false;
    host_[id] = owner;
    shift_[id] = offset;
    last_use_[owner] = std::max(last_use_[owner], last_use_[id]);
    strips->Use(offset, Bytes(id), last_use_[id]);
    return true;
  }

  // Whether `id` may write its result over a strip: nobody needs it later, and itself it reads it
  // element by element.
  bool MayWriteStrip(NodeId id, NodeId owner, const Strips& strips, int64_t offset) const {
    const int64_t last_use = strips.LastUse(offset / strips.bytes());
    // In a chain, the rows of the whole are not those of the strip.
    const Stage* stage = StageOf(id);
    if (stage != nullptr && strips.LastUseOfWhole() >= At(stage->first)) return false;
    if (last_use != At(id)) return last_use < At(id);
    const absl::Span<const NodeId> inputs = nodes_.inputs(id);
    for (size_t i = 0; i < inputs.size(); ++i) {
      const auto [input_owner, input_offset] = Owner(inputs[i]);
      if (input_owner != owner) continue;
      const bool apart = Bytes(inputs[i]) == strips.bytes() && input_offset != offset;
      const bool by_element = MayOverwrite(id, i) && input_offset == offset &&
                              nodes_[inputs[i]].type == nodes_[id].type;
      if (!apart && !by_element) return false;
    }
    return true;
  }

  // A concatenation of strips, such as a gate's gradients at all time steps, lies where the strips
  // of another value of its size end one by one, such as the gate itself.
  void HostConcats() {
    absl::flat_hash_map<int64_t, std::vector<NodeId>> owners;  // by size
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      const auto strips = strips_.find(id);
      if (strips == strips_.end() || !strips->second.regular() || !OwnsArena(id)) continue;
      std::vector<NodeId>& candidates = owners[Bytes(id)];
      if (Kind(id) == OpKind::kConcat) HostConcat(id, strips->second, candidates);
      if (host_[id] == kNoNode) candidates.push_back(id);
    }
  }

  void HostConcat(NodeId concat, const Strips& strips, std::vector<NodeId>& candidates) {
    constexpr size_t kMostCandidates = 16;
    const size_t first = candidates.size() - std::min(candidates.size(), kMostCandidates);
    for (size_t i = first; i < candidates.size(); ++i) {
      Strips& others = strips_[candidates[i]];
      if (others.bytes() != strips.bytes() ||
          nodes_[candidates[i]].type.dtype != nodes_[concat].type.dtype ||
          !MayLieIn(concat, candidates[i], others)) {
        continue;
      }
      host_[concat] = candidates[i];
      others.UseAlso(strips);
      last_use_[candidates[i]] = std::max(last_use_[candidates[i]], last_use_[concat]);
      return;
    }
  }

  bool MayLieIn(NodeId concat, NodeId owner, const Strips& strips) const {
    int64_t offset = 0;
    for (const NodeId input : nodes_.inputs(concat)) {
      NodeId piece = input;
      while (Kind(piece) == OpKind::kReshape) piece = nodes_.inputs(piece)[0];
      if (Kind(piece) == OpKind::kConcat || Bytes(piece) != strips.bytes()) return false;
      // Computed in the concatenation, or copied there by it.
      const bool in_place = Owner(piece) == std::pair(concat, offset);
      if (!MayWriteStrip(in_place ? piece : concat, owner, strips, offset)) return false;
      offset += Bytes(piece);
    }
    return true;
  }

  // Whether a value lives within one chain from its first to its last use, row after row.
  bool LivesInChain(NodeId owner, NodeId first_use) const {
    const Stage* stage = StageOf(first_use);
    return stage != nullptr && stage->is_chain() && owner == first_use &&
           NodeAt(last_use_[owner]) < stage->last && RowWiseRows(nodes_, owner) == stage->rows;
  }

  // The node after which a value's memory may serve others: the last of all that happens at the
  // same time as the last use.
  NodeId EndOf(NodeId owner) const {
    const NodeId last = std::min(NodeAt(last_use_[owner]), nodes_.size());
    if (last == nodes_.size()) return last;
    if (const Stage* stage = StageOf(last)) return stage->last;
    if (const Group* group = GroupOf(last)) return group->last();
    return last;
  }

  std::vector<Tenant> FindTenants() const {
    std::vector<NodeId> first_use(nodes_.size(), kNoNode);
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      const NodeId owner = Owner(id).first;
      if (first_use[owner] == kNoNode) first_use[owner] = id;
    }
    // Pieces come before the concatenation that owns them: memory starts with the first of them.
    std::vector<Tenant> tenants;
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      if (Owner(id).first != id || !OwnsArena(id)) continue;
      const bool in_chain = LivesInChain(id, first_use[id]);
      const NodeId last = !reuse_ ? nodes_.size() : in_chain ? NodeAt(last_use_[id]) : EndOf(id);
      tenants.push_back({id, first_use[id], last, Bytes(id), in_chain});
    }
    return tenants;
  }

  MemoryPlan Lay() {
    MemoryPlan plan;
    plan.places.resize(nodes_.size());
    plan.arena_bytes = LayOut(FindTenants(), nodes_.size(), stages_, reuse_, plan.places);
    PlaceSources(plan);
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      const auto [owner, offset] = Owner(id);
      if (owner == id) continue;
      plan.places[id] = plan.places[owner];
      plan.places[id].offset += offset;
    }
    return plan;
  }

  void PlaceSources(MemoryPlan& plan) {
    for (size_t i = 0; i < graph_.feeds.size(); ++i) {
      if (graph_.feeds[i] == kNoNode) continue;
      plan.places[graph_.feeds[i]] = {Place::Base::kFeed, static_cast<int32_t>(i), 0};
    }
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      if (Kind(id) == OpKind::kConstant) {
        plan.places[id] = {Place::Base::kConstants, 0, plan.constants_bytes};
        plan.constants_bytes += RoomFor(nodes_[id].type.bytes());
      } else if (Kind(id) == OpKind::kVariable || Kind(id) == OpKind::kWrite) {
        // The variable itself is found through the node's attributes; index is the node.
        plan.places[id] = {Place::Base::kVariable, id, 0};
      }
    }
  }

  const PlanGraph& graph_;
  const NodeList& nodes_;
  const bool reuse_;
  const Stages& stages_;
  std::vector<NodeId> host_;                    // whose memory a value lies in; kNoNode: its own
  std::vector<int64_t> shift_;                  // from the start of that memory, in bytes
  std::vector<int64_t> last_use_;               // the moment
  absl::flat_hash_map<NodeId, Strips> strips_;  // of owners that are used in parts
};

}  // namespace

bool IsView(const NodeList& nodes, NodeId id) {
  const OpKind kind = nodes[id].op->kind;
  if (kind == OpKind::kReshape) return true;
  if (kind != OpKind::kSlice) return false;
  return IsOutermost(nodes[id].type.shape, nodes.attributes(id).integers[0]);
}

bool RunsKernel(const NodeList& nodes, NodeId id) {
  const OpKind kind = nodes[id].op->kind;
  return kind != OpKind::kFeed && kind != OpKind::kConstant && kind != OpKind::kVariable &&
         !IsView(nodes, id);
}

MemoryPlan PlaceValues(const PlanGraph& graph, bool reuse, const Stages& stages) {
  return Placer(graph, reuse, stages).Run();
}

}  // namespace sluice
