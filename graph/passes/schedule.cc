#include <queue>

#include <sluice/graph/passes/passes.h>

namespace sluice {
namespace {

// How far, in the order of recording, a node may be pulled ahead of others. Bounds what lives at
// the same time.
constexpr NodeId kWindow = 96;

using Queue = std::priority_queue<NodeId, std::vector<NodeId>, std::greater<>>;

bool IsElementwise(const NodeList& nodes, NodeId id) {
  return nodes[id].op->kind == OpKind::kElementwise;
}

}  // namespace

PlanGraph GroupElementwise(const PlanGraph& graph) {
  const NodeList& nodes = graph.nodes;
  const Consumers consumers(nodes);
  std::vector<int32_t> waits_for(nodes.size());
  Queue others;       // ready, by order of recording
  Queue elementwise;  // likewise
  const auto ready = [&](NodeId id) { (IsElementwise(nodes, id) ? elementwise : others).push(id); };
  for (NodeId id = 0; id < nodes.size(); ++id) {
    waits_for[id] = static_cast<int32_t>(nodes.inputs(id).size());
    if (waits_for[id] == 0) ready(id);
  }
  GraphRewriter rewriter(graph);
  // The order of recording is followed but for two preferences: what is not element-wise goes
  // before a run of element-wise ops, and a run goes on as long as it can.
  bool in_run = false;
  while (!others.empty() || !elementwise.empty()) {
    bool take_elementwise = others.empty();
    if (!others.empty() && !elementwise.empty()) {
      const NodeId lead =
          elementwise.top() - others.top();  // above 0: the element-wise one was recorded later
      take_elementwise = in_run ? lead < kWindow : lead < -kWindow;
    }
    Queue& queue = take_elementwise ? elementwise : others;
    const NodeId id = queue.top();
    queue.pop();
    in_run = take_elementwise;
    rewriter.Copy(id);
    for (const NodeId consumer : consumers.of(id)) {
      if (--waits_for[consumer] == 0) ready(consumer);
    }
  }
  return rewriter.Finish();
}

}  // namespace sluice
