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

// C[m, n] = A[m, k] · B[k, n], row-major C of `c_row` elements a row, B packed. Every element is
// one chain of multiply-adds over k from 0 on, so its bits do not depend on m, n or where it
// stands. Computes rows [row_begin, row_end) of the columns of panels [panel_begin, panel_end).
struct ProductTask {
  const void* a;
  MatrixLayout a_layout;
  const void* packed_b;
  void* c;
  int64_t c_row;
  int64_t m, n, k;
  int64_t row_begin, row_end;
  int64_t panel_begin, panel_end;
  bool accumulate;  // the chain starts from what C holds
};

struct ProductKernels {
  int64_t panel_columns;  // of a packed panel: k rows of so many columns, the last panel filled up
                          // with zeros
  int64_t tile_rows;      // rows that one pass over a panel computes
  // Packs panels [panel_begin, panel_end) of B[k, n].
  void (*pack)(const void* b, MatrixLayout b_layout, int64_t k, int64_t n, int64_t panel_begin,
               int64_t panel_end, void* packed);
  void (*product)(const ProductTask& task);
};

// Reductions of contiguous elements, in an order that depends on n only.
struct ReductionKernels {
  void (*sum)(int64_t n, const void* input, void* output);
  void (*max)(int64_t n, const void* input, void* output);
};

struct KernelTable {
  const char* instruction_set;
  ElementwiseTile elementwise[static_cast<int>(ElementwiseOp::count)][3];  // by op, by DType
  ProductKernels product[2];                                               // by DType
  ReductionKernels reduction[2];
};

// The table for this processor.
const KernelTable& Kernels();

}  // namespace sluice

#endif  // SLUICE_OPS_KERNELS_KERNEL_TABLE_H_
