#ifndef SLUICE_GRAPH_PLAN_SUMMARY_H_
#define SLUICE_GRAPH_PLAN_SUMMARY_H_

#include <string>
#include <vector>

#include <sluice/graph/program_state.h>
#include <sluice/graph/trace.h>

namespace sluice {

// What one kernel does, or several that are alike do together.
struct Work {
  double flops = 0;
  double bytes = 0;    // read and written, of values that lie in memory; copies in place are none
  double seconds = 0;  // predicted; 0 where no limits are known

  Work& operator+=(const Work& other);
};

// How often an op occurs in a kernel.
struct OpCount {
  std::string name;
  int64_t count = 0;

  std::string Text() const;  // "multiply x3"
  friend bool operator==(const OpCount&, const OpCount&) = default;
};
std::string TextOf(absl::Span<const OpCount> ops);  // "multiply x3 add x2 tanh"

// Kernels that differ in nothing but their time step.
struct KernelSummary {
  std::vector<int32_t> steps;  // of the program, in order
  std::vector<OpCount> ops;    // in the order of the first of each
  std::string scope;           // what the scopes of its nodes have in common
  std::string shapes;          // "(32, 256) -> (32, 768)"; of element-wise ops, the output's alone
  Work work;                   // of all of them
};

// Stages that differ in nothing but their time step.
struct StageSummary {
  ProgramState::StepRange::Kind kind;
  int64_t rows = 0;   // of a chain
  int64_t count = 0;  // of stages
  std::vector<KernelSummary> kernels;
  int64_t kernel_calls = 0;  // in all of the stages
  Work work;
};

struct PlanSummary {
  std::vector<StageSummary> stages;  // in the order of the first of each
  Work work;
};

// Which kernels of a stage are one: those that read the same in a table, or, for a picture, of
// those only the first of each time step, the second of each, and so on, so that a product of the
// loop's gradient is not one of the loop.
enum class FoldBy : uint8_t { kText, kPlaceInStep };

PlanSummary Summarise(const ProgramState& state, const MachineLimits& limits,
                      FoldBy fold_by = FoldBy::kText);

// "chain of 32 rows, 178 kernels", "side by side, 6 kernels in 2 stages".
std::string TitleOf(const StageSummary& stage);

// The nodes that a step computes.
absl::Span<const NodeId> MembersOf(const ProgramState& state, const ProgramState::Step& step);

// What a trace calls each step.
std::vector<Trace::Label> LabelsOfSteps(const ProgramState& state);

}  // namespace sluice

#endif  // SLUICE_GRAPH_PLAN_SUMMARY_H_
