#include <algorithm>

#include <sluice/graph/passes/row_wise.h>

namespace sluice {
namespace {

// How an element-wise op reads an input.
enum class Reading : uint8_t { kByRow, kWhole, kNeither };

Reading ReadingOf(const Shape& input, const Shape& output) {
  if (output.rank() == 1) {
    return input.elements() == output[0] ? Reading::kByRow : Reading::kWhole;
  }
  bool by_row = true;
  bool whole = true;
  for (int axis = 1; axis < output.rank(); ++axis) {
    by_row = by_row && input.back(axis) == output.back(axis);
    whole = whole && input.back(axis) == 1;
  }
  return by_row ? Reading::kByRow : whole ? Reading::kWhole : Reading::kNeither;
}

bool HasRows(const Shape& shape, int64_t rows) {
  return RowsOf(shape) == rows || shape.elements() == rows;
}

int64_t RowsOfElementwise(const NodeList& nodes, NodeId id) {
  const Shape& output = nodes[id].type.shape;
  for (const NodeId input : nodes.inputs(id)) {
    if (ReadingOf(nodes[input].type.shape, output) == Reading::kNeither) return 0;
  }
  return RowsOf(output);
}

}  // namespace

int64_t RowsOf(const Shape& shape) {
  if (shape.rank() == 0) return 0;
  if (shape.rank() == 1) return shape[0];
  int64_t rows = 1;
  for (int axis = 1; axis < shape.rank(); ++axis) rows *= shape.back(axis);
  return rows;
}

int64_t RowWiseRows(const NodeList& nodes, NodeId id) {
  const Op& op = *nodes[id].op;
  const Shape& output = nodes[id].type.shape;
  if (op.kind == OpKind::kElementwise) return RowsOfElementwise(nodes, id);
  if (op.row_by_row == nullptr || !op.row_by_row(nodes.attributes(id), output)) return 0;
  const absl::Span<const NodeId> inputs = nodes.inputs(id);
  const int first = op.row_input == Op::kEveryInput ? 0 : op.row_input;
  const int64_t rows = std::max(RowsOf(output), RowsOf(nodes[inputs[first]].type.shape));
  if (!HasRows(output, rows)) return 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (ReadsByRow(nodes, id, i, rows) && !HasRows(nodes[inputs[i]].type.shape, rows)) return 0;
  }
  return rows;
}

bool ReadsByRow(const NodeList& nodes, NodeId id, size_t position, int64_t rows) {
  const Op& op = *nodes[id].op;
  const Shape& input = nodes[nodes.inputs(id)[position]].type.shape;
  if (op.kind == OpKind::kElementwise) {
    return ReadingOf(input, nodes[id].type.shape) == Reading::kByRow;
  }
  if (op.row_input == Op::kEveryInput || op.row_input == static_cast<int>(position)) return true;
  // What a result is added to is in its shape, or one row for all.
  return static_cast<int>(position) == op.overwritable_input && RowsOf(input) == rows &&
         input == nodes[id].type.shape;
}

TensorType TypeOfRows(const TensorType& type, int64_t rows, int64_t count) {
  TensorType result = type;
  const int kept = RowsOf(type.shape) == rows && type.shape.rank() > 1 ? 1 : 0;
  // At the innermost axis of rows: there values of different ranks broadcast to each other.
  const int innermost = type.shape.rank() - kept - 1;
  for (int axis = 0; axis <= innermost; ++axis) {
    result.shape = result.shape.With(axis, axis == innermost ? count : 1);
  }
  return result;
}

}  // namespace sluice
