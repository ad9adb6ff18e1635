// C = A^T · B where neither operand is packed: each block of k rows is packed here, piece by piece.

#include <sluice/ops/kernels/kernel_table.h>
#include <sluice/ops/kernels/product_tile.h>

namespace sluice {
namespace SLUICE_KERNELS {
namespace {

#ifndef CK
#define CK 256
#define CR 256
#define CP 8
#endif
// Blocks of B of kDepth rows and kBlockPanels panels, and of A of as many rows and kBlockRows
// columns, stay in the second-level cache together.
inline constexpr int64_t kDepth = CK;
inline constexpr int64_t kBlockRows = CR;
inline constexpr int64_t kBlockPanels = CP;
// Tiles of A and panels of B do not start a multiple of a large power of two apart: rows of all
// would fall in few sets of the first-level cache while they are packed.
inline constexpr int64_t kGap = 128;

template <typename T>
inline constexpr int64_t kPanelBytes = kDepth* kPanelColumns<T>* int64_t{sizeof(T)} + kGap;
template <typename T>
inline constexpr int64_t kTileBytes = kDepth* kTileRows* int64_t{sizeof(T)} + kGap;
template <typename T>
inline constexpr int64_t kScratch = kBlockPanels* kPanelBytes<T> +
                                    CeilingOfQuotient(kBlockRows, kTileRows) * kTileBytes<T>;

// Rows of `columns` elements, `row` apart, in strips of kColumns columns and k rows that begin
// `strip` bytes apart.
template <typename T, int64_t kColumns>
void PackStrips(const T* from, int64_t row, int64_t k, int64_t columns, char* to, int64_t strip) {
  for (int64_t p = 0; p < k; ++p, from += row) {
    char* place = to + p * kColumns * int64_t{sizeof(T)};
    int64_t column = 0;
    for (; column + kColumns <= columns; column += kColumns, place += strip) {
      __builtin_memcpy(place, from + column, kColumns * sizeof(T));
    }
    // The rest is not filled up: nothing reads it but what writes beside C.
    if (column < columns) CopyRow(from + column, reinterpret_cast<T*>(place), columns - column);
  }
}

template <typename T>
struct Block {
  int64_t row, rows;        // of C
  int64_t column, columns;  // of C
  int64_t p, k;
};

// Tiles of packed strips of A against packed panels of B.
template <typename T>
void ContractBlock(const ContractTask& task, const Block<T>& block, const char* a, const char* b) {
  TileTask<T> tile;
  tile.k = block.k;
  tile.a_row = sizeof(T);
  tile.a_column = kTileRows * sizeof(T);
  tile.b_row = kPanelColumns<T> * sizeof(T);
  tile.b_panel = 0;
  tile.c_row = task.c_row;
  tile.accumulate = task.accumulate || block.p > 0;
  tile.ahead_lines = 0;
  for (int64_t column = 0; column < block.columns; column += kPanelColumns<T>) {
    tile.b = b + column / kPanelColumns<T> * kPanelBytes<T>;
    tile.ahead = tile.b;
    const int64_t columns = Smaller(block.columns - column, kPanelColumns<T>);
    for (int64_t row = 0; row < block.rows; row += kTileRows) {
      tile.a = a + row / kTileRows * kTileBytes<T>;
      tile.c = static_cast<T*>(task.c) + (block.row + row) * task.c_row + block.column + column;
      RunTile(tile, Smaller(block.rows - row, kTileRows), columns);
    }
  }
}

template <typename T>
void Contract(const ContractTask& task) {
  char* b = static_cast<char*>(task.scratch);
  char* a = b + kBlockPanels * kPanelBytes<T>;
  Block<T> block;
  for (block.column = task.column_begin; block.column < task.column_end;
       block.column += kBlockPanels * kPanelColumns<T>) {
    block.columns = Smaller(task.column_end - block.column, kBlockPanels * kPanelColumns<T>);
    block.p = 0;
    do {
      block.k = Smaller(task.k - block.p, kDepth);
      PackStrips<T, kPanelColumns<T>>(
          static_cast<const T*>(task.b) + block.p * task.b_row + block.column, task.b_row, block.k,
          block.columns, b, kPanelBytes<T>);
      for (block.row = task.row_begin; block.row < task.row_end; block.row += kBlockRows) {
        block.rows = Smaller(task.row_end - block.row, kBlockRows);
        PackStrips<T, kTileRows>(static_cast<const T*>(task.a) + block.p * task.a_row + block.row,
                                 task.a_row, block.k, block.rows, a, kTileBytes<T>);
        ContractBlock<T>(task, block, a, b);
      }
      block.p += block.k;
    } while (block.p < task.k);
  }
}

}  // namespace

void FillContract(KernelTable& table) {
  table.product[0].contract = Contract<float>;
  table.product[0].contract_scratch = kScratch<float>;
  table.product[1].contract = Contract<double>;
  table.product[1].contract_scratch = kScratch<double>;
}

}  // namespace SLUICE_KERNELS
}  // namespace sluice
