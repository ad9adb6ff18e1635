#ifndef SLUICE_OPS_KERNELS_KERNEL_TABLE_H_
#define SLUICE_OPS_KERNELS_KERNEL_TABLE_H_

#include <cstdint>

namespace sluice {

// Kernels are compiled once for each instruction set; the program takes the best its processor has
// when it starts. This header and everything under ops/kernels/ includes no other code with inline
// functions: the linker would keep one copy of them, and it could be the one with instructions that
// the processor lacks.

enum class ElementwiseOp : int {
#define SLUICE_UNARY(name, ...) name##_op,
#define SLUICE_UNARY_NUMBER(name, ...) name##_op,
#define SLUICE_BINARY(name, ...) name##_op,
#define SLUICE_TERNARY(name, ...) name##_op,
#include <sluice/ops/elementwise_table.inc>
#undef SLUICE_UNARY
#undef SLUICE_UNARY_NUMBER
#undef SLUICE_BINARY
#undef SLUICE_TERNARY
  count
};

using ElementwiseTile = void (*)(int64_t n, const void* const* inputs, double number, void* output);

// A matrix in memory: element (i, j) is at data[i * row + j * column].
struct MatrixLayout {
  int64_t row;
  int64_t column;
};

// Where one matrix B[k, n] goes in a packed operand of k rows and packed_n columns: from column
// column_begin on. Several matrices side by side are packed one by one. Of them, writes what stands
// in panels [panel_begin, panel_end); the one whose columns are the last, column_begin + n ==
// packed_n, fills the last panel up with zeros.
struct PackTask {
  const void* b;
  MatrixLayout b_layout;
  int64_t k, n;
  void* packed;
  int64_t column_begin, packed_n;
  int64_t panel_begin, panel_end;
};

// C[m, n] = A[m, k] · B[k, n], row-major C of `c_row` >= n elements a row, B packed. Every element
// is one chain of multiply-adds over k, so its bits do not depend on m, n, strides or where it
// stands. The chain starts from 0, or from element (i, j) of `start`, which may be C: a product
// over k1 + k2 has the bits of one over k1 and then one over k2 that starts from it. Computes rows
// [row_begin, row_end) of the columns of panels [panel_begin, panel_end), and writes nothing else.
struct ProductTask {
  const void* a;
  MatrixLayout a_layout;
  const void* b;
  // Elements from a row of B to the next where B is row-major and not packed; n is then a multiple
  // of `lanes`. 0: packed.
  int64_t b_row;
  void* c;
  int64_t c_row;
  int64_t n, k;
  int64_t row_begin, row_end;
  int64_t panel_begin, panel_end;
  const void* start;  // null: 0
  int64_t start_row;  // elements from one row to the next; 0: the same row for all
};

// C[m, n] = A^T · B of row-major A[k, m], B[k, n] and C[m, n] of a_row, b_row and c_row elements a
// row, none packed: a sum over rows, as of a weight's gradient. Chains as above. Computes rows
// [row_begin, row_end) and columns [column_begin, column_end) of C.
struct ContractTask {
  const void* a;
  int64_t a_row;
  const void* b;
  int64_t b_row;
  void* c;
  int64_t c_row;
  int64_t k;
  int64_t row_begin, row_end;
  int64_t column_begin, column_end;
  bool accumulate;
  void* scratch;  // contract_scratch bytes at a multiple of 64
};

struct ProductKernels {
  int64_t panel_columns;  // of a packed panel: k rows of so many columns, the last panel filled up
                          // with zeros
  int64_t lanes;          // columns that are computed at once
  int64_t tile_rows;      // rows that one pass over a panel computes
  int64_t contract_scratch;  // bytes
  bool fused;  // a step of a chain is rounded once, a fused multiply-add, not product and sum each
  void (*pack)(const PackTask& task);
  void (*product)(const ProductTask& task);
  void (*contract)(const ContractTask& task);
};

// Reductions: of each of `rows` rows of n > 0 contiguous elements, in an order that depends on n
// only; and of each of `columns` columns over rows that are `row_elements` apart, one row after the
// other.
struct ReductionKernels {
  using Contiguous = void (*)(int64_t rows, int64_t n, const void* input, void* output);
  using Rows = void (*)(int64_t rows, int64_t columns, int64_t row_elements, const void* input,
                        void* output);
  Contiguous sum, max;
  Rows sum_rows, max_rows;
};

// Random f32 of positions [position, position + n), by key and step as in graph/random.h: the first
// of each position's uniform numbers, or a normal one from the first two.
struct RandomTask {
  uint64_t key, step, position;
  int64_t n;
  float* output;
};

struct RandomKernels {
  void (*uniform)(const RandomTask& task);
  void (*normal)(const RandomTask& task);
};

struct KernelTable {
  const char* instruction_set;
  ElementwiseTile elementwise[static_cast<int>(ElementwiseOp::count)][3];  // by op, by DType
  ProductKernels product[2];                                               // by DType
  ReductionKernels reduction[2];
  RandomKernels random;
};

// The table for this processor.
const KernelTable& Kernels();

// Every table that this processor can run, the best first, for tests of all; null from their number
// on.
const KernelTable* SupportedKernels(int index);

}  // namespace sluice

#endif  // SLUICE_OPS_KERNELS_KERNEL_TABLE_H_
