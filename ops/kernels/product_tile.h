#ifndef SLUICE_OPS_KERNELS_PRODUCT_TILE_H_
#define SLUICE_OPS_KERNELS_PRODUCT_TILE_H_

#include <sluice/ops/kernels/kernel_table.h>

// The register tiles of matrix products. Included by kernels only, inside a namespace of the
// instruction set; their files are compiled with contraction of a * b + c to one instruction, which
// each tile means.

namespace sluice {
namespace SLUICE_KERNELS {
namespace {

// A tile holds rows x vectors accumulators, one row of B and one number of A in registers. It wants
// at least 8 accumulators (a multiply-add takes 4 cycles, 2 start in each) and, for each load of
// which 2 start in a cycle, at least as many multiply-adds.
#if defined(__AVX512F__)
inline constexpr int kVectorBytes = 64;
inline constexpr int kTileRows = 8;  // 8 x 3 accumulators, 3 of B, 1 of A: 28 of 32 registers
inline constexpr int kTileVectors = 3;
#elif defined(__AVX__)
inline constexpr int kVectorBytes = 32;
inline constexpr int kTileRows = 6;  // 6 x 2 + 2 + 1 of 16 registers
inline constexpr int kTileVectors = 2;
#else
inline constexpr int kVectorBytes = 16;
inline constexpr int kTileRows = 6;
inline constexpr int kTileVectors = 2;
#endif

template <typename T>
struct VectorOf {
  static constexpr int kLanes = kVectorBytes / static_cast<int>(sizeof(T));
  typedef T Type __attribute__((vector_size(kVectorBytes)));
};

template <typename T>
inline constexpr int kLanes = VectorOf<T>::kLanes;
template <typename T>
inline constexpr int64_t kPanelColumns = int64_t{kTileVectors} * VectorOf<T>::kLanes;
template <typename T>
inline constexpr int64_t kPanelRowBytes = kPanelColumns<T>* int64_t{sizeof(T)};

inline int64_t Smaller(int64_t a, int64_t b) { return b < a ? b : a; }
constexpr int64_t Larger(int64_t a, int64_t b) { return a < b ? b : a; }
constexpr int64_t CeilingOfQuotient(int64_t a, int64_t b) { return (a + b - 1) / b; }

// A vector anywhere in memory. In a struct, because clang forgets the alignment of a type that goes
// through templates and would use instructions that fault.
template <typename T>
struct Unaligned {
  typename VectorOf<T>::Type vector;
} __attribute__((packed, may_alias));

template <typename T>
inline typename VectorOf<T>::Type Load(const void* data) {
  return static_cast<const Unaligned<T>*>(data)->vector;
}
template <typename T>
inline void Store(typename VectorOf<T>::Type vector, void* data) {
  static_cast<Unaligned<T>*>(data)->vector = vector;
}

inline constexpr int64_t kLineBytes = 64;
// Steps of k between two prefetches: in the innermost loop they would take registers and slots.
inline constexpr int64_t kAheadSteps = 16;

// c (rows, columns) = start (rows, columns) + a (rows, k) · b (k, columns), from 0 without a start.
// B is one panel or several. Strides of A and B are in bytes: with elements, compilers write one
// more loop for each stride that could be 1.
template <typename T>
struct TileTask {
  int64_t k;
  const char* a;
  int64_t a_row;
  int64_t a_column;
  const char* b;
  int64_t b_row;
  int64_t b_panel;  // from one panel to the next
  bool across;      // the tile is the last vector of one panel and the first of the next
  T* c;
  int64_t c_row;   // elements
  const T* start;  // may be c
  int64_t start_row;
  // Memory to bring into the second-level cache meanwhile: so many lines for each kAheadSteps steps
  // of k, each `ahead_step` bytes after those before.
  const char* ahead;
  int64_t ahead_lines;
  int64_t ahead_step;
  // Rows that a later tile starts from, one for each kAheadSteps steps, into the first-level cache:
  // they were often written long ago, and all of them at once would keep B waiting.
  const T* next_start;
  int64_t next_start_rows;
  char* copy;  // where rows of B are put besides, kPanelRowBytes each, by a tile that copies
};

// kVectors of each of kPanels panels. Loops over registers are unrolled by order: gcc keeps the
// accumulators in memory otherwise, before and after the loop over k.
template <typename T, int kRows, int kVectors, int kPanels = 1, bool kCopies = false>
void ProductTile(const TileTask<T>& task) {
  using Vector = typename VectorOf<T>::Type;
  constexpr int kAll = kVectors * kPanels;
  Vector sums[kRows][kAll] = {};
  T* const c = task.c;
  const int64_t c_row = task.c_row;
  if (task.start != nullptr) {
    const T* const start = task.start;
    const int64_t start_row = task.start_row;
#pragma GCC unroll 32
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 32
      for (int v = 0; v < kAll; ++v) sums[r][v] = Load<T>(start + r * start_row + v * kLanes<T>);
    }
  }
  const char* a = task.a;
  const char* b = task.b;
  const char* ahead = task.ahead;
  const char* next_start = reinterpret_cast<const char*>(task.next_start);
  int64_t next_start_rows = task.next_start_rows;
  const int64_t next_start_row = task.start_row * int64_t{sizeof(T)};
  const int64_t a_row = task.a_row;
  const int64_t a_column = task.a_column;
  const int64_t b_row = task.b_row;
  const int64_t b_panel = task.b_panel;
  [[maybe_unused]] char* copy = task.copy;
  for (int64_t left = task.k; left > 0; left -= kAheadSteps) {
    for (int64_t line = 0; line < task.ahead_lines; ++line) {
      __builtin_prefetch(ahead + line * kLineBytes, 0, 2);
    }
    ahead += task.ahead_step;
    if (next_start_rows > 0) {
      constexpr int kBytes = kTileVectors * kVectorBytes;
      for (int b = 0; b < kBytes; b += kLineBytes) __builtin_prefetch(next_start + b);
      __builtin_prefetch(next_start + kBytes - 1);
      next_start += next_start_row;
      --next_start_rows;
    }
    for (int64_t p = Smaller(left, kAheadSteps); p > 0; --p) {
      Vector row[kAll];
#pragma GCC unroll 32
      for (int v = 0; v < kAll; ++v) {
        row[v] = Load<T>(b + v / kVectors * b_panel + v % kVectors * kVectorBytes);
      }
      if constexpr (kCopies) {
#pragma GCC unroll 32
        for (int v = 0; v < kAll; ++v) {
          Store<T>(row[v], reinterpret_cast<T*>(copy + v * kVectorBytes));
        }
        copy += kPanelRowBytes<T>;
      }
#pragma GCC unroll 32
      for (int r = 0; r < kRows; ++r) {
        const T number = *reinterpret_cast<const T*>(a + r * a_row);
#pragma GCC unroll 32
        for (int v = 0; v < kAll; ++v) sums[r][v] += number * row[v];
      }
      a += a_column;
      b += b_row;
    }
  }
#pragma GCC unroll 32
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 32
    for (int v = 0; v < kAll; ++v) Store<T>(sums[r][v], c + r * c_row + v * kLanes<T>);
  }
}

template <int... kIndex>
struct Indices {};
template <int kCount, int... kIndex>
struct MakeIndices : MakeIndices<kCount - 1, kCount - 1, kIndex...> {};
template <int... kIndex>
struct MakeIndices<0, kIndex...> {
  using Type = Indices<kIndex...>;
};

template <typename T>
using TileKernel = void (*)(const TileTask<T>&);

// Of one panel: every size of a remainder.
template <typename T, int... kRow>
TileKernel<T> TileFor(int64_t rows, int64_t vectors, Indices<kRow...>) {
  static constexpr TileKernel<T> kKernels[][3] = {
      {ProductTile<T, kRow + 1, 1>, ProductTile<T, kRow + 1, 2>,
       ProductTile<T, kRow + 1, kTileVectors>}...};  // the last two are one where tiles have two
                                                     // vectors
  return kKernels[rows - 1][vectors - 1];
}

// One row, or two, have too few accumulators in one panel to keep the multiply-adds going.
inline constexpr int kFewRows = 2;
inline constexpr int kMostPanels = 4;

// Panels that a tile of so many rows passes at once, if there are so many.
inline int64_t PanelsAtOnce(int64_t rows) { return rows > kFewRows ? 1 : kMostPanels / rows; }

template <typename T>
TileKernel<T> TileForFewRows(int64_t rows, int64_t panels) {
  static constexpr TileKernel<T> kKernels[kFewRows][kMostPanels] = {
      {ProductTile<T, 1, kTileVectors, 1>, ProductTile<T, 1, kTileVectors, 2>,
       ProductTile<T, 1, kTileVectors, 3>, ProductTile<T, 1, kTileVectors, 4>},
      {ProductTile<T, 2, kTileVectors, 1>, ProductTile<T, 2, kTileVectors, 2>}};
  return kKernels[rows - 1][panels - 1];
}

// Where C ends with a single vector in its last panel, too few accumulators to keep the
// multiply-adds going: the last two panels, of kTileVectors and one, are two tiles of half of them
// each, the second of which is across.
template <typename T>
inline constexpr int64_t kHalfColumns = int64_t{(kTileVectors + 1) / 2} * kLanes<T>;

// Whether that is so where `columns` are left.
template <typename T>
bool TakesHalves(int64_t columns) {
  return kTileVectors == 3 && columns > kPanelColumns<T> && columns <= 2 * kHalfColumns<T>;
}

// The distance between the vectors of the right half, if panels are `panel` bytes apart.
inline int64_t AcrossBytes(int64_t panel) {
  return panel - int64_t{kTileVectors - 1} * kVectorBytes;
}

template <typename T, int... kRow>
TileKernel<T> TileAcross(int64_t rows, Indices<kRow...>) {
  static constexpr TileKernel<T> kKernels[] = {ProductTile<T, kRow + 1, 1, 2>...};
  return kKernels[rows - 1];
}

// Full tiles that copy.
template <typename T>
TileKernel<T> TileThatCopies(int64_t vectors) {
  static constexpr TileKernel<T> kKernels[] = {ProductTile<T, kTileRows, 1, 1, true>,
                                               ProductTile<T, kTileRows, 2, 1, true>,
                                               ProductTile<T, kTileRows, kTileVectors, 1, true>};
  return kKernels[vectors - 1];
}

// Copies `count` < kCount elements in pieces of powers of two.
template <typename T, int kCount>
inline void CopyRest(const T* from, T* to, int64_t count) {
  if constexpr (kCount > 1) {
    constexpr int kHalf = kCount / 2;
    if (count >= kHalf) {
      __builtin_memcpy(to, from, kHalf * sizeof(T));
      from += kHalf;
      to += kHalf;
      count -= kHalf;
    }
    CopyRest<T, kHalf>(from, to, count);
  }
}

template <typename T>
inline void CopyRow(const T* from, T* to, int64_t count) {
  for (; count >= kLanes<T>; count -= kLanes<T>, from += kLanes<T>, to += kLanes<T>) {
    Store<T>(Load<T>(from), to);
  }
  CopyRest<T, kLanes<T>>(from, to, count);
}

// The tile of so many rows and columns; columns end within the last vector of the last panel.
template <typename T>
void RunTile(const TileTask<T>& task, int64_t rows, int64_t columns) {
  const int64_t vectors = CeilingOfQuotient(columns, kLanes<T>);
  using AllRows = typename MakeIndices<kTileRows>::Type;
  const TileKernel<T> kernel =
      task.copy != nullptr     ? TileThatCopies<T>(vectors)
      : task.across            ? TileAcross<T>(rows, AllRows())
      : vectors > kTileVectors ? TileForFewRows<T>(rows, CeilingOfQuotient(vectors, kTileVectors))
                               : TileFor<T>(rows, vectors, AllRows());
  const int64_t whole = vectors > kTileVectors
                            ? CeilingOfQuotient(vectors, kTileVectors) * kPanelColumns<T>
                            : vectors * kLanes<T>;
  if (columns == whole) return kernel(task);
  // Whole vectors would write beside C: the tile is computed in a place of its own.
  constexpr int64_t kMost = Larger(kTileRows, kMostPanels) * kPanelColumns<T>;
  alignas(kVectorBytes) T place[kMost];
  TileTask<T> in_place = task;
  in_place.c = place;
  in_place.c_row = whole;
  if (task.start != nullptr) {
    for (int64_t r = 0; r < rows; ++r) {
      CopyRow(task.start + r * task.start_row, place + r * whole, columns);
    }
    in_place.start = place;
    in_place.start_row = whole;
  }
  kernel(in_place);
  for (int64_t r = 0; r < rows; ++r) {
    CopyRow(static_cast<const T*>(place + r * whole), task.c + r * task.c_row, columns);
  }
}

// Rows of the next tile where `rows` are left: tiles are full but the last two, which share what is
// left, for a tile of one or two rows takes as long as one of four.
inline int64_t NextTileRows(int64_t rows) {
  if (rows <= kTileRows) return rows;
  return rows >= 2 * kTileRows ? kTileRows : (rows + 1) / 2;
}

}  // namespace
}  // namespace SLUICE_KERNELS
}  // namespace sluice

#endif  // SLUICE_OPS_KERNELS_PRODUCT_TILE_H_
