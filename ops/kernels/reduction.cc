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
  template <typename V>
  static V Combine(V a, V b) {
    return a + b;
  }
};
// A NaN b does not count: one instruction. Who cares looks for NaN besides.
struct Largest {
  template <typename V>
  static V Combine(V a, V b) {
    return b > a ? b : a;
  }
};

// The lanes of whole rounds of kLanes elements, n of them: as many vectors at a time as there are
// registers for in any instruction set.
template <typename T, typename Operation>
void FillLanes(int64_t n, const T* input, T* lanes) {
  using V = typename VectorOf<T>::Type;
  constexpr int kCount = VectorOf<T>::kCount;
  for (int lane = 0; lane < kLanes; lane += 4 * kCount) {
    const T* in = input + lane;
    V a = Load<V>(in);
    V b = Load<V>(in + kCount);
    V c = Load<V>(in + 2 * kCount);
    V d = Load<V>(in + 3 * kCount);
    for (int64_t i = kLanes; i < n; i += kLanes) {
      a = Operation::Combine(a, Load<V>(in + i));
      b = Operation::Combine(b, Load<V>(in + i + kCount));
      c = Operation::Combine(c, Load<V>(in + i + 2 * kCount));
      d = Operation::Combine(d, Load<V>(in + i + 3 * kCount));
    }
    Store(a, lanes + lane);
    Store(b, lanes + lane + kCount);
    Store(c, lanes + lane + 2 * kCount);
    Store(d, lanes + lane + 3 * kCount);
  }
}

template <typename T, typename Operation, int kCount>
T CombineLanes(T* lanes) {
  for (int width = kCount / 2; width > 0; width /= 2) {
    for (int lane = 0; lane < width; ++lane) {
      lanes[lane] = Operation::Combine(lanes[lane], lanes[lane + width]);
    }
  }
  return lanes[0];
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
T ReduceBlock(int64_t n, const T* input) {
  if (n < kFew) return ReduceFew<T, Operation>(n, input);
  T lanes[kLanes];
  int64_t i = n / kLanes * kLanes;
  FillLanes<T, Operation>(i, input, lanes);
  for (int lane = 0; i < n; ++i, ++lane) lanes[lane] = Operation::Combine(lanes[lane], input[i]);
  return CombineLanes<T, Operation, kLanes>(lanes);
}

// n > 0.
template <typename T, typename Operation>
T Reduce(int64_t n, const T* input) {
  T result = ReduceBlock<T, Operation>(n < kBlock ? n : kBlock, input);
  for (int64_t i = kBlock; i < n; i += kBlock) {
    const int64_t left = n - i < kBlock ? n - i : kBlock;
    result = Operation::Combine(result, ReduceBlock<T, Operation>(left, input + i));
  }
  return result;
}

template <typename T>
void SumOf(int64_t n, const void* input, void* output) {
  *static_cast<T*>(output) = Reduce<T, Sum>(n, static_cast<const T*>(input));
}

// Bits of floats without their sign are in the order of the numbers, and those of NaN above all.
template <typename T>
bool HasNan(int64_t n, const T* input) {
  using Bits = decltype([] {
    if constexpr (sizeof(T) == 4) {
      return int32_t{};
    } else {
      return int64_t{};
    }
  }());
  constexpr Bits kMagnitude = sizeof(T) == 4 ? Bits(0x7FFFFFFF) : Bits(0x7FFFFFFFFFFFFFFF);
  Bits most = 0;
  for (int64_t i = 0; i < n; ++i) {
    const Bits magnitude = BitCast<Bits>(input[i]) & kMagnitude;
    most = magnitude > most ? magnitude : most;
  }
  return most > BitCast<Bits>(static_cast<T>(__builtin_inf()));
}

// NaN wins, as in every other op. It is looked for block by block, in what the first-level cache
// still holds.
template <typename T>
void MaxOf(int64_t n, const void* input, void* output) {
  const T* in = static_cast<const T*>(input);
  T result = in[0];
  for (int64_t i = 0; i < n; i += kBlock) {
    const int64_t left = n - i < kBlock ? n - i : kBlock;
    result = Largest::Combine(result, ReduceBlock<T, Largest>(left, in + i));
    if (HasNan(left, in + i)) {
      result = static_cast<T>(__builtin_nan(""));
      break;
    }
  }
  *static_cast<T*>(output) = result;
}

// ---- Rows, column by column ----

struct LargestOrNan {
  template <typename V>
  static V Combine(V a, V b) {
    return (b > a) | (b != b) ? b : a;
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
  table.reduction[0] = {SumOf<float>, MaxOf<float>, ReduceRows<float, Sum>,
                        ReduceRows<float, LargestOrNan>};
  table.reduction[1] = {SumOf<double>, MaxOf<double>, ReduceRows<double, Sum>,
                        ReduceRows<double, LargestOrNan>};
}

}  // namespace SLUICE_KERNELS
}  // namespace sluice
