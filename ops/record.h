#ifndef SLUICE_OPS_RECORD_H_
#define SLUICE_OPS_RECORD_H_

#include <absl/strings/str_cat.h>

#include <sluice/graph/tape.h>

namespace sluice {

// Records an op on the tape of its inputs. A default Value among the inputs is an error on that
// tape; with default Values only there is no tape to tell, and the result is a default Value.
inline Value RecordOp(const Op& op, absl::Span<const Value> inputs, Attributes attributes = {}) {
  for (const Value& input : inputs) {
    if (input) return input.tape()->Record(op, inputs, std::move(attributes));
  }
  return Value();
}
// The registered op, for a function to look up once: `static const Op& op = OpNamed("sum");`
inline const Op& OpNamed(absl::string_view name) { return *OpRegistry::Global().Find(name); }

// Whether a shape that a user gave can be put into attributes, which would take one that is not
// valid for a scalar's. Else an error on the tape of `input`.
inline bool CheckShape(absl::string_view op, Value input, const Shape& shape) {
  if (shape.valid() || !input) return true;
  input.tape()->Fail(absl::StrCat(op, ": shape ", shape.ToString(), " is not valid"));
  return false;
}

// A cost of nothing, for ops that only move data.
inline double NoFlops(absl::Span<const TensorType>, const TensorType&) { return 0; }

}  // namespace sluice

#endif  // SLUICE_OPS_RECORD_H_
