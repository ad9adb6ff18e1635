// The packed product. Compiled with contraction of a * b + c to one instruction, which each tile
// means.

#include <sluice/ops/kernels/kernel_table.h>

namespace sluice {
namespace SLUICE_KERNELS {
namespace {

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
  typedef T Type __attribute__((vector_size(kVectorBytes), aligned(sizeof(T)), may_alias));
};

template <typename T>
inline constexpr int64_t kPanelColumns = int64_t{kTileVectors} * VectorOf<T>::kLanes;

// One register tile: c (kRows, columns) = a (kRows, k) · panel (k, kVectors vectors of a panel
// row).
template <typename T, int kRows, int kVectors>
void ProductTile(int64_t k, const T* a, MatrixLayout a_layout, const T* panel, T* c, int64_t c_row,
                 int64_t columns, bool accumulate) {
  using Vector = typename VectorOf<T>::Type;
  constexpr int kLanes = VectorOf<T>::kLanes;
  Vector sums[kRows][kVectors] = {};
  if (accumulate) {
    for (int r = 0; r < kRows; ++r) {
      T* row = reinterpret_cast<T*>(sums[r]);
      for (int64_t column = 0; column < columns; ++column) row[column] = c[r * c_row + column];
    }
  }
  for (int64_t p = 0; p < k; ++p) {
    Vector b[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      b[v] = *reinterpret_cast<const Vector*>(panel + p * kPanelColumns<T> + v * kLanes);
    }
    for (int r = 0; r < kRows; ++r) {
      const T scalar = a[r * a_layout.row + p * a_layout.column];
      for (int v = 0; v < kVectors; ++v) sums[r][v] += scalar * b[v];
    }
  }
  if (columns >= kVectors * kLanes) {
    for (int r = 0; r < kRows; ++r) {
      for (int v = 0; v < kVectors; ++v) {
        *reinterpret_cast<Vector*>(c + r * c_row + v * kLanes) = sums[r][v];
      }
    }
    return;
  }
  for (int r = 0; r < kRows; ++r) {
    const T* row = reinterpret_cast<const T*>(sums[r]);
    for (int64_t column = 0; column < columns; ++column) c[r * c_row + column] = row[column];
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
using TileKernel = void (*)(int64_t, const T*, MatrixLayout, const T*, T*, int64_t, int64_t, bool);

// kernels[rows - 1][vectors - 1]: every size of a remainder.
template <typename T, int... kRows>
TileKernel<T> TileFor(int64_t rows, int64_t vectors, Indices<kRows...>) {
  static constexpr TileKernel<T> kKernels[][3] = {
      {ProductTile<T, kRows + 1, 1>, ProductTile<T, kRows + 1, 2>,
       ProductTile<T, kRows + 1, kTileVectors>}...};  // the last two are one where tiles have two
                                                      // vectors
  return kKernels[rows - 1][vectors - 1];
}

template <typename T>
void Product(const ProductTask& task) {
  const T* a = static_cast<const T*>(task.a);
  const T* packed = static_cast<const T*>(task.packed_b);
  T* c = static_cast<T*>(task.c);
  constexpr int kLanes = VectorOf<T>::kLanes;
  for (int64_t panel = task.panel_begin; panel < task.panel_end; ++panel) {
    const int64_t column = panel * kPanelColumns<T>;
    const int64_t rest = task.n - column;
    const int64_t columns = rest < kPanelColumns<T> ? rest : kPanelColumns<T>;
    const int64_t vectors = (columns + kLanes - 1) / kLanes;
    for (int64_t row = task.row_begin; row < task.row_end; row += kTileRows) {
      const int64_t rows = task.row_end - row < kTileRows ? task.row_end - row : kTileRows;
      TileFor<T>(rows, vectors, typename MakeIndices<kTileRows>::Type())(
          task.k, a + row * task.a_layout.row, task.a_layout,
          packed + panel * task.k * kPanelColumns<T>, c + row * task.c_row + column, task.c_row,
          columns, task.accumulate);
    }
  }
}

template <typename T>
void Pack(const void* b, MatrixLayout layout, int64_t k, int64_t n, int64_t panel_begin,
          int64_t panel_end, void* packed) {
  const T* from = static_cast<const T*>(b);
  for (int64_t panel = panel_begin; panel < panel_end; ++panel) {
    const int64_t column = panel * kPanelColumns<T>;
    const int64_t rest = n - column;
    const int64_t columns = rest < kPanelColumns<T> ? rest : kPanelColumns<T>;
    T* to = static_cast<T*>(packed) + panel * k * kPanelColumns<T>;
    if (layout.column == 1) {
      for (int64_t p = 0; p < k; ++p, to += kPanelColumns<T>) {
        const T* row = from + p * layout.row + column;
        for (int64_t j = 0; j < columns; ++j) to[j] = row[j];
        for (int64_t j = columns; j < kPanelColumns<T>; ++j) to[j] = 0;
      }
    } else {
      // Transposed: read along memory, in blocks of rows that keep the writes within the
      // first-level cache.
      constexpr int64_t kBlock = 16;
      for (int64_t p0 = 0; p0 < k; p0 += kBlock) {
        const int64_t p1 = p0 + kBlock < k ? p0 + kBlock : k;
        for (int64_t j = 0; j < kPanelColumns<T>; ++j) {
          const T* read = from + (column + j) * layout.column;
          for (int64_t p = p0; p < p1; ++p) {
            to[p * kPanelColumns<T> + j] = j < columns ? read[p * layout.row] : T(0);
          }
        }
      }
    }
  }
}

template <typename T>
constexpr ProductKernels KernelsOf() {
  return {kPanelColumns<T>, kTileRows, Pack<T>, Product<T>};
}

}  // namespace

void FillProduct(KernelTable& table) {
  table.product[0] = KernelsOf<float>();
  table.product[1] = KernelsOf<double>();
}

}  // namespace SLUICE_KERNELS
}  // namespace sluice
