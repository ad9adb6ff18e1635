// Tile functions of the element-wise ops, from the lines of the table.

#include <sluice/ops/kernels/kernel_table.h>
#include <sluice/ops/kernels/vector_math.h>

#if defined(__clang__)
#define SLUICE_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define SLUICE_INDEPENDENT _Pragma("GCC ivdep")
#endif

namespace sluice {
namespace SLUICE_KERNELS {
namespace {

// Loops carry no dependence; `output` may be one of the inputs, element for element.
#define SLUICE_UNARY_NUMBER(name, Function, dtypes, value, ...)                         \
  template <typename T>                                                                 \
  void name##_tile(int64_t n, const void* const* inputs, double number, void* output) { \
    const T* in = static_cast<const T*>(inputs[0]);                                     \
    T* out = static_cast<T*>(output);                                                   \
    [[maybe_unused]] const T p = static_cast<T>(number);                                \
    SLUICE_INDEPENDENT                                                                  \
    for (int64_t i = 0; i < n; ++i) {                                                   \
      const T x = in[i];                                                                \
      out[i] = value;                                                                   \
    }                                                                                   \
  }
#define SLUICE_UNARY SLUICE_UNARY_NUMBER
#define SLUICE_BINARY(name, Function, dtypes, value, ...)                        \
  template <typename T>                                                          \
  void name##_tile(int64_t n, const void* const* inputs, double, void* output) { \
    const T* in_a = static_cast<const T*>(inputs[0]);                            \
    const T* in_b = static_cast<const T*>(inputs[1]);                            \
    T* out = static_cast<T*>(output);                                            \
    SLUICE_INDEPENDENT                                                           \
    for (int64_t i = 0; i < n; ++i) {                                            \
      const T a = in_a[i];                                                       \
      const T b = in_b[i];                                                       \
      out[i] = value;                                                            \
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
