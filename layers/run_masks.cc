#include <absl/strings/str_cat.h>

#include <sluice/layers/run_masks.h>
#include <sluice/ops/composed.h>

namespace sluice {
namespace {

constexpr char kState[] = "state_dropout";
constexpr char kWeights[] = "weight_drop";
constexpr char kCandidate[] = "recurrent_dropout";
constexpr char kMemory[] = "zoneout_memory";

}  // namespace

RunMasks::RunMasks(Scope scope, const CellOptions& options, int64_t steps)
    : scope_(std::move(scope)),
      state_rate_(options.Number(kState)),
      weights_rate_(options.Number(kWeights)),
      candidate_rate_(options.Number(kCandidate)),
      memory_rate_(options.Number(kMemory)),
      steps_(steps) {}

bool RunMasks::Drops(const CellOptions& options) {
  return options.Number(kState) != 0 || options.Number(kWeights) != 0 ||
         options.Number(kCandidate) != 0 || options.Number("zoneout") != 0 ||
         options.Number(kMemory) != 0;
}

RandomKey RunMasks::KeyOf(absl::string_view name) const {
  return MakeRandomKey(scope_.store().seed(), (scope_ / name).path());
}

Value RunMasks::DropState(Value h) {
  if (state_rate_ == 0 || !h.valid()) return h;
  const std::string name = absl::StrCat(kState, "/", h.shape().back(0));
  Value& mask = shared_[name];
  if (!mask) {
    Tape& tape = *h.tape();
    const Tape::StepMark no_step(tape, -1);  // all steps read the same node
    const Value ones = tape.Constant(1, h.dtype(), h.shape());
    mask = Dropout(ones, state_rate_, tape.Use(scope_.store().step()), KeyOf(name));
  }
  return h * mask;
}

Value RunMasks::DropWeights(Tape& tape, Variable& weights) {
  matrices_used_ = true;
  const Value all = tape.Use(weights);
  if (weights_rate_ == 0) return all;
  Value& left = shared_[weights.path()];
  if (!left) {
    const Tape::StepMark no_step(tape, -1);
    const RandomKey key =
        MakeRandomKey(scope_.store().seed(), absl::StrCat(weights.path(), "/", kWeights));
    left = Dropout(all, weights_rate_, tape.Use(scope_.store().step()), key);
  }
  return left;
}

Value RunMasks::Chosen(const std::string& name, double rate, Value like) {
  Tape& tape = *like.tape();
  Value& drawn = shared_[name];
  if (!drawn) {
    const Tape::StepMark no_step(tape, -1);
    drawn = Uniform(tape.Use(scope_.store().step()), KeyOf(name), like.dtype(),
                    {steps_, like.shape().back(1), like.shape().back(0)});
  }
  const bool of_all_steps = like.shape().rank() == 3;
  return Less(of_all_steps ? drawn : Index(drawn, step_), NumberLike(rate, like));
}

Value RunMasks::DropCandidate(absl::string_view name, Value value) {
  candidates_named_ = true;
  if (candidate_rate_ == 0 || !value.valid()) return value;
  const Value dropped = Chosen(absl::StrCat(kCandidate, "/", name), candidate_rate_, value);
  return value * ((1 - dropped) * (1 / (1 - candidate_rate_)));
}

Value RunMasks::KeepOld(absl::string_view name, double rate, Value old_value, Value new_value) {
  if (name == kMemory) memory_kept_ = true;
  if (rate == 0 || !old_value.valid() || !new_value.valid()) return new_value;
  return Select(Chosen(absl::StrCat("zoneout/", name), rate, new_value), old_value, new_value);
}

void RunMasks::CheckUsed(Tape& tape, absl::string_view cell) const {
  const auto fail = [&](const char* option, const char* why) {
    tape.Fail(absl::StrCat("cell ", cell, ": ", option, " has nothing to drop: ", why));
  };
  if (candidate_rate_ != 0 && !candidates_named_) {
    fail(kCandidate, "its Step names no Candidate(\"name\", value)");
  }
  if (state_rate_ + weights_rate_ != 0 && !matrices_used_) {
    fail(state_rate_ != 0 ? kState : kWeights, "it has no recurrent matrix");
  }
  if (memory_rate_ != 0 && !memory_kept_) {
    tape.Fail(absl::StrCat("cell ", cell, ": ", kMemory, " has nothing to keep: its state is h"));
  }
}

}  // namespace sluice
