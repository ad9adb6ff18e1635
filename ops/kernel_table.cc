#include <vector>

#include <sluice/ops/kernels/kernel_table.h>

namespace sluice {

#define SLUICE_DECLARE(instruction_set)  \
  namespace instruction_set {            \
  void FillElementwise(KernelTable&);    \
  void FillProduct(KernelTable&);        \
  void FillPack(KernelTable&);           \
  void FillContract(KernelTable&);       \
  void FillReduction(KernelTable&);      \
  void FillRandom(KernelTable&);         \
  inline KernelTable Table() {           \
    KernelTable table{#instruction_set}; \
    FillElementwise(table);              \
    FillProduct(table);                  \
    FillPack(table);                     \
    FillContract(table);                 \
    FillReduction(table);                \
    FillRandom(table);                   \
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

// Best first.
std::vector<KernelTable> Supported() {
  std::vector<KernelTable> tables;
#ifdef SLUICE_HAS_AVX2
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    tables.push_back(avx512::Table());
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    tables.push_back(avx2::Table());
  }
#endif
  tables.push_back(baseline::Table());
  return tables;
}

const std::vector<KernelTable>& Tables() {
  static const std::vector<KernelTable> tables = Supported();
  return tables;
}

}  // namespace

const KernelTable& Kernels() {
  static const KernelTable& best = Tables().front();
  return best;
}

const KernelTable* SupportedKernels(int index) {
  return index < static_cast<int>(Tables().size()) ? &Tables()[index] : nullptr;
}

}  // namespace sluice
