#include <sluice/graph/program_cache.h>
#include <sluice/graph/program_state.h>
#include <sluice/graph/tape.h>

namespace sluice {

absl::StatusOr<std::unique_ptr<Program>> ProgramCache::Take(const Tape& tape,
                                                            absl::Span<const Value> fetches,
                                                            const PlanOptions& options) {
  {
    const std::lock_guard lock(mutex_);
    for (auto program = programs_.begin(); program != programs_.end(); ++program) {
      const ProgramState& state = *(*program)->state_;
      if (state.tape_hash != tape.structure_hash() || state.level != options.level ||
          state.tape_fetches.size() != fetches.size()) {
        continue;
      }
      bool same = true;
      for (size_t i = 0; i < fetches.size(); ++i) {
        same = same && state.tape_fetches[i] == fetches[i].node();
      }
      if (!same || !(state.tape_nodes == tape.nodes())) continue;
      std::unique_ptr<Program> taken = std::move(*program);
      programs_.erase(program);
      return taken;
    }
  }
  absl::StatusOr<Program> planned = Plan(tape, fetches, options);
  if (!planned.ok()) return planned.status();
  return std::make_unique<Program>(*std::move(planned));
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
