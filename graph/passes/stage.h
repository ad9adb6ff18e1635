#ifndef SLUICE_GRAPH_PASSES_STAGE_H_
#define SLUICE_GRAPH_PASSES_STAGE_H_

#include <vector>

#include <sluice/graph/passes/plan_graph.h>

namespace sluice {

// Kernels of neighbouring nodes that run at the same time. Nodes between `first` and `last` that
// run no kernel (views, sources) belong to the stage too.
struct Stage {
  NodeId first = kNoNode;
  NodeId last = kNoNode;
  // Above 0, a chain: all kernels run for a block of rows, before or beside those of another block.
  // A time loop is one: each core takes rows of the batch through all steps, and meets the others
  // only at the end. No row's result depends on how the rows are cut.
  // 0: kernels that do not read each other's results run side by side.
  int64_t rows = 0;
  bool has_product = false;

  bool is_chain() const { return rows > 0; }
};

// A product of more rows than this is in no chain: it keeps all cores busy by itself, and reads its
// right-hand operand once for all of them.
inline constexpr int64_t kMostRowsOfChain = 512;

// Neighbouring element-wise nodes of one shape within a stage, or outside of all, that run as one
// kernel, tile by tile.
struct Group {
  std::vector<NodeId> members;  // in order; at least two
  NodeId last() const { return members.back(); }
};

// How a graph's kernels run. Those in neither a stage nor a group run one after the other.
struct Stages {
  static constexpr int32_t kNone = -1;

  std::vector<Stage> stages;  // in order
  std::vector<Group> groups;  // in order
  // Of each node: its stage, its group, and whether only its group reads it, so that it needs no
  // memory.
  std::vector<int32_t> stage_of;
  std::vector<int32_t> group_of;
  std::vector<bool> internal;
};

// Whether a product may write its result over its right-hand operand, for which it runs by itself:
// only if the result is large.
bool MayOverwriteRight(const NodeList& nodes, NodeId id);

Stages FindStages(const PlanGraph& graph);

}  // namespace sluice

#endif  // SLUICE_GRAPH_PASSES_STAGE_H_
