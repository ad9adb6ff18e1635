#include <sluice/layers/cell.h>
#include <sluice/layers/run_masks.h>
#include <sluice/ops/movement.h>

namespace sluice {

Value State::operator[](absl::string_view name) const {
  for (const Entry& entry : entries_) {
    if (entry.name == name) return entry.value;
  }
  return Value();
}

void State::Set(absl::string_view name, Value value) {
  for (Entry& entry : entries_) {
    if (entry.name != name) continue;
    entry.value = value;
    return;
  }
  entries_.push_back({std::string(name), value});
}

LinearRecurrence Cell::RecurrenceOf(Value x) const {
  x.tape()->Fail("cell: scan=parallel needs a RecurrenceOf, which this cell has not");
  return {};
}

Value Cell::Gate(absl::string_view name, Value value) {
  if (!value.valid()) return value;
  Tape& tape = *value.tape();
  if (value.shape().rank() < 3) {
    tape.Name(name, value);
  } else {
    for (int64_t t = 0; t < value.shape()[0]; ++t) tape.Name(name, Index(value, t));
  }
  return value;
}

Value Cell::Candidate(absl::string_view name, Value value) const {
  return masks_ == nullptr ? value : masks_->DropCandidate(name, value);
}

}  // namespace sluice
