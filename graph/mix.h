#ifndef SLUICE_GRAPH_MIX_H_
#define SLUICE_GRAPH_MIX_H_

#include <bit>
#include <cstdint>

#include <sluice/graph/op.h>

namespace sluice {

// Mixes a word into a running hash: the finaliser of SplitMix64 over their combination.
constexpr uint64_t Mix(uint64_t hash, uint64_t word) {
  uint64_t mixed = (hash ^ word) + 0x9E3779B97F4A7C15;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
  return mixed ^ (mixed >> 31);
}

inline uint64_t Mix(uint64_t hash, const Attributes& attributes) {
  for (const int64_t integer : attributes.integers)
    hash = Mix(hash, static_cast<uint64_t>(integer));
  return Mix(hash, std::bit_cast<uint64_t>(attributes.number) ^
                       reinterpret_cast<uintptr_t>(attributes.variable));
}

}  // namespace sluice

#endif  // SLUICE_GRAPH_MIX_H_
