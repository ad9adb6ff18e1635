#ifndef SLUICE_GRAPH_PROGRAM_STATE_H_
#define SLUICE_GRAPH_PROGRAM_STATE_H_

#include <string>
#include <vector>

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
  // One kernel call. Pointers of the arena and the constants are fixed; those of feeds and
  // variables are looked up at each run.
  struct Step {
    NodeId node;
    int32_t first_operand;  // in `operands`: the inputs, then the output
    int32_t input_count;
  };
  std::vector<Step> steps;
  std::vector<NodeId> operands;
  // Fetches and writes that must see a variable as it was before the run: copied first.
  std::vector<bool> reads_old_variable;  // by node
  // The tape it was planned from, to be found again.
  NodeList tape_nodes;
  uint64_t tape_hash = 0;
  std::vector<NodeId> tape_fetches;
};

}  // namespace sluice

#endif  // SLUICE_GRAPH_PROGRAM_STATE_H_
