#include <sluice/graph/program_cache.h>
#include <sluice/graph/program_state.h>
#include <sluice/graph/tape.h>

namespace sluice {

absl::StatusOr<std::unique_ptr<Program>> ProgramCache::Take(const Tape& tape,
                                                            absl::Span<const Value> fetches,
                                                            const PlanOptions& options) {
  const NodeList& nodes = tape.nodes();
  std::optional<uint64_t> hash;  // known when it is needed
  const auto is_of_tape = [&](const ProgramState& state) {
    if (&state.record->nodes == &nodes) return true;
    if (!hash.has_value()) hash = StructureHash(nodes);
    return state.structure_hash == *hash && state.record->nodes == nodes;
  };
  {
    const std::lock_guard lock(mutex_);
    for (auto program = programs_.begin(); program != programs_.end(); ++program) {
      const ProgramState& state = *(*program)->state_;
      bool same = state.level == options.level && state.tape_fetches.size() == fetches.size();
      if (!same) continue;
      for (size_t i = 0; i < fetches.size(); ++i) {
        same = same && state.tape_fetches[i] == fetches[i].node();
      }
      if (!same || !is_of_tape(state)) continue;
      std::unique_ptr<Program> taken = std::move(*program);
      programs_.erase(program);
      return taken;
    }
  }
  absl::StatusOr<Program> planned = Plan(tape, fetches, options);
  if (!planned.ok()) return planned.status();
  return std::make_unique<Program>(*std::move(planned));
}

std::vector<std::shared_ptr<const TapeRecord>> ProgramCache::Records() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<const TapeRecord>> records;
  for (const auto& program : programs_) {
    // Programs with other fetches or levels may be of the same.
    if (records.empty() || records.back() != program->state_->record) {
      records.push_back(program->state_->record);
    }
  }
  return records;
}

int64_t ProgramCache::bytes() const {
  const std::lock_guard lock(mutex_);
  int64_t sum = 0;
  for (const auto& program : programs_) sum += program->arena_bytes();
  return sum;
}

void ProgramCache::GiveBack(std::unique_ptr<Program> program) {
  const std::lock_guard lock(mutex_);
  programs_.push_front(std::move(program));
  if (programs_.size() > kCapacity) programs_.pop_back();
}

}  // namespace sluice
