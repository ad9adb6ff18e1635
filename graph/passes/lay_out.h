#ifndef SLUICE_GRAPH_PASSES_LAY_OUT_H_
#define SLUICE_GRAPH_PASSES_LAY_OUT_H_

#include <vector>

#include <sluice/graph/passes/passes.h>

namespace sluice {

// A value in the arena, and the nodes between which it has its memory.
struct Tenant {
  NodeId owner;
  NodeId first, last;
  int64_t bytes;
  bool in_chain;  // from its first to its last use, row after row: only as large ones may follow it
};

// What a value of so many bytes takes of the arena. Large ones take more than they need: neighbours
// of one size would otherwise fall in the same sets of the first-level cache, which the rows of an
// element-wise group are read from all at once.
int64_t RoomFor(int64_t bytes);

// Gives each tenant its offset in `places`, by owner; with `reuse`, where nobody is at its time.
// Returns the bytes of the arena.
int64_t LayOut(const std::vector<Tenant>& tenants, NodeId nodes, const Stages& stages, bool reuse,
               std::vector<Place>& places);

}  // namespace sluice

#endif  // SLUICE_GRAPH_PASSES_LAY_OUT_H_
