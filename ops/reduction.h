#ifndef SLUICE_OPS_REDUCTION_H_
#define SLUICE_OPS_REDUCTION_H_

#include <sluice/graph/tape.h>

namespace sluice {

// Which axes a reduction goes over: indices from 0, or negative from the last (-1). Empty: all of
// them.
using Axes = absl::Span<const int>;

// The sum, or the largest element, over `axes`. Reduced axes are gone from the shape, or have size
// 1 with `keep_axes`. Sums add in an order that depends on the sizes from the first reduced axis
// on, so a row has the same sum alone and among others. The gradient of Max is shared equally among
// equal maxima.
Value Sum(Value x, Axes axes = {}, bool keep_axes = false);
Value Max(Value x, Axes axes = {}, bool keep_axes = false);

// The sum of the squares of all elements, without a place for the squares.
Value SumSquares(Value x);

// The sum over the axes along which `shape` would broadcast to x: what reaches a broadcast value.
Value SumTo(Value x, const Shape& shape);

}  // namespace sluice

#endif  // SLUICE_OPS_REDUCTION_H_
