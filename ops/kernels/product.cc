// The packed product.

#include <sluice/ops/kernels/kernel_table.h>
#include <sluice/ops/kernels/product_tile.h>

namespace sluice {
namespace SLUICE_KERNELS {
namespace {

#ifndef KD
#define KD 1024
#define AB 262144
#endif
inline constexpr int64_t kDepth = KD;
inline constexpr int64_t kBytesOfA = AB;

template <typename T>
void Product(const ProductTask& task) {
  constexpr int64_t kSize = sizeof(T);
  constexpr int64_t kPanelRow = kPanelColumns<T> * kSize;
  const int64_t rows = task.row_end - task.row_begin;
  if (rows <= 0) return;
  const int64_t depth = rows <= kTileRows ? task.k : kDepth;
  const int64_t block_rows = Larger(kBytesOfA / (kDepth * kSize) / kTileRows, 1) * kTileRows;
  const int64_t at_once = PanelsAtOnce(rows);
  TileTask<T> tile;
  tile.a_row = task.a_layout.row * kSize;
  tile.a_column = task.a_layout.column * kSize;
  tile.b_row = kPanelRow;
  tile.b_panel = task.k * kPanelRow;
  tile.c_row = task.c_row;
  int64_t p = 0;
  do {
    tile.k = Smaller(depth, task.k - p);
    tile.accumulate = task.accumulate || p > 0;
    for (int64_t row = task.row_begin; row < task.row_end; row += block_rows) {
      const int64_t rows = Smaller(block_rows, task.row_end - row);
      tile.a = static_cast<const char*>(task.a) + row * tile.a_row + p * tile.a_column;
      const int64_t tiles = CeilingOfQuotient(rows, kTileRows);
      for (int64_t panel = task.panel_begin; panel < task.panel_end; panel += at_once) {
        const int64_t column = panel * kPanelColumns<T>;
        tile.b = static_cast<const char*>(task.packed_b) + panel * tile.b_panel + p * kPanelRow;
        tile.c = static_cast<T*>(task.c) + row * task.c_row + column;
        const bool last = panel + at_once >= task.panel_end;
        tile.ahead = last ? tile.b : tile.b + tile.b_panel * at_once;
        tile.ahead_step = last ? 0 : kPanelRow / tiles;
        const int64_t end = Smaller(panel + at_once, task.panel_end) * kPanelColumns<T>;
        RunTiles(tile, rows, Smaller(end, task.n) - column);
      }
    }
    p += tile.k;
  } while (p < task.k);
}

}  // namespace

void FillProduct(KernelTable& table) {
  table.product[0].panel_columns = kPanelColumns<float>;
  table.product[0].tile_rows = kTileRows;
  table.product[0].product = Product<float>;
  table.product[1].panel_columns = kPanelColumns<double>;
  table.product[1].tile_rows = kTileRows;
  table.product[1].product = Product<double>;
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
  table.product[0].fused = table.product[1].fused = true;
#endif
}

}  // namespace SLUICE_KERNELS
}  // namespace sluice
