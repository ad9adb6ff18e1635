// Sums and maxima of contiguous elements, in lanes that do not depend on the instruction set and
// then over the lanes; and of rows, column by column.

#include <sluice/ops/kernels/kernel_table.h>
#include <sluice/ops/kernels/vectors.h>

namespace sluice {
namespace SLUICE_KERNELS {
namespace {

// Four of the widest vectors: an addition waits for the one before it, and four vectors of them do
// so at once. Few elements take fewer lanes.
constexpr int kLanes = 64;
constexpr int kFewLanes = 16;
constexpr int64_t kFew = 4 * kLanes;
// Sums of blocks are added up: rounding grows with the blocks, not with n.
constexpr int64_t kBlock = 32 * kLanes;

template <typename T>
struct VectorOf {
  using Type [[gnu::vector_size(kVectorBytes)]] = T;
  static constexpr int kCount = kVectorBytes / sizeof(T);
};

// Of numbers and of vectors of them.
struct Sum {
  static constexpr bool kDropsNan = false;
  template <typename V>
  static V Combine(V a, V b) {
    return a + b;
  }
};
// A NaN b does not count: one instruction. Whether there is NaN is found out besides.
struct Largest {
  static constexpr bool kDropsNan = true;
  template <typename V>
  static V Combine(V a, V b) {
    return b > a ? b : a;
  }
};

// Bits of floats without their sign are in the order of the numbers, and those of NaN above all.
template <typename T>
struct BitsOf;
template <>
struct BitsOf<float> {
  using Type = int32_t;
  static constexpr int32_t kMagnitude = 0x7FFFFFFF;
};
template <>
struct BitsOf<double> {
  using Type = int64_t;
  static constexpr int64_t kMagnitude = 0x7FFFFFFFFFFFFFFF;
};

template <typename T>
bool HasNan(int64_t n, const T* input) {
  using Bits = typename BitsOf<T>::Type;
  Bits most = 0;
  for (int64_t i = 0; i < n; ++i) {
    most = Largest::Combine(most, BitCast<Bits>(input[i]) & BitsOf<T>::kMagnitude);
  }
  return most > BitCast<Bits>(static_cast<T>(__builtin_inf()));
}

// Whether there was NaN among what it saw.
#if defined(__AVX512F__)
inline uint16_t Unordered(Floats a, Floats b) {
  return __builtin_ia32_cmpps512_mask(a, b, /*unordered*/ 3, -1, /*rounding as it is*/ 4);
}
inline uint8_t Unordered(VectorOf<double>::Type a, VectorOf<double>::Type b) {
  return __builtin_ia32_cmppd512_mask(a, b, 3, -1, 4);
}

template <typename T>
struct NanWatch {
  using V = typename VectorOf<T>::Type;
  uint32_t lanes = 0;

  void See(V x) { See(x, x); }
  void See(V x, V y) { lanes |= Unordered(x, y); }
  void SeeNan() { lanes = 1; }
  void Add(const NanWatch& other) { lanes |= other.lanes; }
  bool Found() const { return lanes != 0; }
};
#else
// A sum of small parts of the elements is NaN if one of them is, and otherwise only if there are
// infinities of both signs.
template <typename T>
struct NanWatch {
  using V = typename VectorOf<T>::Type;
  // Small enough for any number of elements, and large enough that few parts are denormal.
  static constexpr T kPart = 0x1p-60F;
  V sum = {};

  void See(V x) { sum = x * kPart + sum; }
  void See(V x, V y) {
    See(x);
    See(y);
  }
  void SeeNan() { sum += static_cast<T>(__builtin_nan("")); }
  void Add(const NanWatch& other) { sum += other.sum; }
  bool Found() const {
    using Bits = typename BitsOf<T>::Type;
    const auto magnitude = BitCast<typename VectorOf<Bits>::Type>(sum) & BitsOf<T>::kMagnitude;
    return AnyNegative<Bits>(BitCast<Bits>(static_cast<T>(__builtin_inf())) - magnitude);
  }
};
#endif

// Combines a vector's elements of one row, or of each of two that are `apart` elements from each
// other, with what came before, and watches for NaN if the operation drops them.
template <typename T, typename Operation, int kRows>
struct Accumulator {
  using V = typename VectorOf<T>::Type;
  V values[kRows];
  NanWatch<T> watch;

  Accumulator(const T* in, int64_t apart) {
    for (int row = 0; row < kRows; ++row) values[row] = Load<V>(in + row * apart);
    Watch(values);
  }
  void Add(const T* in, int64_t apart) {
    V x[kRows];
    for (int row = 0; row < kRows; ++row) {
      x[row] = Load<V>(in + row * apart);
      values[row] = Operation::Combine(values[row], x[row]);
    }
    Watch(x);
  }
  void Watch(const V* x) {
    if constexpr (!Operation::kDropsNan) return;
    if constexpr (kRows == 2) {
      watch.See(x[0], x[1]);
    } else {
      watch.See(x[0]);
    }
  }
};

template <typename Operation, typename V>
auto CombineVector(V v) {
  constexpr int kCount = sizeof(V) / sizeof(v[0]);
  if constexpr (kCount == 16) {
    return CombineVector<Operation>(
        Operation::Combine(__builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7),
                           __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15)));
  } else if constexpr (kCount == 8) {
    return CombineVector<Operation>(Operation::Combine(__builtin_shufflevector(v, v, 0, 1, 2, 3),
                                                       __builtin_shufflevector(v, v, 4, 5, 6, 7)));
  } else if constexpr (kCount == 4) {
    return CombineVector<Operation>(Operation::Combine(__builtin_shufflevector(v, v, 0, 1),
                                                       __builtin_shufflevector(v, v, 2, 3)));
  } else {
    return Operation::Combine(v[0], v[1]);
  }
}

// kCount lanes, in vectors.
template <typename T, int kCount>
struct Lanes {
  using V = typename VectorOf<T>::Type;
  static constexpr int kVectors = kCount / VectorOf<T>::kCount;
  V vectors[kVectors];
};

// The lanes of whole rounds of kLanes elements, n of them: as many vectors at a time as there are
// registers for in any instruction set.
template <typename T, typename Operation, int kRows>
inline void FillLanes(int64_t n, const T* input, int64_t apart, Lanes<T, kLanes>* lanes,
                      NanWatch<T>* watch) {
  constexpr int kCount = VectorOf<T>::kCount;
  using A = Accumulator<T, Operation, kRows>;
  SLUICE_UNROLL
  for (int lane = 0; lane < kLanes; lane += 4 * kCount) {
    const T* in = input + lane;
    A a(in, apart);
    A b(in + kCount, apart);
    A c(in + 2 * kCount, apart);
    A d(in + 3 * kCount, apart);
    for (int64_t i = kLanes; i < n; i += kLanes) {
      a.Add(in + i, apart);
      b.Add(in + i + kCount, apart);
      c.Add(in + i + 2 * kCount, apart);
      d.Add(in + i + 3 * kCount, apart);
    }
    if constexpr (Operation::kDropsNan) {
      a.watch.Add(b.watch);
      c.watch.Add(d.watch);
      a.watch.Add(c.watch);
      watch->Add(a.watch);
    }
    SLUICE_UNROLL
    for (int row = 0; row < kRows; ++row) {
      auto* const vectors = &lanes[row].vectors[lane / kCount];
      vectors[0] = a.values[row];
      vectors[1] = b.values[row];
      vectors[2] = c.values[row];
      vectors[3] = d.values[row];
    }
  }
}

// Lanes by halves, the upper on the lower: vectors first, then a vector within.
template <typename T, typename Operation, int kCount>
inline T CombineLanes(Lanes<T, kCount> lanes) {
  SLUICE_UNROLL
  for (int half = lanes.kVectors / 2; half > 0; half /= 2) {
    SLUICE_UNROLL
    for (int i = 0; i < half; ++i) {
      lanes.vectors[i] = Operation::Combine(lanes.vectors[i], lanes.vectors[i + half]);
    }
  }
  return CombineVector<Operation>(lanes.vectors[0]);
}

template <typename T, typename Operation>
T ReduceFew(int64_t n, const T* input) {
  if (n < kFewLanes) {
    T result = input[0];
    for (int64_t i = 1; i < n; ++i) result = Operation::Combine(result, input[i]);
    return result;
  }
  T lanes[kFewLanes];
  for (int lane = 0; lane < kFewLanes; ++lane) lanes[lane] = input[lane];
  int64_t i = kFewLanes;
  for (; i + kFewLanes <= n; i += kFewLanes) {
    for (int lane = 0; lane < kFewLanes; ++lane) {
      lanes[lane] = Operation::Combine(lanes[lane], input[i + lane]);
    }
  }
  for (int lane = 0; i < n; ++i, ++lane) lanes[lane] = Operation::Combine(lanes[lane], input[i]);
  Lanes<T, kFewLanes> in_vectors;
  __builtin_memcpy(&in_vectors, lanes, sizeof lanes);
  return CombineLanes<T, Operation, kFewLanes>(in_vectors);
}

// Elements beyond whole rounds: fewer than there are lanes. Not inlined, for lanes whose address is
// taken would go through memory always.
template <typename T, typename Operation>
[[gnu::noinline]] Lanes<T, kLanes> WithRest(int64_t n, const T* input, Lanes<T, kLanes> lanes) {
  T numbers[kLanes];
  __builtin_memcpy(numbers, &lanes, sizeof lanes);
  for (int64_t i = 0; i < n; ++i) numbers[i] = Operation::Combine(numbers[i], input[i]);
  __builtin_memcpy(&lanes, numbers, sizeof lanes);
  return lanes;
}

template <typename T, typename Operation, int kRows>
inline void ReduceBlock(int64_t n, const T* input, int64_t apart, T* results, NanWatch<T>* watch) {
  const int64_t whole = n < kFew ? 0 : n / kLanes * kLanes;
  if constexpr (Operation::kDropsNan) {
    for (int row = 0; row < kRows; ++row) {
      if (whole < n && HasNan(n - whole, input + row * apart + whole)) watch->SeeNan();
    }
  }
  if (whole == 0) {
    for (int row = 0; row < kRows; ++row)
      results[row] = ReduceFew<T, Operation>(n, input + row * apart);
    return;
  }
  Lanes<T, kLanes> lanes[kRows];
  FillLanes<T, Operation, kRows>(whole, input, apart, lanes, watch);
  SLUICE_UNROLL
  for (int row = 0; row < kRows; ++row) {
    if (whole < n) {
      lanes[row] = WithRest<T, Operation>(n - whole, input + row * apart + whole, lanes[row]);
    }
    results[row] = CombineLanes<T, Operation, kLanes>(lanes[row]);
  }
}

template <typename T, typename Operation, int kRows>
inline void ReduceRows(int64_t n, const T* input, int64_t apart, T* results, NanWatch<T>* watch) {
  ReduceBlock<T, Operation, kRows>(n < kBlock ? n : kBlock, input, apart, results, watch);
  for (int64_t i = kBlock; i < n; i += kBlock) {
    const int64_t left = n - i < kBlock ? n - i : kBlock;
    T of_block[kRows];
    ReduceBlock<T, Operation, kRows>(left, input + i, apart, of_block, watch);
    for (int row = 0; row < kRows; ++row) {
      results[row] = Operation::Combine(results[row], of_block[row]);
    }
  }
}

// n > 0. NaN wins, as in every other op: rows are gone over again if there may be one among them.
// Two rows at a time, far apart: the second-level cache gives more to two streams of reads than to
// one, and one look finds a NaN of either row.
template <typename T, typename Operation>
void Reduce(int64_t rows, int64_t n, const void* input, void* output) {
  const T* in = static_cast<const T*>(input);
  T* out = static_cast<T*>(output);
  NanWatch<T> watch;
  const int64_t half = rows / 2;
  for (int64_t row = 0; row < half; ++row) {
    T results[2];
    ReduceRows<T, Operation, 2>(n, in + row * n, half * n, results, &watch);
    out[row] = results[0];
    out[row + half] = results[1];
  }
  if (rows % 2 != 0) {
    ReduceRows<T, Operation, 1>(n, in + (rows - 1) * n, 0, &out[rows - 1], &watch);
  }
  if (!Operation::kDropsNan || !watch.Found()) return;
  for (int64_t row = 0; row < rows; ++row) {
    if (HasNan(n, in + row * n)) out[row] = static_cast<T>(__builtin_nan(""));
  }
}

// ---- Rows, column by column ----

struct LargestOrNan {
  template <typename V>
  static V Combine(V a, V b) {
    return ((b > a) | (b != b)) ? b : a;
  }
};

template <typename T, typename Operation, int kVectors>
void ReduceStrip(int64_t rows, int64_t row_elements, const T* in, T* out) {
  using V = typename VectorOf<T>::Type;
  constexpr int kCount = VectorOf<T>::kCount;
  V sums[kVectors];
  for (int i = 0; i < kVectors; ++i) sums[i] = Load<V>(in + i * kCount);
  for (int64_t row = 1; row < rows; ++row) {
    in += row_elements;
    for (int i = 0; i < kVectors; ++i) {
      sums[i] = Operation::Combine(sums[i], Load<V>(in + i * kCount));
    }
  }
  for (int i = 0; i < kVectors; ++i) Store(sums[i], out + i * kCount);
}

template <typename T, typename Operation>
void ReduceColumns(int64_t rows, int64_t columns, int64_t row_elements, const void* input,
                   void* output) {
  constexpr int kCount = VectorOf<T>::kCount;
  const T* in = static_cast<const T*>(input);
  T* out = static_cast<T*>(output);
  int64_t column = 0;
  for (; column + 4 * kCount <= columns; column += 4 * kCount) {
    ReduceStrip<T, Operation, 4>(rows, row_elements, in + column, out + column);
  }
  for (; column + kCount <= columns; column += kCount) {
    ReduceStrip<T, Operation, 1>(rows, row_elements, in + column, out + column);
  }
  for (; column < columns; ++column) {
    T result = in[column];
    for (int64_t row = 1; row < rows; ++row) {
      result = Operation::Combine(result, in[row * row_elements + column]);
    }
    out[column] = result;
  }
}

}  // namespace

void FillReduction(KernelTable& table) {
  table.reduction[0] = {Reduce<float, Sum>, Reduce<float, Largest>, ReduceColumns<float, Sum>,
                        ReduceColumns<float, LargestOrNan>};
  table.reduction[1] = {Reduce<double, Sum>, Reduce<double, Largest>, ReduceColumns<double, Sum>,
                        ReduceColumns<double, LargestOrNan>};
}

}  // namespace SLUICE_KERNELS
}  // namespace sluice
