#include <absl/strings/str_cat.h>

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
  if (level != PlanLevel::kDebug) {
    graph = ShareEqual(graph);
    graph = ShareEqual(HoistRows(graph));
    graph = LiftConcats(graph);
    graph = ShareEqual(SinkSums(graph));
    graph = ShareEqual(PackOperands(graph));
  }
  return OrderWrites(graph);
}

bool HasKernelToRun(const NodeList& nodes, NodeId id) {
  const OpKind kind = nodes[id].op->kind;
  return kind != OpKind::kFeed && kind != OpKind::kConstant && kind != OpKind::kVariable &&
         !IsView(nodes, id);
}

}  // namespace

absl::StatusOr<Program> Plan(const Tape& tape, absl::Span<const Value> fetches,
                             const PlanOptions& options) {
  if (absl::Status status = CheckFetches(tape, fetches); !status.ok()) return status;
  auto state = std::make_unique<Program::State>();
  state->level = options.level;
  state->graph = RunPasses(GraphOf(tape, fetches), options.level);
  state->memory = PlaceValues(state->graph, /*reuse=*/options.level != PlanLevel::kDebug);
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
    if (!HasKernelToRun(nodes, id)) continue;
    state->steps.push_back({id, static_cast<int32_t>(state->operands.size()),
                            static_cast<int32_t>(nodes.inputs(id).size())});
    for (const NodeId input : nodes.inputs(id)) state->operands.push_back(input);
    state->operands.push_back(id);
  }
  return Program(std::move(state));
}

}  // namespace sluice
