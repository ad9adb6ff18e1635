// Packing of right-hand operands: at the speed of memory, for a weight is packed once a step and
// may be used for few rows.

#include <sluice/ops/kernels/kernel_table.h>
#include <sluice/ops/kernels/product_tile.h>

namespace sluice {
namespace SLUICE_KERNELS {
namespace {

// The columns of the source that go in one panel.
template <typename T>
struct Segment {
  const T* from;  // of the first of them
  MatrixLayout layout;
  int64_t k;
  T* to;  // its place in the panel's first row
  int64_t columns;
};

template <typename T>
void PackRows(const Segment<T>& segment) {
  // Rows so far ahead that memory has the time to answer; the hardware does not foresee short runs.
  constexpr int64_t kRowsAhead = 16;
  const int64_t ahead = kRowsAhead * segment.layout.row;
  const T* from = segment.from;
  T* to = segment.to;
  for (int64_t p = 0; p < segment.k; ++p, from += segment.layout.row, to += kPanelColumns<T>) {
    const char* soon =
        reinterpret_cast<const char*>(p + kRowsAhead < segment.k ? from + ahead : from);
    for (int64_t line = 0; line < segment.columns * static_cast<int64_t>(sizeof(T)); line += 64) {
      __builtin_prefetch(soon + line);
    }
    if (segment.columns == kPanelColumns<T>) {
      for (int v = 0; v < kTileVectors; ++v)
        Store<T>(Load<T>(from + v * kLanes<T>), to + v * kLanes<T>);
    } else {
      CopyRow(from, to, segment.columns);
    }
  }
}

template <typename T>
void PackElements(const Segment<T>& segment) {
  for (int64_t p = 0; p < segment.k; ++p) {
    for (int64_t j = 0; j < segment.columns; ++j) {
      segment.to[p * kPanelColumns<T> + j] =
          segment.from[p * segment.layout.row + j * segment.layout.column];
    }
  }
}

// The lower, or upper, halves of two vectors, one element of each in turn.
template <typename T, int kHalf, int... kIndex>
inline typename VectorOf<T>::Type Interleave(typename VectorOf<T>::Type a,
                                             typename VectorOf<T>::Type b, Indices<kIndex...>) {
  return __builtin_shufflevector(a, b,
                                 (kIndex / 2 + kIndex % 2 * kLanes<T> + kHalf * kLanes<T> / 2)...);
}

// Rows of a square block of kLanes become its columns: log2(kLanes) perfect shuffles.
template <typename T>
inline void Transpose(typename VectorOf<T>::Type* rows) {
  using Vector = typename VectorOf<T>::Type;
  using Order = typename MakeIndices<kLanes<T>>::Type;
#pragma GCC unroll 8
  for (int step = 1; step < kLanes<T>; step *= 2) {
    Vector next[kLanes<T>];
#pragma GCC unroll 16
    for (int i = 0; i < kLanes<T> / 2; ++i) {
      next[2 * i] = Interleave<T, 0>(rows[i], rows[i + kLanes<T> / 2], Order());
      next[2 * i + 1] = Interleave<T, 1>(rows[i], rows[i + kLanes<T> / 2], Order());
    }
#pragma GCC unroll 16
    for (int i = 0; i < kLanes<T>; ++i) rows[i] = next[i];
  }
}

// Along each of the source's rows: a panel reads more of them at once than the hardware follows.
inline constexpr int64_t kAheadBytes = 128;

// A block of kLanes rows of the packed operand and up to as many columns.
template <typename T>
inline void PackBlock(const T* from, int64_t column, T* to, int64_t columns) {
  typename VectorOf<T>::Type rows[kLanes<T>];
#pragma GCC unroll 16
  for (int j = 0; j < kLanes<T>; ++j) {
    const T* row = from + (j < columns ? j : columns - 1) * column;
    __builtin_prefetch(reinterpret_cast<const char*>(row) + kAheadBytes);
    rows[j] = Load<T>(row);
  }
  Transpose<T>(rows);
  if (columns >= kLanes<T>) {
#pragma GCC unroll 16
    for (int p = 0; p < kLanes<T>; ++p) Store<T>(rows[p], to + p * kPanelColumns<T>);
    return;
  }
  for (int p = 0; p < kLanes<T>; ++p) {
    T place[kLanes<T>];
    Store<T>(rows[p], place);
    CopyRest<T, kLanes<T>>(place, to + p * kPanelColumns<T>, columns);
  }
}

template <typename T>
void PackTransposed(const Segment<T>& segment) {
  if (segment.k < kLanes<T>) return PackElements(segment);
  for (int64_t p = 0; p < segment.k; p += kLanes<T>) {
    const int64_t start = Smaller(p, segment.k - kLanes<T>);  // the last block overlaps
    for (int64_t j = 0; j < segment.columns; j += kLanes<T>) {
      PackBlock(segment.from + start + j * segment.layout.column, segment.layout.column,
                segment.to + start * kPanelColumns<T> + j, segment.columns - j);
    }
  }
}

template <typename T>
void Pack(const PackTask& task) {
  const int64_t column_end = task.column_begin + task.n;
  for (int64_t panel = task.panel_begin; panel < task.panel_end; ++panel) {
    const int64_t first = panel * kPanelColumns<T>;
    const int64_t begin = Larger(first, task.column_begin);
    const int64_t end = Smaller(first + kPanelColumns<T>, column_end);
    Segment<T> segment;
    segment.layout = task.b_layout;
    segment.from =
        static_cast<const T*>(task.b) + (begin - task.column_begin) * task.b_layout.column;
    segment.k = task.k;
    T* panel_rows = static_cast<T*>(task.packed) + panel * task.k * kPanelColumns<T>;
    segment.to = panel_rows + (begin - first);
    segment.columns = end - begin;
    if (column_end == task.packed_n) {
      for (int64_t p = 0; p < task.k; ++p) {
        for (int64_t j = Larger(column_end - first, 0); j < kPanelColumns<T>; ++j)
          panel_rows[p * kPanelColumns<T> + j] = 0;
      }
    }
    if (segment.columns <= 0) continue;
    if (task.b_layout.column == 1) {
      PackRows(segment);
    } else if (task.b_layout.row == 1) {
      PackTransposed(segment);
    } else {
      PackElements(segment);
    }
  }
}

}  // namespace

void FillPack(KernelTable& table) {
  table.product[0].pack = Pack<float>;
  table.product[1].pack = Pack<double>;
}

}  // namespace SLUICE_KERNELS
}  // namespace sluice
