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
inline constexpr int64_t kPanelBytes = kDepth* kPanelColumns<T>* int64_t{sizeof(T)} + kGap;

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

// A block of B as tiles read it: panels `panel` bytes apart, of rows `row` bytes apart.
struct Panels {
  const char* data;
  int64_t panel;
  int64_t row;
};

template <typename T>
Panels InPlace(const Region& region) {
  return {region.data, kPanelColumns<T> * int64_t{sizeof(T)}, region.row};
}

template <typename T>
Panels Copied(const Region& from, char* to) {
  constexpr int64_t kRowsAhead = 8;
  constexpr int64_t kRowBytes = kPanelColumns<T> * int64_t{sizeof(T)};
  for (int64_t p = 0; p < from.rows; ++p) {
    const char* row = from.data + p * from.row;
    // Rows beyond the last are of no use and do no harm.
    for (int64_t line = 0; line < from.bytes; line += kLineBytes) {
      __builtin_prefetch(row + kRowsAhead * from.row + line);
    }
    char* place = to + p * kRowBytes;
    int64_t left = from.bytes;
    for (; left >= kRowBytes; left -= kRowBytes, row += kRowBytes, place += kPanelBytes<T>) {
      __builtin_memcpy(place, row, kRowBytes);
    }
    // What is left of the last panel stays as it is: nothing of it reaches C.
    CopyRow(reinterpret_cast<const T*>(row), reinterpret_cast<T*>(place),
            left / int64_t{sizeof(T)});
  }
  return {to, kPanelBytes<T>, kRowBytes};
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

// The last panel, where it is a part of one, is read from `rest`. Meanwhile brings `next_a` and
// `next_b`.
template <typename T>
void MultiplyBlock(const ContractTask& task, const ContractBlock& block, const Panels& b,
                   const Panels& rest, const Region& next_a, const Region& next_b) {
  const Region a = RegionOfA<T>(task, block);
  const int64_t tiles =
      CeilingOfQuotient(block.rows, kTileRows) * CeilingOfQuotient(block.columns, kPanelColumns<T>);
  Bringing bringing(next_a, next_b, tiles, block.k);
  TileTask<T> tile;
  tile.k = block.k;
  tile.a_row = sizeof(T);
  tile.a_column = a.row;
  tile.c_row = task.c_row;
  tile.start_row = task.c_row;
  const bool accumulate = task.accumulate || block.p > 0;
  tile.ahead = a.data;
  tile.ahead_step = 0;
  tile.next_start = nullptr;
  tile.next_start_rows = 0;
  int64_t columns = 0;
  for (int64_t column = 0; column < block.columns; column += columns) {
    const int64_t left = block.columns - column;
    tile.across = column % kPanelColumns<T> != 0;
    const bool halves = rest.data == b.data && TakesHalves<T>(left);
    columns = Smaller(left, halves ? kHalfColumns<T> : kPanelColumns<T>);
    const Panels& panels = left < kPanelColumns<T> ? rest : b;
    tile.b = panels.data + column / kPanelColumns<T> * panels.panel;
    tile.b_row = panels.row;
    tile.b_panel = 0;
    if (tile.across) {
      tile.b += kHalfColumns<T> * int64_t{sizeof(T)};
      tile.b_panel = AcrossBytes(panels.panel);
    }
    tile.a = a.data;
    tile.c = static_cast<T*>(task.c) + block.row * task.c_row + block.column + column;
    tile.start = accumulate ? tile.c : nullptr;
    for (int64_t rows = block.rows; rows > 0;) {
      const int64_t tile_rows = NextTileRows(rows);
      bringing.Next(tile);
      RunTile(tile, tile_rows, columns);
      tile.a += tile_rows * tile.a_row;
      tile.c += tile_rows * tile.c_row;
      if (accumulate) tile.start = tile.c;
      rows -= tile_rows;
    }
  }
}

// All rows of C for one block of B.
template <typename T>
void ContractRows(const ContractTask& task, ContractBlock block) {
  const Region region = RegionOfB<T>(task, block);
  Panels b = InPlace<T>(region);
  Panels rest = b;
  if (task.row_end - task.row_begin > kTilesWithoutCopy * kTileRows) {
    b = rest = Copied<T>(region, static_cast<char*>(task.scratch));
  } else if (block.columns % kLanes<T> != 0) {
    // Tiles read whole vectors: not beyond B's memory. The copy stands where that of all would.
    const int64_t whole = block.columns / kPanelColumns<T>;
    const Region part{region.data + whole * b.panel, region.row, region.rows,
                      region.bytes - whole * b.panel};
    rest = Copied<T>(part, static_cast<char*>(task.scratch) + whole * kPanelBytes<T>);
    rest.data = static_cast<char*>(task.scratch);
  }
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
    MultiplyBlock<T>(task, block, b, rest, RegionOfA<T>(task, next), next_b);
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
