#ifndef SLUICE_GRAPH_PROGRAM_STATE_H_
#define SLUICE_GRAPH_PROGRAM_STATE_H_

#include <string>
#include <vector>

#include <sluice/graph/elementwise_group.h>
#include <sluice/graph/passes/passes.h>
#include <sluice/graph/program.h>

namespace sluice {

// What a program keeps; shared by planning (plan.cc), running (program.cc) and the cache.
struct Program::State {
  PlanGraph graph;
  MemoryPlan memory;
  PlanLevel level = PlanLevel::kSimple;
  Tensor constants;  // i32 words
  Tensor arena;
  // A feed of the tape, in its order.
  struct FeedSlot {
    NodeId tape_node;
    std::string name;
    TensorType type;
    Tensor tensor;  // given when recording, used when a run gives none
    bool bound;
  };
  std::vector<FeedSlot> feeds;
  // One kernel call: of a node, or of a group of element-wise nodes.
  struct Step {
    NodeId node;            // of a group: its first
    int32_t first_operand;  // in `operands`: of each node the inputs, then the output
    int32_t operand_count;
    int32_t group = -1;  // in `groups`; -1: the node's own kernel
  };
  struct Operand {
    NodeId node;
    int64_t row_bytes = 0;  // in a chain: from one of its rows to the next; 0: read as a whole
  };
  // Steps that run one after the other: each by itself, or all of them for a block of rows.
  struct Stage {
    int32_t first_step;
    int32_t last_step;       // one behind
    int64_t rows = 0;        // of a chain; 0: each step does all of its work
    int64_t block_rows = 0;  // at most; 0: as many as a thread's share
    double cost = 0;         // of one row, in nanoseconds, about
  };
  std::vector<Stage> stages;
  std::vector<Step> steps;
  std::vector<Operand> operands;
  std::vector<ElementwiseGroup> groups;
  std::vector<void*> addresses;  // of each node's value, during a run
  // Fetches and writes that must see a variable as it was before the run: copied first.
  std::vector<bool> reads_old_variable;  // by node
  // The tape it was planned from, to be found again.
  NodeList tape_nodes;
  uint64_t tape_hash = 0;
  std::vector<NodeId> tape_fetches;
};

}  // namespace sluice

#endif  // SLUICE_GRAPH_PROGRAM_STATE_H_
