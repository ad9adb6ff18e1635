#ifndef SLUICE_GRAPH_PROGRAM_STATE_H_
#define SLUICE_GRAPH_PROGRAM_STATE_H_

#include <memory>
#include <string>
#include <vector>

#include <sluice/graph/elementwise_group.h>
#include <sluice/graph/pass_record.h>
#include <sluice/graph/passes/passes.h>
#include <sluice/graph/program.h>
#include <sluice/graph/tape_record.h>

namespace sluice {

// What a program keeps; shared by planning (plan.cc), running (program.cc) and the cache.
struct ProgramState {
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
  static constexpr int32_t kNoGroup = -1;
  struct Step {
    NodeId node;            // of a group: its first
    int32_t first_operand;  // in `operands`: a node's inputs and the node, or a group's externals
    int32_t operand_count;
    int32_t group = kNoGroup;  // in `groups`
    int32_t first_member = 0;  // in `members`: the nodes it computes
    int32_t member_count = 0;
  };
  struct Operand {
    NodeId node;
    static constexpr int64_t kWhole = -1;
    int64_t row_bytes = kWhole;  // in a chain: from one of its rows to the next, or read as a whole
  };
  // Steps that run one after the other, side by side, or all of them for a block of rows.
  struct StepRange {
    enum class Kind : uint8_t { kInOrder, kSideBySide, kChain };
    int32_t first_step;
    int32_t last_step;  // one behind
    Kind kind = Kind::kInOrder;
    double cost = 0;         // in nanoseconds of one core, about; of a chain that of one row
    int64_t rows = 0;        // of a chain
    int64_t block_rows = 0;  // at most; 0: as many as a thread's share
  };
  std::vector<StepRange> stages;
  std::vector<Step> steps;
  std::vector<Operand> operands;
  std::vector<NodeId> members;
  std::vector<ElementwiseGroup> groups;
  std::vector<void*> addresses;  // of each node's value, during a run
  // Fetches and writes that must see a variable as it was before the run: copied first.
  std::vector<bool> reads_old_variable;  // by node
  // The tape it was planned from, to be found again.
  std::shared_ptr<const TapeRecord> record;
  uint64_t structure_hash = 0;
  std::vector<NodeId> tape_fetches;
};

// What each pass did to the tape, found by running them again: planning itself pays nothing for it.
std::vector<PassRecord> RecordPasses(const ProgramState& state);

}  // namespace sluice

#endif  // SLUICE_GRAPH_PROGRAM_STATE_H_
