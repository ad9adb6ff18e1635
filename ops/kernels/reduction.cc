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

// Combines elements of an operation with what came before, and watches for NaN if it drops them: a
// sum of small parts of the elements is NaN if one of them is, and otherwise only if there are
// infinities of both signs.
template <typename T, typename Operation>
struct Accumulator {
  using V = typename VectorOf<T>::Type;
  V value;
  V watch;

  explicit Accumulator(const T* in) : value(Load<V>(in)), watch{} { Watch(value); }
  void Add(const T* in) {
    const V x = Load<V>(in);
    value = Operation::Combine(value, x);
    Watch(x);
  }
  void Watch(V x) {
    // Small enough for any number of elements, and large enough that few parts are denormal.
    constexpr T kPart = 0x1p-60F;
    if constexpr (Operation::kDropsNan) watch = x * kPart + watch;
  }
};

// Whether any lane is NaN.
template <typename T, typename V>
bool AnyNan(V numbers) {
  using Bits = typename BitsOf<T>::Type;
  const auto magnitude = BitCast<typename VectorOf<Bits>::Type>(numbers) & BitsOf<T>::kMagnitude;
  return AnyNegative<Bits>(BitCast<Bits>(static_cast<T>(__builtin_inf())) - magnitude);
}

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

// The lanes of whole rounds of kLanes elements, n of them: as many vectors at a time as there are
// registers for in any instruction set.
template <typename T, typename Operation>
void FillLanes(int64_t n, const T* input, T* lanes, typename VectorOf<T>::Type* watch) {
  constexpr int kCount = VectorOf<T>::kCount;
  using A = Accumulator<T, Operation>;
  for (int lane = 0; lane < kLanes; lane += 4 * kCount) {
    const T* in = input + lane;
    A a(in);
    A b(in + kCount);
    A c(in + 2 * kCount);
    A d(in + 3 * kCount);
    for (int64_t i = kLanes; i < n; i += kLanes) {
      a.Add(in + i);
      b.Add(in + i + kCount);
      c.Add(in + i + 2 * kCount);
      d.Add(in + i + 3 * kCount);
    }
    if constexpr (Operation::kDropsNan) {
      *watch += (a.watch + b.watch) + (c.watch + d.watch);
    }
    Store(a.value, lanes + lane);
    Store(b.value, lanes + lane + kCount);
    Store(c.value, lanes + lane + 2 * kCount);
    Store(d.value, lanes + lane + 3 * kCount);
  }
}

// Lanes by halves, the upper on the lower: vectors first, then a vector within.
template <typename T, typename Operation, int kCount>
T CombineLanes(const T* lanes) {
  using V = typename VectorOf<T>::Type;
  constexpr int kVectors = kCount / VectorOf<T>::kCount;
  V vectors[kVectors];
  for (int i = 0; i < kVectors; ++i) vectors[i] = Load<V>(lanes + i * VectorOf<T>::kCount);
  for (int half = kVectors / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) {
      vectors[i] = Operation::Combine(vectors[i], vectors[i + half]);
    }
  }
  return CombineVector<Operation>(vectors[0]);
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
  return CombineLanes<T, Operation, kFewLanes>(lanes);
}

template <typename T, typename Operation>
T ReduceBlock(int64_t n, const T* input, typename VectorOf<T>::Type* watch) {
  if constexpr (Operation::kDropsNan) {
    const int64_t whole = n < kFew ? 0 : n / kLanes * kLanes;
    if (whole < n && HasNan(n - whole, input + whole)) *watch += static_cast<T>(__builtin_nan(""));
  }
  if (n < kFew) return ReduceFew<T, Operation>(n, input);
  T lanes[kLanes];
  int64_t i = n / kLanes * kLanes;
  FillLanes<T, Operation>(i, input, lanes, watch);
  for (int lane = 0; i < n; ++i, ++lane) lanes[lane] = Operation::Combine(lanes[lane], input[i]);
  return CombineLanes<T, Operation, kLanes>(lanes);
}

template <typename T, typename Operation>
T ReduceRow(int64_t n, const T* in, typename VectorOf<T>::Type* watch) {
  T result = ReduceBlock<T, Operation>(n < kBlock ? n : kBlock, in, watch);
  for (int64_t i = kBlock; i < n; i += kBlock) {
    const int64_t left = n - i < kBlock ? n - i : kBlock;
    result = Operation::Combine(result, ReduceBlock<T, Operation>(left, in + i, watch));
  }
  return result;
}

// n > 0. NaN wins, as in every other op: rows are gone over again if there may be one among them.
template <typename T, typename Operation>
void Reduce(int64_t rows, int64_t n, const void* input, void* output) {
  const T* in = static_cast<const T*>(input);
  T* out = static_cast<T*>(output);
  typename VectorOf<T>::Type watch{};
  for (int64_t row = 0; row < rows; ++row) {
    out[row] = ReduceRow<T, Operation>(n, in + row * n, &watch);
  }
  if (!Operation::kDropsNan || !AnyNan<T>(watch)) return;
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
void ReduceRows(int64_t rows, int64_t columns, int64_t row_elements, const void* input,
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
  table.reduction[0] = {Reduce<float, Sum>, Reduce<float, Largest>, ReduceRows<float, Sum>,
                        ReduceRows<float, LargestOrNan>};
  table.reduction[1] = {Reduce<double, Sum>, Reduce<double, Largest>, ReduceRows<double, Sum>,
                        ReduceRows<double, LargestOrNan>};
}

}  // namespace SLUICE_KERNELS
}  // namespace sluice
