#include <algorithm>
#include <cstdlib>
#include <map>

#include <absl/strings/str_cat.h>

#include <sluice/graph/dot_style.h>
#include <sluice/graph/plan_summary.h>
#include <sluice/graph/units.h>
#include <sluice/graph/variable.h>

namespace sluice {
namespace {

constexpr int32_t kNone = -1;

// Ops in lines of some width; "x2" stays behind its op.
std::vector<std::string> Wrapped(absl::Span<const OpCount> ops) {
  constexpr size_t kWidth = 30;
  std::vector<std::string> lines;
  for (const OpCount& count : ops) {
    const std::string op = count.Text();
    if (lines.empty() || lines.back().size() + op.size() > kWidth) {
      lines.emplace_back(op);
    } else {
      absl::StrAppend(&lines.back(), " ", op);
    }
  }
  return lines;
}

class PlanPicture {
 public:
  PlanPicture(const ProgramState& state, const PlanSummary& summary)
      : state_(state),
        nodes_(state.graph.nodes),
        summary_(summary),
        vertex_of_(nodes_.size(), kNone) {}

  std::string Text(absl::string_view title) {
    NumberKernels();
    FindEdges();
    std::string text = absl::StrCat("digraph G {\n", GraphAttributes(title));
    for (size_t i = 0; i < summary_.stages.size(); ++i) AppendStage(i, text);
    for (const auto& [source, vertex] : sources_) AppendSource(source.first, vertex, text);
    for (const auto& [ends, distances] : edges_) AppendEdges(ends, distances, text);
    return absl::StrCat(text, "}\n");
  }

 private:
  using Step = ProgramState::Step;
  // From one vertex to another: how often from how many time steps before.
  using Distances = std::map<int32_t, int64_t>;

  // A concatenation whose pieces were computed in their places: no more than a view of them.
  bool IsView(NodeId id) const {
    return nodes_[id].op->kind == OpKind::kConcat && vertex_of_[id] == kNone;
  }

  static bool IsDrawn(const ProgramState& state, const KernelSummary& kernel) {
    const NodeId id = state.steps[kernel.steps[0]].node;
    return state.graph.nodes[id].op->kind != OpKind::kConcat || kernel.work.bytes > 0;
  }

  void NumberKernels() {
    for (const StageSummary& stage : summary_.stages) {
      for (const KernelSummary& kernel : stage.kernels) {
        if (!IsDrawn(state_, kernel)) continue;
        for (const int32_t step : kernel.steps) {
          for (const NodeId id : MembersOf(state_, state_.steps[step])) vertex_of_[id] = vertices_;
        }
        calls_.push_back(kernel.steps.size());
        ++vertices_;
      }
    }
  }

  void FindEdges() {
    for (size_t stage = 0; stage < summary_.stages.size(); ++stage) {
      for (const KernelSummary& kernel : summary_.stages[stage].kernels) {
        if (!IsDrawn(state_, kernel)) continue;
        for (const int32_t step : kernel.steps) FindEdgesTo(state_.steps[step], stage);
      }
    }
  }

  void FindEdgesTo(const Step& step, size_t stage) {
    const absl::Span<const NodeId> members = MembersOf(state_, step);
    std::vector<NodeId> waiting;
    for (int32_t i = 0; i < step.operand_count; ++i) {
      waiting.push_back(state_.operands[step.first_operand + i].node);
    }
    while (!waiting.empty()) {
      NodeId from = waiting.back();
      waiting.pop_back();
      // The operands of a kernel are also what it writes.
      if (std::find(members.begin(), members.end(), from) != members.end()) continue;
      if (IsView(from) || sluice::IsView(nodes_, from)) {
        const absl::Span<const NodeId> inputs = nodes_.inputs(from);
        waiting.insert(waiting.end(), inputs.begin(), inputs.end());
      } else if (nodes_[from].op->kind != OpKind::kConstant) {
        AddEdge(from, step.node, stage);
      }
    }
  }

  void AddEdge(NodeId from, NodeId to, size_t stage) {
    const OpKind kind = nodes_[from].op->kind;
    if (kind == OpKind::kFeed || kind == OpKind::kVariable) {
      // Drawn beside each stage that reads it, which saves edges across the whole picture.
      const auto [source, is_new] = sources_.try_emplace({from, stage}, vertices_);
      if (is_new) ++vertices_;
      ++edges_[{source->second, vertex_of_[to]}][0];
      return;
    }
    const std::pair<int32_t, int32_t> ends(vertex_of_[from], vertex_of_[to]);
    const bool in_loop = calls_[ends.first] > 1 && calls_[ends.second] > 1 &&
                         nodes_[from].step != kNone && nodes_[to].step != kNone;
    ++edges_[ends][in_loop ? nodes_[to].step - nodes_[from].step : 0];
  }

  // "147 MFLOP, 13.8 MB, 6.4 %".
  std::string TextOf(const Work& work) const {
    std::string text;
    if (work.flops > 0) absl::StrAppend(&text, WithUnit(work.flops, "FLOP"), ", ");
    absl::StrAppend(&text, work.bytes > 0 ? WithUnit(work.bytes, "B") : "in place");
    if (summary_.work.seconds > 0) {
      absl::StrAppend(&text, ", ", Percent(work.seconds / summary_.work.seconds));
    }
    return text;
  }

  void AppendStage(size_t index, std::string& text) {
    const StageSummary& stage = summary_.stages[index];
    const bool boxed = stage.kind != ProgramState::StepRange::Kind::kInOrder;
    if (boxed) {
      absl::StrAppend(&text, "subgraph cluster_", index,
                      " {\nlabel=", Quoted({TitleOf(stage), TextOf(stage.work)}),
                      "; style=\"rounded,filled\"; color=\"#999999\"; fillcolor=\"#f5f5f5\"; "
                      "fontsize=11;\n");
    }
    for (const KernelSummary& kernel : stage.kernels) {
      if (IsDrawn(state_, kernel)) AppendKernel(kernel, text);
    }
    if (boxed) absl::StrAppend(&text, "}\n");
  }

  void AppendKernel(const KernelSummary& kernel, std::string& text) {
    const NodeId id = state_.steps[kernel.steps[0]].node;
    std::vector<std::string> lines = Wrapped(kernel.ops);
    if (!kernel.scope.empty()) lines.push_back(kernel.scope);
    lines.push_back(kernel.shapes);
    lines.push_back(TextOf(kernel.work));
    if (kernel.steps.size() > 1) lines.push_back(absl::StrCat("× ", kernel.steps.size()));
    absl::StrAppend(&text, vertex_of_[id], " [label=", Quoted(lines), ", ",
                    StyleOf(nodes_[id].op->kind), "];\n");
  }

  // Of a feed or of a variable.
  std::string NameOf(NodeId id) const {
    if (const Variable* variable = nodes_.attributes(id).variable) return variable->path();
    const std::vector<NodeId>& feeds = state_.graph.feeds;
    const auto feed = std::find(feeds.begin(), feeds.end(), id);
    const std::string& name = state_.feeds[feed - feeds.begin()].name;
    return name.empty() ? nodes_[id].op->name : name;
  }

  void AppendSource(NodeId id, int32_t vertex, std::string& text) const {
    absl::StrAppend(&text, vertex,
                    " [label=", Quoted({NameOf(id), nodes_[id].type.shape.ToString()}), ", ",
                    StyleOf(nodes_[id].op->kind), "];\n");
  }

  // The usual distances; where the loop begins and ends others may occur.
  static void AppendEdges(const std::pair<int32_t, int32_t>& ends, const Distances& distances,
                          std::string& text) {
    int64_t all = 0;
    for (const auto& [distance, count] : distances) all += count;
    for (const auto& [distance, count] : distances) {
      if (4 * count < all) continue;
      absl::StrAppend(&text, ends.first, "->", ends.second);
      if (distance != 0) {
        absl::StrAppend(&text, " [style=dashed, constraint=false, label=\"t",
                        distance > 0 ? "-" : "+", std::abs(distance), "\"]");
      }
      absl::StrAppend(&text, ";\n");
    }
  }

  const ProgramState& state_;
  const NodeList& nodes_;
  const PlanSummary& summary_;
  int32_t vertices_ = 0;
  std::vector<int32_t> vertex_of_;                        // of each node's kernel
  std::vector<size_t> calls_;                             // of each kernel's vertex
  std::map<std::pair<NodeId, size_t>, int32_t> sources_;  // the vertex, by node and stage
  std::map<std::pair<int32_t, int32_t>, Distances> edges_;
};

}  // namespace

std::string Program::Dot(absl::string_view title, const MachineLimits& limits) const {
  const PlanSummary summary = Summarise(*state_, limits, FoldBy::kPlaceInStep);
  return PlanPicture(*state_, summary).Text(title);
}

}  // namespace sluice
