#ifndef SLUICE_GRAPH_VALUE_H_
#define SLUICE_GRAPH_VALUE_H_

#include <cstdint>
#include <type_traits>

#include <sluice/graph/tensor.h>

namespace sluice {

class Tape;

using NodeId = int32_t;
inline constexpr NodeId kNoNode = -1;

// The result of one recorded operation: a position on a tape. Cheap to copy; lives no longer than
// its tape. After an error on the tape, ops return values that are not `valid()`, and further ops
// do nothing.
class Value {
 public:
  Value() = default;
  Value(Tape* tape, NodeId node) : tape_(tape), node_(node) {}

  bool valid() const { return tape_ != nullptr && node_ != kNoNode; }
  // Whether it came from a tape at all, valid or not: a default Value stands for "none given".
  explicit operator bool() const { return tape_ != nullptr; }
  Tape* tape() const { return tape_; }
  NodeId node() const { return node_; }

  // Known as soon as it is recorded. An invalid value says f32 ().
  const TensorType& type() const;
  const Shape& shape() const { return type().shape; }
  DType dtype() const { return type().dtype; }

  friend bool operator==(const Value&, const Value&) = default;

 private:
  Tape* tape_ = nullptr;
  NodeId node_ = kNoNode;
};
static_assert(std::is_trivially_copyable_v<Value>);

}  // namespace sluice

#endif  // SLUICE_GRAPH_VALUE_H_
