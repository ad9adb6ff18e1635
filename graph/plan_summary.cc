#include <algorithm>

#include <absl/container/flat_hash_map.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>

#include <sluice/graph/plan_summary.h>
#include <sluice/graph/units.h>

namespace sluice {
namespace {

using Step = ProgramState::Step;
using StepRange = ProgramState::StepRange;

// Pieces that lie in their concatenation, and values that lie in the variable they are written to,
// need no copy.
double BytesOfCopies(const ProgramState& state, NodeId id) {
  const NodeList& nodes = state.graph.nodes;
  Place place = state.memory.places[id];
  double bytes = 0;
  for (const NodeId input : nodes.inputs(id)) {
    const Place& source = state.memory.places[input];
    const bool in_variable =
        nodes[id].op->kind == OpKind::kWrite && source.base == Place::Base::kVariable &&
        nodes.attributes(source.index).variable == nodes.attributes(id).variable;
    const auto size = static_cast<double>(nodes[input].type.bytes());
    if (!in_variable && source != place) bytes += 2 * size;
    place.offset += nodes[input].type.bytes();
  }
  return bytes;
}

double BytesOf(const ProgramState& state, const Step& step) {
  const NodeList& nodes = state.graph.nodes;
  const OpKind kind = nodes[step.node].op->kind;
  if (kind == OpKind::kConcat || kind == OpKind::kWrite) return BytesOfCopies(state, step.node);
  // A group's operands are its values that lie in memory, each once.
  double bytes = 0;
  for (int32_t i = 0; i < step.operand_count; ++i) {
    bytes += static_cast<double>(nodes[state.operands[step.first_operand + i].node].type.bytes());
  }
  return bytes;
}

Work WorkOf(const ProgramState& state, const Step& step, const MachineLimits& limits) {
  const NodeList& nodes = state.graph.nodes;
  Work work{.bytes = BytesOf(state, step)};
  for (const NodeId id : MembersOf(state, step)) {
    work.flops += nodes[id].op->flops(InputTypes(nodes, id), nodes[id].type);
  }
  if (limits.known()) {
    work.seconds =
        std::max(work.flops / limits.flops_per_second, work.bytes / limits.bytes_per_second);
  }
  return work;
}

std::vector<OpCount> OpsOf(const ProgramState& state, const Step& step) {
  std::vector<OpCount> ops;
  for (const NodeId id : MembersOf(state, step)) {
    const std::string& name = state.graph.nodes[id].op->name;
    const auto found = std::find_if(ops.begin(), ops.end(),
                                    [&](const OpCount& known) { return known.name == name; });
    if (found == ops.end()) {
      ops.push_back({name, 1});
    } else {
      ++found->count;
    }
  }
  return ops;
}

// The part of their paths that all of a kernel's nodes have in common.
std::string ScopeOf(const ProgramState& state, const Step& step) {
  std::vector<std::string> common = absl::StrSplit(state.graph.nodes.scope(step.node), '/');
  for (const NodeId id : MembersOf(state, step)) {
    const std::vector<std::string> path = absl::StrSplit(state.graph.nodes.scope(id), '/');
    const auto end = std::mismatch(common.begin(), common.end(), path.begin(), path.end()).first;
    common.erase(end, common.end());
  }
  return absl::StrJoin(common, "/");
}

std::string ShapesOf(const ProgramState& state, const Step& step) {
  const NodeList& nodes = state.graph.nodes;
  const std::string output = nodes[step.node].type.shape.ToString();
  const absl::Span<const NodeId> inputs = nodes.inputs(step.node);
  switch (nodes[step.node].op->kind) {
    case OpKind::kElementwise:
    case OpKind::kRandom:
    case OpKind::kWrite:
      return output;
    case OpKind::kConcat:
      return absl::StrCat(inputs.size(), " pieces -> ", output);
    case OpKind::kPack:  // the packed shape is the kernel's own business
      return nodes[inputs[0]].type.shape.ToString();
    default:
      return inputs.empty() ? output
                            : absl::StrCat(nodes[inputs[0]].type.shape.ToString(), " -> ", output);
  }
}

// Equal for kernels that are one in a table.
std::string TextOf(const KernelSummary& kernel) {
  return absl::StrCat(TextOf(kernel.ops), "\n", kernel.scope, "\n", kernel.shapes);
}

StageSummary SummariseRange(const ProgramState& state, const StepRange& range,
                            const MachineLimits& limits, FoldBy fold_by) {
  StageSummary stage{.kind = range.kind,
                     .rows = range.rows,
                     .count = 1,
                     .kernel_calls = range.last_step - range.first_step};
  absl::flat_hash_map<std::string, size_t> kernel_by_key;
  absl::flat_hash_map<std::string, int> kernels_in_step;  // of a time step, by text
  for (int32_t i = range.first_step; i < range.last_step; ++i) {
    const Step& step = state.steps[i];
    KernelSummary kernel{.steps = {i},
                         .ops = OpsOf(state, step),
                         .scope = ScopeOf(state, step),
                         .shapes = ShapesOf(state, step),
                         .work = WorkOf(state, step, limits)};
    stage.work += kernel.work;
    std::string key = TextOf(kernel);
    const int32_t time = state.graph.nodes[step.node].step;
    if (fold_by == FoldBy::kPlaceInStep && time >= 0) {
      absl::StrAppend(&key, "\n", ++kernels_in_step[absl::StrCat(key, "\n", time)]);
    }
    const auto [found, is_new] = kernel_by_key.try_emplace(key, stage.kernels.size());
    if (is_new) {
      stage.kernels.push_back(std::move(kernel));
      continue;
    }
    KernelSummary& known = stage.kernels[found->second];
    known.steps.push_back(i);
    known.work += kernel.work;
  }
  return stage;
}

std::string KindText(const StageSummary& stage) {
  switch (stage.kind) {
    case StepRange::Kind::kInOrder:
      return "one after the other";
    case StepRange::Kind::kSideBySide:
      return "side by side";
    case StepRange::Kind::kChain:
      return absl::StrCat("chain of ", stage.rows, " rows");
  }
  return "?";
}

// Equal for stages of the same kernels.
std::string TextOf(const StageSummary& stage) {
  std::string text = KindText(stage);
  for (const KernelSummary& kernel : stage.kernels) {
    absl::StrAppend(&text, "\n", kernel.steps.size(), " ", TextOf(kernel));
  }
  return text;
}

void Join(StageSummary& stage, StageSummary&& other) {
  stage.count += other.count;
  stage.kernel_calls += other.kernel_calls;
  stage.work += other.work;
  for (size_t i = 0; i < stage.kernels.size(); ++i) {
    const KernelSummary& more = other.kernels[i];
    std::vector<int32_t>& steps = stage.kernels[i].steps;
    steps.insert(steps.end(), more.steps.begin(), more.steps.end());
    stage.kernels[i].work += more.work;
  }
}

}  // namespace

absl::Span<const NodeId> MembersOf(const ProgramState& state, const Step& step) {
  return {state.members.data() + step.first_member, static_cast<size_t>(step.member_count)};
}

std::string OpCount::Text() const { return count > 1 ? absl::StrCat(name, " x", count) : name; }

std::string TextOf(absl::Span<const OpCount> ops) {
  return absl::StrJoin(ops, " ",
                       [](std::string* out, const OpCount& op) { out->append(op.Text()); });
}

Work& Work::operator+=(const Work& other) {
  flops += other.flops;
  bytes += other.bytes;
  seconds += other.seconds;
  return *this;
}

std::string TitleOf(const StageSummary& stage) {
  std::string title = KindText(stage);
  absl::StrAppend(&title, ", ", Counted(stage.kernel_calls, "kernel"));
  if (stage.count > 1) absl::StrAppend(&title, " in ", Counted(stage.count, "stage"));
  return title;
}

PlanSummary Summarise(const ProgramState& state, const MachineLimits& limits, FoldBy fold_by) {
  PlanSummary summary;
  absl::flat_hash_map<std::string, size_t> stage_by_text;
  for (const StepRange& range : state.stages) {
    StageSummary stage = SummariseRange(state, range, limits, fold_by);
    summary.work += stage.work;
    const auto [found, is_new] = stage_by_text.try_emplace(TextOf(stage), summary.stages.size());
    if (is_new) {
      summary.stages.push_back(std::move(stage));
    } else {
      Join(summary.stages[found->second], std::move(stage));
    }
  }
  return summary;
}

std::vector<Trace::Label> LabelsOfSteps(const ProgramState& state) {
  const NodeList& nodes = state.graph.nodes;
  std::vector<Trace::Label> labels;
  for (const Step& step : state.steps) {
    const Work work = WorkOf(state, step, {});
    labels.push_back({.name = TextOf(OpsOf(state, step)),
                      .category = std::string(Name(nodes[step.node].op->kind)),
                      .scope = ScopeOf(state, step),
                      .flops = work.flops,
                      .bytes = work.bytes});
  }
  return labels;
}

}  // namespace sluice
