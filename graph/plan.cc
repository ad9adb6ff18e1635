#include <algorithm>

#include <absl/strings/str_cat.h>

#include <sluice/graph/passes/row_wise.h>
#include <sluice/graph/passes/run_passes.h>
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

// About what a node's kernel costs, in nanoseconds of one core.
double CostOf(const NodeList& nodes, NodeId id) {
  const double flops = nodes[id].op->flops(InputTypes(nodes, id), nodes[id].type);
  return flops / 60 + static_cast<double>(nodes[id].type.bytes()) * 0.03;
}

// Bytes that a block of rows may fill in the second-level cache.
constexpr int64_t kBlockBytes = 256 << 10;

// The list of kernels to call, in order, with runs of element-wise nodes joined to groups, and the
// stages that they make.
class StepBuilder {
 public:
  StepBuilder(ProgramState& state, const Stages& stages)
      : state_(state), nodes_(state.graph.nodes), stages_(stages) {}

  void Run() {
    auto stage = stages_.stages.begin();
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      if (stage != stages_.stages.end() && id == stage->first) BeginStage(*stage);
      if (RunsKernel(nodes_, id)) AddNode(id);
      if (stage != stages_.stages.end() && id == stage->last) {
        EndRange();
        ++stage;
      }
    }
    EndRange();
  }

 private:
  using StepRange = ProgramState::StepRange;
  static constexpr int64_t kWhole = ProgramState::Operand::kWhole;

  void BeginStage(const Stage& stage) {
    EndRange();
    range_.kind = stage.is_chain() ? StepRange::Kind::kChain : StepRange::Kind::kSideBySide;
    range_.rows = stage.rows;
    range_.block_rows = stage.has_product ? 0 : 1;
    widest_row_ = 1;
  }

  void EndRange() {
    range_.last_step = static_cast<int32_t>(state_.steps.size());
    // Without products, a block is what stays in the cache from one kernel to the next.
    if (range_.block_rows > 0) {
      range_.block_rows = std::max<int64_t>(1, kBlockBytes / widest_row_);
    }
    if (range_.first_step < range_.last_step) state_.stages.push_back(range_);
    range_ = {static_cast<int32_t>(state_.steps.size()), 0};
  }

  void AddNode(NodeId id) {
    if (range_.kind != StepRange::Kind::kInOrder) {
      const int64_t rows = std::max<int64_t>(1, range_.rows);
      range_.cost += CostOf(nodes_, id) / static_cast<double>(rows);
      widest_row_ = std::max(widest_row_, nodes_[id].type.bytes() / rows);
    }
    const int32_t group = stages_.group_of.empty() ? Stages::kNone : stages_.group_of[id];
    if (group == Stages::kNone) {
      AddNodeStep(id);
    } else if (stages_.groups[group].last() == id) {
      AddGroupStep(stages_.groups[group]);
    }
  }

  void AddNodeStep(NodeId id) {
    const auto first = static_cast<int32_t>(state_.operands.size());
    const absl::Span<const NodeId> inputs = nodes_.inputs(id);
    for (size_t i = 0; i < inputs.size(); ++i) {
      const bool by_row = range_.rows > 0 && ReadsByRow(nodes_, id, i, range_.rows);
      state_.operands.push_back({inputs[i], by_row ? RowBytes(inputs[i]) : kWhole});
    }
    state_.operands.push_back({id, range_.rows > 0 ? RowBytes(id) : kWhole});
    AddStep({&id, 1}, first, ProgramState::kNoGroup);
  }

  void AddGroupStep(const Group& group) {
    std::vector<ElementwiseGroup::Call> calls;
    for (const NodeId id : group.members) {
      ElementwiseGroup::Call call{.op = nodes_[id].op,
                                  .attributes = &nodes_.attributes(id),
                                  .output = id,
                                  .type = nodes_[id].type,
                                  .internal = stages_.internal[id]};
      for (const NodeId input : nodes_.inputs(id)) {
        call.inputs.push_back({input, nodes_[input].type});
      }
      calls.push_back(std::move(call));
    }
    const auto first = static_cast<int32_t>(state_.operands.size());
    const auto index = static_cast<int32_t>(state_.groups.size());
    state_.groups.emplace_back(calls);
    for (const NodeId id : state_.groups.back().externals()) state_.operands.push_back({id});
    AddStep(group.members, first, index);
  }

  void AddStep(absl::Span<const NodeId> members, int32_t first_operand, int32_t group) {
    state_.steps.push_back(
        {members[0], first_operand, static_cast<int32_t>(state_.operands.size()) - first_operand,
         group, static_cast<int32_t>(state_.members.size()), static_cast<int32_t>(members.size())});
    state_.members.insert(state_.members.end(), members.begin(), members.end());
  }

  int64_t RowBytes(NodeId id) const { return nodes_[id].type.bytes() / range_.rows; }

  ProgramState& state_;
  const NodeList& nodes_;
  const Stages& stages_;
  StepRange range_ = {0, 0};
  int64_t widest_row_ = 1;
};

}  // namespace

std::vector<PassRecord> RecordPasses(const ProgramState& state) {
  PlanGraph graph{.nodes = state.record->nodes, .fetches = state.tape_fetches, .feeds = {}};
  for (const ProgramState::FeedSlot& feed : state.feeds) graph.feeds.push_back(feed.tape_node);
  std::vector<PassRecord> records;
  RunPasses(std::move(graph), state.level, &records);
  return records;
}

absl::StatusOr<Program> Plan(const Tape& tape, absl::Span<const Value> fetches,
                             const PlanOptions& options) {
  if (absl::Status status = CheckFetches(tape, fetches); !status.ok()) return status;
  auto state = std::make_unique<ProgramState>();
  state->level = options.level;
  state->graph = RunPasses(GraphOf(tape, fetches), options.level);
  Stages stages;
  if (options.level == PlanLevel::kFull) stages = FindStages(state->graph);
  state->memory = PlaceValues(state->graph, /*reuse=*/options.level != PlanLevel::kDebug, stages);
  state->record = tape.Recorded();
  state->structure_hash = StructureHash(state->record->nodes);
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
  StepBuilder(*state, stages).Run();
  state->addresses.resize(nodes.size());
  return Program(std::move(state));
}

}  // namespace sluice
