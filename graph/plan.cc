#include <algorithm>

#include <absl/strings/str_cat.h>

#include <sluice/graph/passes/row_wise.h>
#include <sluice/graph/program_state.h>
#include <sluice/graph/registry.h>
#include <sluice/graph/tape.h>

namespace sluice {
namespace {

absl::Status CheckFetches(const Tape& tape, absl::Span<const Value> fetches) {
  if (!tape.status().ok()) return tape.status();
  if (absl::Status status = RegistrationStatus(); !status.ok()) return status;
  for (size_t i = 0; i < fetches.size(); ++i) {
    if (!fetches[i].valid() || fetches[i].tape() != &tape) {
      return absl::InvalidArgumentError(absl::StrCat("plan: fetch ", i, " is not on this tape"));
    }
  }
  return absl::OkStatus();
}

PlanGraph GraphOf(const Tape& tape, absl::Span<const Value> fetches) {
  PlanGraph graph;
  graph.nodes = tape.nodes();
  for (const Value& fetch : fetches) graph.fetches.push_back(fetch.node());
  for (const Tape::FeedRecord& feed : tape.feeds()) graph.feeds.push_back(feed.node);
  return graph;
}

PlanGraph RunPasses(PlanGraph graph, PlanLevel level) {
  graph = DropUnused(graph);
  if (level != PlanLevel::kDebug) graph = ShareEqual(graph);
  if (level == PlanLevel::kFull) {
    graph = ShareEqual(AddRowsFirst(graph));
    graph = ShareEqual(HoistRows(graph));
    graph = LiftConcats(graph);
    graph = ShareEqual(SinkSums(graph));
  }
  if (level != PlanLevel::kDebug) graph = ShareEqual(PackOperands(graph));
  if (level != PlanLevel::kFull) return OrderWrites(graph);
  return Schedule(ShareEqual(AddProducts(graph)));
}

// Decides which neighbouring element-wise ops run as one group.
class GroupBuilder {
 public:
  explicit GroupBuilder(const PlanGraph& graph, const MemoryPlan& memory)
      : nodes_(graph.nodes), memory_(memory) {}

  // Whether `id` may join the group; it then has.
  bool Add(NodeId id) {
    if (members_ > 0 && (members_ == kLargest || nodes_[id].type.shape != shape_)) return false;
    // Tile by tile, a member may see memory of another only at the tile's own positions.
    if (members_ > 0) {
      if (Clashes(id, touched_)) return false;
      for (const NodeId input : nodes_.inputs(id)) {
        if (Clashes(input, written_)) return false;
      }
    }
    shape_ = nodes_[id].type.shape;
    ++members_;
    written_.push_back(id);
    touched_.push_back(id);
    for (const NodeId input : nodes_.inputs(id)) touched_.push_back(input);
    return true;
  }

  void Clear() {
    members_ = 0;
    written_.clear();
    touched_.clear();
  }

 private:
  static constexpr int kLargest = 24;

  // Whether `id` overlaps one of the values in another way than covering it element by element.
  bool Clashes(NodeId id, const std::vector<NodeId>& values) const {
    const Place& a = memory_.places[id];
    for (const NodeId value : values) {
      const Place& b = memory_.places[value];
      if (a.base != b.base || a.index != b.index) continue;
      const int64_t a_end = a.offset + nodes_[id].type.bytes();
      const int64_t b_end = b.offset + nodes_[value].type.bytes();
      if (a_end <= b.offset || b_end <= a.offset) continue;
      const bool same = a.offset == b.offset && nodes_[id].type == nodes_[value].type;
      if (!same) return true;
    }
    return false;
  }

  const NodeList& nodes_;
  const MemoryPlan& memory_;
  Shape shape_;
  int members_ = 0;
  std::vector<NodeId> written_;
  std::vector<NodeId> touched_;
};

// About what a row of a node's work costs, in nanoseconds of one core.
double CostOfRow(const NodeList& nodes, NodeId id, int64_t rows) {
  const Node& node = nodes[id];
  const double flops = node.op->flops(InputTypes(nodes, id), node.type);
  return (flops / 60 + static_cast<double>(node.type.bytes()) * 0.03) / static_cast<double>(rows);
}

// Bytes that a block of rows may fill in the second-level cache.
constexpr int64_t kBlockBytes = 256 << 10;

// The list of kernels to call, in order, with runs of element-wise nodes joined to groups, and the
// stages that they make.
template <typename State>
class StepBuilder {
 public:
  StepBuilder(State& state, const std::vector<RowChain>& chains)
      : state_(state),
        nodes_(state.graph.nodes),
        chains_(chains),
        builder_(state.graph, state.memory) {}

  void Run() {
    const bool may_group = state_.level == PlanLevel::kFull;
    auto chain = chains_.begin();
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      if (chain != chains_.end() && id == chain->first) BeginChain(*chain);
      if (RunsKernel(nodes_, id)) AddNode(id, may_group);
      if (chain != chains_.end() && id == chain->last) {
        EndStage();
        ++chain;
      }
    }
    EndStage();
  }

 private:
  void BeginChain(const RowChain& chain) {
    EndStage();
    stage_.rows = chain.rows;
    widest_row_ = 0;
    stage_.block_rows = chain.has_product ? 0 : 1;
  }

  void EndStage() {
    EndGroup();
    stage_.last_step = static_cast<int32_t>(state_.steps.size());
    // Without products, a block is what stays in the cache from one kernel to the next.
    if (stage_.block_rows > 0) {
      stage_.block_rows = std::max<int64_t>(1, kBlockBytes / std::max<int64_t>(1, widest_row_));
    }
    if (stage_.first_step < stage_.last_step) state_.stages.push_back(stage_);
    stage_ = {static_cast<int32_t>(state_.steps.size()), 0};
  }

  void AddNode(NodeId id, bool may_group) {
    if (stage_.rows > 0) {
      stage_.cost += CostOfRow(nodes_, id, stage_.rows);
      widest_row_ = std::max(widest_row_, nodes_[id].type.bytes() / stage_.rows);
    }
    const bool elementwise = nodes_[id].op->kind == OpKind::kElementwise && may_group &&
                             nodes_[id].type.shape.elements() > 0;
    if (elementwise && builder_.Add(id)) {
      members_.push_back(id);
      return;
    }
    EndGroup();
    if (elementwise && builder_.Add(id)) {
      members_.push_back(id);
    } else {
      AddStep({id}, -1);
    }
  }

  void EndGroup() {
    builder_.Clear();
    if (members_.empty()) return;
    std::vector<ElementwiseGroup::Call> calls;
    for (const NodeId id : members_) {
      calls.push_back(
          {nodes_[id].op, &nodes_.attributes(id), InputTypes(nodes_, id), nodes_[id].type});
    }
    AddStep(members_, static_cast<int32_t>(state_.groups.size()));
    state_.groups.emplace_back(calls);
    members_.clear();
  }

  void AddStep(const std::vector<NodeId>& members, int32_t group) {
    const auto first = static_cast<int32_t>(state_.operands.size());
    for (const NodeId id : members) {
      const absl::Span<const NodeId> inputs = nodes_.inputs(id);
      for (size_t i = 0; i < inputs.size(); ++i) {
        const bool by_row = stage_.rows > 0 && ReadsByRow(nodes_, id, i, stage_.rows);
        state_.operands.push_back({inputs[i], by_row ? RowBytes(inputs[i]) : 0});
      }
      state_.operands.push_back({id, stage_.rows > 0 ? RowBytes(id) : 0});
    }
    state_.steps.push_back(
        {members[0], first, static_cast<int32_t>(state_.operands.size()) - first, group});
  }

  int64_t RowBytes(NodeId id) const { return nodes_[id].type.bytes() / stage_.rows; }

  State& state_;
  const NodeList& nodes_;
  const std::vector<RowChain>& chains_;
  GroupBuilder builder_;
  std::vector<NodeId> members_;
  typename State::Stage stage_ = {0, 0};
  int64_t widest_row_ = 0;
};

}  // namespace

absl::StatusOr<Program> Plan(const Tape& tape, absl::Span<const Value> fetches,
                             const PlanOptions& options) {
  if (absl::Status status = CheckFetches(tape, fetches); !status.ok()) return status;
  auto state = std::make_unique<Program::State>();
  state->level = options.level;
  state->graph = RunPasses(GraphOf(tape, fetches), options.level);
  std::vector<RowChain> chains;
  if (options.level == PlanLevel::kFull) chains = FindRowChains(state->graph.nodes);
  state->memory = PlaceValues(state->graph, /*reuse=*/options.level != PlanLevel::kDebug, chains);
  state->tape_nodes = tape.nodes();
  state->tape_hash = tape.structure_hash();
  for (const Value& fetch : fetches) state->tape_fetches.push_back(fetch.node());
  for (const Tape::FeedRecord& feed : tape.feeds()) {
    state->feeds.push_back(
        {feed.node, feed.name, tape.nodes()[feed.node].type, feed.tensor, feed.bound});
  }

  const NodeList& nodes = state->graph.nodes;
  state->arena = Tensor(DType::kI32, Shape{state->memory.arena_bytes / 4});
  state->constants = Tensor(DType::kI32, Shape{state->memory.constants_bytes / 4});
  state->reads_old_variable.resize(nodes.size());
  for (NodeId id = 0; id < nodes.size(); ++id) {
    const Op& op = *nodes[id].op;
    if (op.kind == OpKind::kVariable) state->reads_old_variable[id] = true;
    if (IsView(nodes, id)) {
      state->reads_old_variable[id] = state->reads_old_variable[nodes.inputs(id)[0]];
    }
    if (op.kind == OpKind::kConstant) {
      auto* place =
          static_cast<std::byte*>(state->constants.raw()) + state->memory.places[id].offset;
      absl::Status status = op.kernel({op, {}, {place, nodes[id].type}, nodes.attributes(id)});
      if (!status.ok()) return status;
    }
  }
  StepBuilder(*state, chains).Run();
  state->addresses.resize(nodes.size());
  return Program(std::move(state));
}

}  // namespace sluice
