#ifndef SLUICE_GRAPH_PASSES_ROW_WISE_H_
#define SLUICE_GRAPH_PASSES_ROW_WISE_H_

#include <sluice/graph/node_list.h>

namespace sluice {

// Rows of the matrix that a value is: all axes but the last, by the last. A list is one column.
int64_t RowsOf(const Shape& shape);

// R, if the node computes row i of R from row i of some inputs and from all of the others; 0 if
// not. Its result and those inputs lie row after row, R of them.
int64_t RowWiseRows(const NodeList& nodes, NodeId id);

// Whether a row-wise node of `rows` rows reads its input `position` row by row, not as a whole.
bool ReadsByRow(const NodeList& nodes, NodeId id, size_t position, int64_t rows);

// The type of `count` of the `rows` rows of a value: (1, ..., count, C), of the same rank.
TensorType TypeOfRows(const TensorType& type, int64_t rows, int64_t count);

}  // namespace sluice

#endif  // SLUICE_GRAPH_PASSES_ROW_WISE_H_
