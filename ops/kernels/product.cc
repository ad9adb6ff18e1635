// The packed product: tiles one below the other, panel by panel, in blocks that stay in the caches.

#include <sluice/ops/kernels/kernel_table.h>
#include <sluice/ops/kernels/product_tile.h>

namespace sluice {
namespace SLUICE_KERNELS {
namespace {

// Sizes below are for a second-level cache of 1 MB; they were measured, and half or twice as much
// makes little difference.

// k steps of one pass over C: a panel of so many stays in the second-level cache from tile to tile.
inline constexpr int64_t kDepth = 768;
// Rows of A that stay there while the panels pass.
inline constexpr int64_t kBytesOfA = 256 * 1024;
// Panels of more bytes in all come from farther away and are asked for ahead; nearer ones get
// slower by it. A single tile passes them as the hardware expects, so that they may be larger; one
// of few rows takes them faster than memory gives them in any case.
inline constexpr int64_t kNearBytes = 1024 * 1024;
inline constexpr int64_t kNearBytesOfOneTile = 12 * 1024 * 1024;
inline constexpr int64_t kRowsThatKeepUp = 5;
// How far ahead of a single tile its panel is asked for.
inline constexpr int64_t kAheadBytes = 192 * 1024;

// A part of a task: `rows` rows of C, from `row` on, and `k` steps from `p` on.
struct ProductBlock {
  int64_t row, rows;
  int64_t p, k;
};

// Tiles one below the other over the same panels. Meanwhile brings the memory up to `ahead_end`,
// and what the tiles start from; `next_start` is where the first tile of the next panels does.
template <typename T>
void RunTiles(TileTask<T> task, int64_t rows, int64_t columns, const char* ahead_end,
              const T* next_start) {
  const int64_t first_rows = NextTileRows(rows);
  while (rows > 0) {
    const int64_t tile_rows = NextTileRows(rows);
    if (task.start != nullptr && task.start_row != 0) {
      const int64_t left = rows - tile_rows;
      task.next_start = left > 0 ? task.start + tile_rows * task.start_row : next_start;
      task.next_start_rows = left > 0 ? NextTileRows(left) : next_start != nullptr ? first_rows : 0;
    }
    RunTile(task, tile_rows, columns);
    task.a += tile_rows * task.a_row;
    task.c += tile_rows * task.c_row;
    if (task.start != nullptr) task.start += tile_rows * task.start_row;
    task.ahead += CeilingOfQuotient(task.k, kAheadSteps) * task.ahead_step;
    if (task.ahead >= ahead_end) task.ahead_lines = 0;
    rows -= tile_rows;
  }
}

// What to bring in while a panel is multiplied: the panel that follows, or, after the last, the
// first of the next block. A single tile reads its panel but once, and one panel after the other:
// there it is the memory that comes up.
template <typename T>
const char* WhatFollows(const ProductTask& task, const ProductBlock& block, const TileTask<T>& tile,
                        bool last_panel) {
  const int64_t bytes = block.k * kPanelRowBytes<T>;
  if (block.rows <= kTileRows) return tile.b + Smaller(bytes, kAheadBytes);
  if (!last_panel) return tile.b + tile.b_panel;
  const char* first = tile.b - (task.panel_end - 1 - task.panel_begin) * tile.b_panel;
  return block.row + block.rows >= task.row_end ? first + bytes : first;
}

template <typename T>
void MultiplyBlock(const ProductTask& task, const ProductBlock& block, bool far) {
  constexpr int64_t kSize = sizeof(T);
  const int64_t at_once = PanelsAtOnce(block.rows);
  TileTask<T> tile;
  tile.k = block.k;
  tile.a_row = task.a_layout.row * kSize;
  tile.a_column = task.a_layout.column * kSize;
  tile.a = static_cast<const char*>(task.a) + block.row * tile.a_row + block.p * tile.a_column;
  tile.b_row = task.b_row == 0 ? kPanelRowBytes<T> : task.b_row * kSize;
  tile.b_panel = kPanelRowBytes<T> * (task.b_row == 0 ? task.k : 1);
  tile.c_row = task.c_row;
  tile.start = nullptr;
  tile.start_row = 0;
  tile.ahead_lines = 0;
  tile.ahead_step = 0;
  tile.next_start = nullptr;
  tile.next_start_rows = 0;
  tile.copy = nullptr;
  const int64_t tiles = CeilingOfQuotient(block.rows, kTileRows);
  // Tiles of several panels read the last one whole. A packed operand is padded; one that is read
  // as it is ends where its columns do, so its last panel goes alone.
  const int64_t padded_end = task.b_row == 0 ? task.panel_end : task.n / kPanelColumns<T>;
  const int64_t end = Smaller(task.panel_end * kPanelColumns<T>, task.n);
  const int64_t b_panel = tile.b_panel;
  int64_t columns = 0;
  for (int64_t column = task.panel_begin * kPanelColumns<T>; column < end; column += columns) {
    const int64_t panel = column / kPanelColumns<T>;
    tile.across = column % kPanelColumns<T> != 0;
    const bool halves = at_once == 1 && TakesHalves<T>(end - column);
    const int64_t panels = panel < padded_end ? Smaller(at_once, padded_end - panel) : at_once;
    columns = Smaller(halves ? kHalfColumns<T> : panels * kPanelColumns<T>, end - column);
    const bool is_last = column + columns == end;
    tile.b = static_cast<const char*>(task.b) + panel * b_panel + block.p * tile.b_row;
    tile.c = static_cast<T*>(task.c) + block.row * task.c_row + column;
    if (block.p > 0) {
      tile.start = tile.c;
      tile.start_row = task.c_row;
    } else if (task.start != nullptr) {
      tile.start = static_cast<const T*>(task.start) + block.row * task.start_row + column;
      tile.start_row = task.start_row;
    }
    tile.ahead = tile.b;
    tile.b_panel = b_panel;
    if (far) {
      tile.ahead = WhatFollows(task, block, tile, is_last);
      tile.ahead_lines = CeilingOfQuotient(kAheadSteps * kPanelRowBytes<T>, tiles * kLineBytes);
      tile.ahead_step = tile.ahead_lines * kLineBytes;
    }
    if (tile.across) {
      tile.b += kHalfColumns<T> * kSize;
      tile.b_panel = AcrossBytes(b_panel);
    }
    const bool more = tile.start != nullptr && !is_last;
    RunTiles(tile, block.rows, columns, tile.ahead + block.k * kPanelRowBytes<T>,
             more ? tile.start + columns : nullptr);
  }
}

// `k` in as few parts of about the same size as are not larger than `most`.
inline int64_t PartOf(int64_t k, int64_t most) {
  return k <= most ? k : CeilingOfQuotient(k, CeilingOfQuotient(k, most));
}

template <typename T>
void Product(const ProductTask& task) {
  const int64_t rows = task.row_end - task.row_begin;
  if (rows <= 0) return;
  const bool one_tile = rows <= kTileRows;
  const int64_t depth = one_tile ? task.k : PartOf(task.k, kDepth);
  const int64_t block_rows =
      one_tile
          ? rows
          : Larger(kBytesOfA / (Larger(depth, 1) * int64_t{sizeof(T)}) / kTileRows, 1) * kTileRows;
  const int64_t bytes = (task.panel_end - task.panel_begin) * task.k * kPanelRowBytes<T>;
  const bool far = task.b_row == 0 && rows >= kRowsThatKeepUp &&
                   bytes > (one_tile ? kNearBytesOfOneTile : kNearBytes);
  ProductBlock block{0, 0, 0, 0};
  do {
    block.k = Smaller(depth, task.k - block.p);
    for (block.row = task.row_begin; block.row < task.row_end; block.row += block.rows) {
      block.rows = Smaller(block_rows, task.row_end - block.row);
      MultiplyBlock<T>(task, block, far);
    }
    block.p += block.k;
  } while (block.p < task.k);
}

template <typename T>
void Fill(ProductKernels& kernels) {
  kernels.panel_columns = kPanelColumns<T>;
  kernels.lanes = kLanes<T>;
  kernels.tile_rows = kTileRows;
  kernels.product = Product<T>;
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
  kernels.fused = true;
#endif
}

}  // namespace

void FillProduct(KernelTable& table) {
  Fill<float>(table.product[0]);
  Fill<double>(table.product[1]);
}

}  // namespace SLUICE_KERNELS
}  // namespace sluice
