#include <map>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <sluice/graph/dot_style.h>
#include <sluice/graph/plan_summary.h>
#include <sluice/graph/units.h>
#include <sluice/graph/variable.h>

namespace sluice {
namespace {

constexpr int32_t kNone = -1;

// The words of a text in lines of some width.
std::vector<std::string> Wrapped(const std::string& text) {
  constexpr size_t kWidth = 30;
  std::vector<std::string> lines;
  for (const absl::string_view word : absl::StrSplit(text, ' ')) {
    if (lines.empty() || lines.back().size() + word.size() > kWidth) {
      lines.emplace_back(word);
    } else {
      absl::StrAppend(&lines.back(), " ", word);
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
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      if (IsSource(id) && vertex_of_[id] != kNone) AppendSource(id, text);
    }
    for (const auto& [ends, distances] : edges_) AppendEdges(ends, distances, text);
    return absl::StrCat(text, "}\n");
  }

 private:
  // From one vertex to another: how often from how many time steps before.
  using Distances = std::map<int32_t, int64_t>;

  bool IsSource(NodeId id) const {
    const OpKind kind = nodes_[id].op->kind;
    return kind == OpKind::kFeed || kind == OpKind::kVariable;
  }

  void NumberKernels() {
    for (const StageSummary& stage : summary_.stages) {
      for (const KernelSummary& kernel : stage.kernels) {
        for (const int32_t step : kernel.steps) {
          const ProgramState::Step& call = state_.steps[step];
          for (int32_t i = 0; i < call.member_count; ++i) {
            vertex_of_[state_.members[call.first_member + i]] = vertices_;
          }
        }
        calls_.push_back(kernel.steps.size());
        ++vertices_;
      }
    }
  }

  void FindEdges() {
    for (const ProgramState::Step& step : state_.steps) {
      const int32_t to = vertex_of_[step.node];
      for (int32_t i = 0; i < step.operand_count; ++i) {
        NodeId from = state_.operands[step.first_operand + i].node;
        while (IsView(nodes_, from)) from = nodes_.inputs(from)[0];
        if (IsSource(from) && vertex_of_[from] == kNone) {
          vertex_of_[from] = vertices_++;
          calls_.push_back(1);
        }
        // The operands of a kernel are also what it writes.
        if (vertex_of_[from] == kNone || IsOwn(from, step)) continue;
        const bool in_loop = calls_[vertex_of_[from]] > 1 && calls_[to] > 1 &&
                             nodes_[from].step != kNone && nodes_[step.node].step != kNone;
        ++edges_[{vertex_of_[from], to}][in_loop ? nodes_[step.node].step - nodes_[from].step : 0];
      }
    }
  }

  bool IsOwn(NodeId id, const ProgramState::Step& step) const {
    const auto members = state_.members.begin() + step.first_member;
    return std::find(members, members + step.member_count, id) != members + step.member_count;
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
      std::string title =
          absl::StrCat(sluice::Name(stage), ", ", WithCommas(stage.kernel_calls), " kernels");
      if (stage.count > 1) absl::StrAppend(&title, " in ", stage.count, " stages");
      absl::StrAppend(&text, "subgraph cluster_", index,
                      " {\nlabel=", Quoted({title, TextOf(stage.work)}),
                      "; style=\"rounded,filled\"; color=\"#999999\"; fillcolor=\"#f5f5f5\"; "
                      "fontsize=11;\n");
    }
    for (const KernelSummary& kernel : stage.kernels) AppendKernel(kernel, text);
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

  void AppendSource(NodeId id, std::string& text) const {
    const Variable* variable = nodes_.attributes(id).variable;
    absl::StrAppend(&text, vertex_of_[id], " [label=",
                    Quoted({variable == nullptr ? nodes_[id].op->name : variable->path(),
                            nodes_[id].type.shape.ToString()}),
                    ", ", StyleOf(nodes_[id].op->kind), "];\n");
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
  std::vector<int32_t> vertex_of_;  // of each node's kernel, or of a source
  std::vector<size_t> calls_;       // of each vertex
  std::map<std::pair<int32_t, int32_t>, Distances> edges_;
};

}  // namespace

std::string Program::Dot(absl::string_view title, const MachineLimits& limits) const {
  const PlanSummary summary = Summarise(*state_, limits, FoldBy::kOperation);
  return PlanPicture(*state_, summary).Text(title);
}

}  // namespace sluice
