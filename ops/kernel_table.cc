#include <sluice/ops/kernels/kernel_table.h>

namespace sluice {

#define SLUICE_DECLARE(instruction_set)  \
  namespace instruction_set {            \
  void FillElementwise(KernelTable&);    \
  void FillProduct(KernelTable&);        \
  void FillReduction(KernelTable&);      \
  inline KernelTable Table() {           \
    KernelTable table{#instruction_set}; \
    FillElementwise(table);              \
    FillProduct(table);                  \
    FillReduction(table);                \
    return table;                        \
  }                                      \
  }

SLUICE_DECLARE(baseline)
#ifdef SLUICE_HAS_AVX2
SLUICE_DECLARE(avx2)
SLUICE_DECLARE(avx512)
#endif
#undef SLUICE_DECLARE

namespace {

KernelTable Choose() {
#ifdef SLUICE_HAS_AVX2
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    return avx512::Table();
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return avx2::Table();
#endif
  return baseline::Table();
}

}  // namespace

const KernelTable& Kernels() {
  static const KernelTable table = Choose();
  return table;
}

}  // namespace sluice
