#ifndef SLUICE_OPS_MOVEMENT_H_
#define SLUICE_OPS_MOVEMENT_H_

#include <sluice/graph/tape.h>

namespace sluice {

// Ops that move elements and compute nothing.

// The same elements in row-major order under another shape of as many; nothing is copied.
Value Reshape(Value x, const Shape& shape);
// x repeated to `shape` by NumPy's rule. Element-wise ops broadcast by themselves.
Value BroadcastTo(Value x, const Shape& shape);
// Axis i of the result is axis order[i] of x.
Value Transpose(Value x, absl::Span<const int> order);
// Elements [begin, end) of one axis; nothing is copied where the axes before it have size 1.
Value Slice(Value x, int axis, int64_t begin, int64_t end);
// Values one after the other along an axis; other sizes agree.
Value Concat(absl::Span<const Value> values, int axis);
// Element `index` of axis 0, which is then gone; and values of one shape along a new axis 0.
Value Index(Value x, int64_t index);
Value Stack(absl::Span<const Value> values);

// Row ids[...] of table (V, ...): the shape of ids, then that of a row. An id outside 0 .. V - 1
// ends the run with an error.
Value Gather(Value table, Value ids);
// Zeros (rows, ...) with each row of `values` added at its id: the transpose of Gather. Adds in the
// order of ids.
Value ScatterAdd(Value ids, Value values, int64_t rows);

// Element ids[i] of row i of x (N, C): (N). An id outside 0 .. C - 1 ends the run with an error.
Value Pick(Value x, Value ids);
// Zeros (N, columns) with values[i] at (i, ids[i]): the transpose of Pick.
Value PlaceAt(Value ids, Value values, int64_t columns);

}  // namespace sluice

#endif  // SLUICE_OPS_MOVEMENT_H_
