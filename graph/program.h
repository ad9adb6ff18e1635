#ifndef SLUICE_GRAPH_PROGRAM_H_
#define SLUICE_GRAPH_PROGRAM_H_

#include <memory>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/types/span.h>

#include <sluice/graph/parallel.h>
#include <sluice/graph/tensor.h>
#include <sluice/graph/value.h>

namespace sluice {

class NodeList;
class Trace;
struct PlanGraph;
struct ProgramState;

// kDebug runs node by node as recorded, and checks every value for NaN and infinity.
// kSimple drops and shares nodes, packs operands once, reuses memory; one kernel a node.
// kFull also joins work over time steps and runs element-wise ops in groups. It adds up in another
// order, so it agrees with the others to rounding; each level by itself gives the same bits for any
// number of threads.
enum class PlanLevel : uint8_t { kDebug, kSimple, kFull };

struct PlanOptions {
  PlanLevel level = PlanLevel::kFull;
};

struct RunOptions {
  ArenaRef arena;  // where kernels run; the calling thread's arena by default
  PlanOptions plan;
  Trace* trace = nullptr;  // told of each kernel call
};

// Limits of a machine, all threads together, for which the time of a kernel is predicted: the
// longer of its FLOPs at the one rate and its bytes at the other. 0: not known, and nothing is
// predicted.
struct MachineLimits {
  double flops_per_second = 0;
  double bytes_per_second = 0;  // of the memory

  bool known() const { return flops_per_second > 0 && bytes_per_second > 0; }
};

// The tensor for one feed of the tape.
struct FeedTensor {
  Value feed;
  Tensor tensor;
};

// A planned tape: an order of kernels and one memory plan, run again and again. One run at a time.
class Program {
 public:
  Program(Program&&) noexcept;
  Program& operator=(Program&&) noexcept;
  ~Program();

  // Runs everything once and returns the fetches, in the order they were planned in. Feeds that the
  // tape was given tensors for may be left out. Bad data (an id out of range; at level debug NaN
  // and infinity) ends the run with an error that names op and scope.
  absl::StatusOr<std::vector<Tensor>> Run(absl::Span<const FeedTensor> feeds = {},
                                          const RunOptions& options = {});

  // Bytes of all intermediate values at once: known before the first run.
  int64_t arena_bytes() const;
  // Number of kernels that a run calls.
  int64_t kernels() const;
  // Floating-point operations of one run.
  double flops() const;
  // The nodes that run, after planning.
  const NodeList& nodes() const;
  // What planning did to the tape, in numbers, and every kernel with its FLOPs, bytes and predicted
  // share of the time; kernels of equal time steps as one line. For people; the text may change.
  std::string Explain(const MachineLimits& limits = {}) const;
  // The same kernels as a picture for Graphviz, `dot -Tsvg`, with the values that they pass on.
  std::string Dot(absl::string_view title = "", const MachineLimits& limits = {}) const;

 private:
  friend absl::StatusOr<Program> Plan(const Tape& tape, absl::Span<const Value> fetches,
                                      const PlanOptions& options);
  friend class ProgramCache;
  explicit Program(std::unique_ptr<ProgramState> state);
  std::unique_ptr<ProgramState> state_;
};

// Plans all that `fetches` and the tape's writes need. Linear in the number of nodes.
absl::StatusOr<Program> Plan(const Tape& tape, absl::Span<const Value> fetches,
                             const PlanOptions& options = {});

}  // namespace sluice

#endif  // SLUICE_GRAPH_PROGRAM_H_
