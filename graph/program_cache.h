#ifndef SLUICE_GRAPH_PROGRAM_CACHE_H_
#define SLUICE_GRAPH_PROGRAM_CACHE_H_

#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include <absl/status/statusor.h>

#include <sluice/graph/program.h>
#include <sluice/graph/tape_record.h>

namespace sluice {

// Programs by the structure of the tape they were planned from. A program is taken out while it
// runs, so two threads that record the same step never share one.
class ProgramCache {
 public:
  // The most recently used programs are kept, the others forgotten.
  static constexpr size_t kCapacity = 16;

  // A program for this tape and these fetches: one that was given back, or a new one.
  absl::StatusOr<std::unique_ptr<Program>> Take(const Tape& tape, absl::Span<const Value> fetches,
                                                const PlanOptions& options);
  void GiveBack(std::unique_ptr<Program> program);
  // What the programs that are kept were planned from, most recently used first.
  std::vector<std::shared_ptr<const TapeRecord>> Records() const;

  // Bytes of the arenas of all programs that are kept.
  int64_t bytes() const;

 private:
  mutable std::mutex mutex_;
  std::list<std::unique_ptr<Program>> programs_;  // most recently used first
};

}  // namespace sluice

#endif  // SLUICE_GRAPH_PROGRAM_CACHE_H_
