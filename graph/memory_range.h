#ifndef SLUICE_GRAPH_MEMORY_RANGE_H_
#define SLUICE_GRAPH_MEMORY_RANGE_H_

#include <cstdint>

namespace sluice {

// Nothing but numbers: kernels of all instruction sets include it.
struct MemoryRange {
  const void* data;
  int64_t bytes;
};

}  // namespace sluice

#endif  // SLUICE_GRAPH_MEMORY_RANGE_H_
