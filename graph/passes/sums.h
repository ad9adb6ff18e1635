#ifndef SLUICE_GRAPH_PASSES_SUMS_H_
#define SLUICE_GRAPH_PASSES_SUMS_H_

#include <vector>

#include <sluice/graph/passes/passes.h>

namespace sluice {

// Sums of many values in a graph: trees of the accumulating op whose inner sums nobody else reads.
class Sums {
 public:
  // What else than values of the sum's own type may be added: nothing, or rows that are broadcast.
  enum class Addends : uint8_t { kWhole, kWholeAndRows };

  Sums(const PlanGraph& graph, Addends addends);

  // Whether `id` is a sum that is not part of a larger one.
  bool IsRoot(NodeId id) const { return IsSum(id) && !interior_[id]; }
  // What is added up, from left to right.
  std::vector<NodeId> Of(NodeId root) const;

 private:
  bool IsSum(NodeId id) const;

  const NodeList& nodes_;
  const Addends addends_;
  const Op& accumulate_;
  std::vector<bool> interior_;
};

}  // namespace sluice

#endif  // SLUICE_GRAPH_PASSES_SUMS_H_
