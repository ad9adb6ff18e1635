#include <absl/strings/str_cat.h>

#include <sluice/graph/program_state.h>

namespace sluice {

std::vector<Trace::Label> LabelsOfSteps(const ProgramState& state) {
  const NodeList& nodes = state.graph.nodes;
  std::vector<Trace::Label> labels;
  for (const ProgramState::Step& step : state.steps) {
    Trace::Label label{.category = std::string(Name(nodes[step.node].op->kind)),
                       .scope = nodes.scope(step.node)};
    for (int32_t i = 0; i < step.member_count; ++i) {
      const NodeId id = state.members[step.first_member + i];
      const auto types = InputTypes(nodes, id);
      absl::StrAppend(&label.name, i == 0 ? "" : " ", nodes[id].op->name);
      label.flops += nodes[id].op->flops(types, nodes[id].type);
      label.bytes += BytesMoved(types, nodes[id].type);
    }
    labels.push_back(std::move(label));
  }
  return labels;
}

}  // namespace sluice
