// Tile functions of the element-wise ops, from the lines of the table.

#include <sluice/ops/kernels/kernel_table.h>
#include <sluice/ops/kernels/vector_math.h>

namespace sluice {
namespace SLUICE_KERNELS {
namespace {

constexpr int kAtOnce = 4;  // vectors

template <int kInputs, int kCount, typename F>
inline void ForGroup(const float* const* in, int64_t i, float* out, F f) {
  Group<kCount> x[kInputs];
  SLUICE_UNROLL
  for (int input = 0; input < kInputs; ++input) {
    SLUICE_UNROLL
    for (int part = 0; part < kCount; ++part) {
      x[input].part[part] = Load<Floats>(in[input] + i + part * kVectorLanes);
    }
  }
  const Group<kCount> result = f(x);
  SLUICE_UNROLL
  for (int part = 0; part < kCount; ++part) {
    Store(result.part[part], out + i + part * kVectorLanes);
  }
}

// Calls `f` on groups of vectors of the inputs, which compilers would not make of functions as good
// as we do. The rest of a tile goes through vectors that are filled up, so that every element meets
// the same instructions.
template <int kInputs, typename F>
inline void ForVectors(int64_t n, const void* const* inputs, void* output, F f) {
  const float* in[kInputs];
  for (int input = 0; input < kInputs; ++input)
    in[input] = static_cast<const float*>(inputs[input]);
  float* out = static_cast<float*>(output);
  int64_t i = 0;
  for (; i + kAtOnce * kVectorLanes <= n; i += kAtOnce * kVectorLanes) {
    ForGroup<kInputs, kAtOnce>(in, i, out, f);
  }
  for (; i + kVectorLanes <= n; i += kVectorLanes) ForGroup<kInputs, 1>(in, i, out, f);
  if (i == n) return;
  Group<1> x[kInputs];
  for (int input = 0; input < kInputs; ++input) {
    x[input].part[0] = All(1);
    __builtin_memcpy(&x[input], in[input] + i, (n - i) * sizeof(float));
  }
  const Group<1> result = f(x);
  __builtin_memcpy(out + i, &result, (n - i) * sizeof(float));
}

// Whether tiles of T are computed by groups of vectors.
template <typename T>
constexpr bool kHasVectors = false;
template <>
constexpr bool kHasVectors<float> = true;

// Whether a table's expression is one of vectors as well: functions and plain arithmetic, without
// conditions and conversions to T.
constexpr bool IsOfVectors(const char* value) {
  for (; *value != 0; ++value) {
    if (*value == '?' || (value[0] == 'T' && value[1] == '(')) return false;
  }
  return true;
}

// Loops carry no dependence; `output` may be one of the inputs, element for element.
#define SLUICE_UNARY_NUMBER(name, Function, dtypes, value, ...)                         \
  template <typename T>                                                                 \
  void name##_tile(int64_t n, const void* const* inputs, double number, void* output) { \
    if constexpr (kHasVectors<T> && IsOfVectors(#value)) {                              \
      [[maybe_unused]] const Floats p = All(static_cast<float>(number));                \
      ForVectors<1>(n, inputs, output, [&](const auto* in) {                            \
        const auto x = in[0];                                                           \
        return value;                                                                   \
      });                                                                               \
    } else {                                                                            \
      const T* in = static_cast<const T*>(inputs[0]);                                   \
      T* out = static_cast<T*>(output);                                                 \
      [[maybe_unused]] const T p = static_cast<T>(number);                              \
      SLUICE_INDEPENDENT                                                                \
      for (int64_t i = 0; i < n; ++i) {                                                 \
        const T x = in[i];                                                              \
        out[i] = value;                                                                 \
      }                                                                                 \
    }                                                                                   \
  }
#define SLUICE_UNARY SLUICE_UNARY_NUMBER
#define SLUICE_BINARY(name, Function, dtypes, value, ...)                        \
  template <typename T>                                                          \
  void name##_tile(int64_t n, const void* const* inputs, double, void* output) { \
    if constexpr (kHasVectors<T> && IsOfVectors(#value)) {                       \
      ForVectors<2>(n, inputs, output, [](const auto* in) {                      \
        const auto a = in[0];                                                    \
        const auto b = in[1];                                                    \
        return value;                                                            \
      });                                                                        \
    } else {                                                                     \
      const T* in_a = static_cast<const T*>(inputs[0]);                          \
      const T* in_b = static_cast<const T*>(inputs[1]);                          \
      T* out = static_cast<T*>(output);                                          \
      SLUICE_INDEPENDENT                                                         \
      for (int64_t i = 0; i < n; ++i) {                                          \
        const T a = in_a[i];                                                     \
        const T b = in_b[i];                                                     \
        out[i] = value;                                                          \
      }                                                                          \
    }                                                                            \
  }
#define SLUICE_TERNARY(name, Function, dtypes, value, ...)                       \
  template <typename T>                                                          \
  void name##_tile(int64_t n, const void* const* inputs, double, void* output) { \
    const T* in_c = static_cast<const T*>(inputs[0]);                            \
    const T* in_a = static_cast<const T*>(inputs[1]);                            \
    const T* in_b = static_cast<const T*>(inputs[2]);                            \
    T* out = static_cast<T*>(output);                                            \
    SLUICE_INDEPENDENT                                                           \
    for (int64_t i = 0; i < n; ++i) {                                            \
      const T c = in_c[i];                                                       \
      const T a = in_a[i];                                                       \
      const T b = in_b[i];                                                       \
      out[i] = value;                                                            \
    }                                                                            \
  }
#include <sluice/ops/elementwise_table.inc>
#undef SLUICE_UNARY
#undef SLUICE_UNARY_NUMBER
#undef SLUICE_BINARY
#undef SLUICE_TERNARY

#define SLUICE_I32_kReal(name) nullptr
#define SLUICE_I32_kNumeric(name) name##_tile<int32_t>
#define SLUICE_ROW(name, Function, dtypes, ...) \
  {name##_tile<float>, name##_tile<double>, SLUICE_I32_##dtypes(name)},
#define SLUICE_UNARY SLUICE_ROW
#define SLUICE_UNARY_NUMBER SLUICE_ROW
#define SLUICE_BINARY SLUICE_ROW
#define SLUICE_TERNARY SLUICE_ROW
constexpr ElementwiseTile kTiles[][3] = {
#include <sluice/ops/elementwise_table.inc>
};

}  // namespace

void FillElementwise(KernelTable& table) {
  for (int op = 0; op < static_cast<int>(ElementwiseOp::count); ++op) {
    for (int dtype = 0; dtype < 3; ++dtype) table.elementwise[op][dtype] = kTiles[op][dtype];
  }
}

}  // namespace SLUICE_KERNELS
}  // namespace sluice
