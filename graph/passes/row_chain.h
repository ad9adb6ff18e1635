#ifndef SLUICE_GRAPH_PASSES_ROW_CHAIN_H_
#define SLUICE_GRAPH_PASSES_ROW_CHAIN_H_

#include <vector>

#include <sluice/graph/node_list.h>

namespace sluice {

// Kernels of neighbouring nodes that run block of rows by block of rows: all of them for the rows
// of one block, before or beside those of another. A time loop is one: each core takes rows of the
// batch through all steps, and meets the others only at the end. No row's result depends on how
// the rows are cut.
struct RowChain {
  NodeId first;
  NodeId last;
  int64_t rows;
  bool has_product = false;
};

// The chains of a graph, in order. Nodes between `first` and `last` that run no kernel (views,
// sources) belong to the chain too.
std::vector<RowChain> FindRowChains(const NodeList& nodes);

}  // namespace sluice

#endif  // SLUICE_GRAPH_PASSES_ROW_CHAIN_H_
