// C = A^T · B of matrices as they lie, in blocks that stay in the second-level cache; while one is
// multiplied, the memory of the next is brought there. A is read in place: the numbers of a step
// are side by side, and come in time from the second-level cache. B is copied where many tiles read
// it.

#include <sluice/ops/kernels/kernel_table.h>
#include <sluice/ops/kernels/product_tile.h>

namespace sluice {
namespace SLUICE_KERNELS {
namespace {

// Of a block: k steps, rows and panels of C.
inline constexpr int64_t kDepth = 256;
inline constexpr int64_t kBlockRows = 128;
inline constexpr int64_t kBlockPanels = 8;
// B is copied for more tiles than this.
inline constexpr int64_t kTilesWithoutCopy = 4;
// Strips do not start a multiple of a large power of two apart: what is written to all of them in
// turn would fall in few sets of the first-level cache.
inline constexpr int64_t kGap = 2 * kLineBytes;

// A copied panel.
template <typename T>
inline constexpr int64_t kStripBytes = kDepth* kPanelColumns<T>* int64_t{sizeof(T)} + kGap;

// Rows of `bytes` bytes, `row` bytes apart.
struct Region {
  const char* data;
  int64_t row;
  int64_t rows;
  int64_t bytes;
};

// Brings `count` rows of the region to the second-level cache, and leaves the others.
inline void BringRows(Region& region, int64_t count) {
  for (; count > 0 && region.rows > 0; --count, --region.rows, region.data += region.row) {
    for (int64_t line = 0; line < region.bytes; line += kLineBytes) {
      __builtin_prefetch(region.data + line, 0, 2);
    }
  }
}

// An operand's block as tiles read it: strips of some columns, `strip` bytes apart, of rows `row`
// bytes apart.
struct Strips {
  const char* data;
  int64_t strip;
  int64_t row;
};

template <typename T>
Strips Copied(const Region& from, char* to) {
  constexpr int64_t kRowBytes = kPanelColumns<T> * int64_t{sizeof(T)};
  constexpr int64_t kStrip = kStripBytes<T>;
  Region ahead = from;
  BringRows(ahead, 8);
  for (int64_t p = 0; p < from.rows; ++p) {
    BringRows(ahead, 1);
    const char* row = from.data + p * from.row;
    char* place = to + p * kRowBytes;
    int64_t left = from.bytes;
    for (; left >= kRowBytes; left -= kRowBytes, row += kRowBytes, place += kStrip) {
      __builtin_memcpy(place, row, kRowBytes);
    }
    // What is left of the last strip stays as it is: nothing of it reaches C.
    CopyRow(reinterpret_cast<const T*>(row), reinterpret_cast<T*>(place),
            left / int64_t{sizeof(T)});
  }
  return {to, kStrip, kRowBytes};
}

template <typename T, int64_t kColumns>
Strips InPlace(const Region& region) {
  return {region.data, kColumns * int64_t{sizeof(T)}, region.row};
}

// A part of C, `rows` from `row` on and `columns` from `column` on, and `k` steps from `p` on.
struct ContractBlock {
  int64_t row, rows;
  int64_t column, columns;
  int64_t p, k;
};

template <typename T>
Region RegionOfA(const ContractTask& task, const ContractBlock& block) {
  const T* data = static_cast<const T*>(task.a) + block.p * task.a_row + block.row;
  return {reinterpret_cast<const char*>(data), task.a_row * int64_t{sizeof(T)}, block.k,
          block.rows * int64_t{sizeof(T)}};
}

template <typename T>
Region RegionOfB(const ContractTask& task, const ContractBlock& block) {
  const T* data = static_cast<const T*>(task.b) + block.p * task.b_row + block.column;
  return {reinterpret_cast<const char*>(data), task.b_row * int64_t{sizeof(T)}, block.k,
          block.columns * int64_t{sizeof(T)}};
}

// Meanwhile brings `next_a` and `next_b`, so many rows of them for each tile.
template <typename T>
void MultiplyBlock(const ContractTask& task, const ContractBlock& block, const Strips& a,
                   const Strips& b, const Strips& last_b, Region next_a, Region next_b) {
  const int64_t tiles =
      CeilingOfQuotient(block.rows, kTileRows) * CeilingOfQuotient(block.columns, kPanelColumns<T>);
  const int64_t bring_a = CeilingOfQuotient(next_a.rows, tiles);
  const int64_t bring_b = CeilingOfQuotient(next_b.rows, tiles);
  TileTask<T> tile;
  tile.k = block.k;
  tile.a_row = sizeof(T);
  tile.a_column = a.row;
  tile.b_panel = 0;
  tile.c_row = task.c_row;
  tile.accumulate = task.accumulate || block.p > 0;
  tile.ahead = a.data;
  tile.ahead_lines = 0;
  for (int64_t column = 0; column < block.columns; column += kPanelColumns<T>) {
    const int64_t columns = Smaller(block.columns - column, kPanelColumns<T>);
    const Strips& panels = columns < kPanelColumns<T> ? last_b : b;
    tile.b = panels.data + column / kPanelColumns<T> * panels.strip;
    tile.b_row = panels.row;
    for (int64_t row = 0; row < block.rows; row += kTileRows) {
      BringRows(next_a, bring_a);
      BringRows(next_b, bring_b);
      tile.a = a.data + row / kTileRows * a.strip;
      tile.c = static_cast<T*>(task.c) + (block.row + row) * task.c_row + block.column + column;
      RunTile(tile, Smaller(block.rows - row, kTileRows), columns);
    }
  }
}

// All rows of C for one block of B.
template <typename T>
void ContractRows(const ContractTask& task, ContractBlock block) {
  constexpr int64_t kPanel = kPanelColumns<T>;
  char* scratch = static_cast<char*>(task.scratch);
  const bool copy_b = task.row_end - task.row_begin > kTilesWithoutCopy * kTileRows;
  const Region region_b = RegionOfB<T>(task, block);
  Strips b = InPlace<T, kPanel>(region_b);
  Strips last_b = b;
  if (copy_b) {
    b = last_b = Copied<T>(region_b, scratch);
  } else if (block.columns % kPanel != 0) {
    // Tiles read whole vectors, beyond the columns that are left: never beyond B's memory.
    const int64_t whole = block.columns / kPanel;
    Region rest = region_b;
    rest.data += whole * b.strip;
    rest.bytes -= whole * b.strip;
    last_b = Copied<T>(rest, scratch);
    last_b.data -= whole * last_b.strip;
  }
  ContractBlock next_p = block;
  next_p.p += block.k;
  next_p.k = Smaller(kDepth, task.k - next_p.p);
  for (block.row = task.row_begin; block.row < task.row_end; block.row += kBlockRows) {
    block.rows = Smaller(task.row_end - block.row, kBlockRows);
    const Strips a = InPlace<T, kTileRows>(RegionOfA<T>(task, block));
    const bool last = block.row + block.rows == task.row_end;
    ContractBlock next = last ? next_p : block;
    next.row = last ? task.row_begin : block.row + block.rows;
    next.rows = Smaller(task.row_end - next.row, kBlockRows);
    Region next_b = RegionOfB<T>(task, next_p);
    if (!last) next_b.rows = 0;
    MultiplyBlock<T>(task, block, a, b, last_b, RegionOfA<T>(task, next), next_b);
  }
}

template <typename T>
void Contract(const ContractTask& task) {
  ContractBlock block{0, 0, 0, 0, 0, 0};
  for (block.column = task.column_begin; block.column < task.column_end;
       block.column += block.columns) {
    block.columns = Smaller(task.column_end - block.column, kBlockPanels * kPanelColumns<T>);
    block.p = 0;
    do {
      block.k = Smaller(task.k - block.p, kDepth);
      ContractRows<T>(task, block);
      block.p += block.k;
    } while (block.p < task.k);
  }
}

template <typename T>
void Fill(ProductKernels& kernels) {
  kernels.contract = Contract<T>;
  kernels.contract_scratch = kBlockPanels * kStripBytes<T>;
}

}  // namespace

void FillContract(KernelTable& table) {
  Fill<float>(table.product[0]);
  Fill<double>(table.product[1]);
}

}  // namespace SLUICE_KERNELS
}  // namespace sluice
