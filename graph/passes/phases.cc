#include <algorithm>
#include <limits>

#include <sluice/graph/passes/phases.h>
#include <sluice/graph/passes/plan_graph.h>

namespace sluice {

std::vector<int32_t> FindPhases(const NodeList& nodes, const Consumers& consumers) {
  const auto is_elementwise = [&](NodeId id) { return nodes[id].op->kind == OpKind::kElementwise; };
  // As early as possible: the next even or odd number.
  std::vector<int32_t> phases(nodes.size(), 0);
  for (NodeId id = 0; id < nodes.size(); ++id) {
    for (const NodeId input : nodes.inputs(id)) phases[id] = std::max(phases[id], phases[input]);
    if (RunsKernel(nodes, id) && (phases[id] % 2 == 1) != is_elementwise(id)) ++phases[id];
  }
  // As late as possible: right before the first reader.
  constexpr int32_t kNever = std::numeric_limits<int32_t>::max();
  std::vector<int32_t> needed(nodes.size(), kNever);
  for (NodeId id = nodes.size() - 1; id >= 0; --id) {
    for (const NodeId reader : consumers.of(id)) {
      const int32_t by = !RunsKernel(nodes, reader) ? needed[reader]
                         : is_elementwise(reader)   ? phases[reader]
                                                    : phases[reader] - 1;
      needed[id] = std::min(needed[id], by);
    }
    if (is_elementwise(id) && needed[id] != kNever) phases[id] = std::max(phases[id], needed[id]);
  }
  return phases;
}

}  // namespace sluice
