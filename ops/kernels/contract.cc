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
inline constexpr int64_t kDepth = 384;
inline constexpr int64_t kBlockRows = 128;
inline constexpr int64_t kBlockPanels = 8;
// B is copied for more tiles than this.
inline constexpr int64_t kTilesWithoutCopy = 16;
// Copied panels do not start a multiple of a large power of two apart: what is written to all of
// them in turn would fall in few sets of the first-level cache.
inline constexpr int64_t kGap = 2 * kLineBytes;

// A copied panel.
template <typename T>
inline constexpr int64_t kPanelBytes = kDepth* kPanelRowBytes<T> + kGap;

// Rows of `bytes` bytes, `row` bytes apart.
struct Region {
  const char* data;
  int64_t row;
  int64_t rows;
  int64_t bytes;
};

// Regions brought to the second-level cache while tiles are multiplied, a part with each tile: some
// lines of as many rows as the tile has groups of kAheadSteps steps.
class Bringing {
 public:
  Bringing(const Region& a, const Region& b, int64_t tiles, int64_t k)
      : regions_{a, b}, part_rows_(Larger(CeilingOfQuotient(k, kAheadSteps), 1)) {
    const int64_t lines = a.rows * LinesOf(a) + b.rows * LinesOf(b);
    lines_ = Smaller(Larger(CeilingOfQuotient(lines, tiles * part_rows_), 1), kMostLines);
  }

  // The part for the next tile.
  template <typename T>
  void Next(TileTask<T>& tile) {
    while (region_ < 2 && line_ >= (regions_[region_].rows > 0 ? LinesOf(regions_[region_]) : 0)) {
      ++region_;
      line_ = 0;
    }
    tile.ahead_lines = 0;
    if (region_ == 2) return;
    const Region& region = regions_[region_];
    tile.ahead = region.data + row_ * region.row + line_ * kLineBytes;
    tile.ahead_lines = Smaller(lines_, LinesOf(region) - line_);
    tile.ahead_step = region.row;
    row_ += part_rows_;
    if (row_ < region.rows) return;
    row_ = 0;
    line_ += lines_;
  }

 private:
  static constexpr int64_t kMostLines = 6;  // more at once would wait for each other
  static int64_t LinesOf(const Region& region) {
    return CeilingOfQuotient(region.bytes, kLineBytes);
  }

  Region regions_[2];
  int64_t part_rows_;
  int64_t lines_;  // of a part's rows
  int region_ = 0;
  int64_t row_ = 0;
  int64_t line_ = 0;
};

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

// Columns of the next tiles where `left` are left.
template <typename T>
int64_t NextColumns(int64_t left) {
  return Smaller(left, TakesHalves<T>(left) ? kHalfColumns<T> : kPanelColumns<T>);
}

// Tiles read whole vectors: a panel whose last vector is a part of one would be read beyond B's
// memory. `columns` of `from`, put in their place.
template <typename T>
void CopyPanel(const Region& from, int64_t columns, char* to) {
  constexpr int64_t kRowsAhead = 8;
  // Rows beyond the last are of no use and do no harm.
  for (int64_t p = 0; p < from.rows; ++p, to += kPanelRowBytes<T>) {
    const char* row = from.data + p * from.row;
    for (int64_t line = 0; line < from.bytes; line += kLineBytes) {
      __builtin_prefetch(row + kRowsAhead * from.row + line);
    }
    // What is left of the last vector stays as it is: nothing of it reaches C.
    CopyRow(reinterpret_cast<const T*>(row), reinterpret_cast<T*>(to), columns);
  }
}

// Tiles of a block of C. Those of the first rows copy B, if many rows follow. Meanwhile brings
// `next_a` and `next_b`.
template <typename T>
void MultiplyBlock(const ContractTask& task, const ContractBlock& block, const Region& next_a,
                   const Region& next_b) {
  const Region a = RegionOfA<T>(task, block);
  const Region b = RegionOfB<T>(task, block);
  const bool copies = task.row_end - task.row_begin > kTilesWithoutCopy * kTileRows;
  const bool is_first = block.row == task.row_begin;
  const int64_t tiles =
      CeilingOfQuotient(block.rows, kTileRows) * CeilingOfQuotient(block.columns, kPanelColumns<T>);
  Bringing bringing(next_a, next_b, tiles, block.k);
  TileTask<T> tile;
  tile.k = block.k;
  tile.a_row = sizeof(T);
  tile.a_column = a.row;
  tile.b_panel = 0;
  tile.across = false;
  tile.c_row = task.c_row;
  tile.start_row = task.c_row;
  const bool accumulate = task.accumulate || block.p > 0;
  tile.ahead = a.data;
  tile.ahead_step = 0;
  char* copied = static_cast<char*>(task.scratch);
  int64_t columns = 0;
  for (int64_t column = 0; column < block.columns; column += columns, copied += kPanelBytes<T>) {
    columns = NextColumns<T>(block.columns - column);
    Region panel = b;
    panel.data += column * int64_t{sizeof(T)};
    panel.bytes = columns * int64_t{sizeof(T)};
    const bool has_rest = columns % kLanes<T> != 0;
    if (has_rest && is_first) CopyPanel<T>(panel, columns, copied);
    bool is_copied = has_rest || (copies && !is_first);
    tile.a = a.data;
    tile.c = static_cast<T*>(task.c) + block.row * task.c_row + block.column + column;
    const bool is_last = column + columns == block.columns;
    const T* const next_column = is_last ? nullptr : tile.c + columns;
    for (int64_t rows = block.rows; rows > 0;) {
      const int64_t tile_rows = NextTileRows(rows);
      bringing.Next(tile);
      tile.b = is_copied ? copied : panel.data;
      tile.b_row = is_copied ? kPanelRowBytes<T> : panel.row;
      tile.copy = copies && !is_copied ? copied : nullptr;
      tile.start = accumulate ? tile.c : nullptr;
      const int64_t left = rows - tile_rows;
      tile.next_start = left > 0 ? tile.c + tile_rows * tile.c_row : next_column;
      tile.next_start_rows = left > 0                 ? NextTileRows(left)
                             : next_column != nullptr ? NextTileRows(block.rows)
                                                      : 0;
      RunTile(tile, tile_rows, columns);
      is_copied = is_copied || copies;
      tile.a += tile_rows * tile.a_row;
      tile.c += tile_rows * tile.c_row;
      rows -= tile_rows;
    }
  }
}

// All rows of C for one block of B.
template <typename T>
void ContractRows(const ContractTask& task, ContractBlock block) {
  ContractBlock next_steps = block;
  next_steps.p += block.k;
  next_steps.k = Smaller(kDepth, task.k - next_steps.p);
  for (block.row = task.row_begin; block.row < task.row_end; block.row += kBlockRows) {
    block.rows = Smaller(task.row_end - block.row, kBlockRows);
    const bool last = block.row + block.rows == task.row_end;
    ContractBlock next = last ? next_steps : block;
    next.row = last ? task.row_begin : block.row + block.rows;
    next.rows = Smaller(task.row_end - next.row, kBlockRows);
    Region next_b = RegionOfB<T>(task, next_steps);
    if (!last) next_b.rows = 0;
    MultiplyBlock<T>(task, block, RegionOfA<T>(task, next), next_b);
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
  kernels.contract_scratch = kBlockPanels * kPanelBytes<T>;
}

}  // namespace

void FillContract(KernelTable& table) {
  Fill<float>(table.product[0]);
  Fill<double>(table.product[1]);
}

}  // namespace SLUICE_KERNELS
}  // namespace sluice
