#ifndef SLUICE_GRAPH_DOT_H_
#define SLUICE_GRAPH_DOT_H_

#include <string>

#include <sluice/graph/node_list.h>

namespace sluice {

struct DotOptions {
  // Folds equal time steps into one picture: an operation that occurs in T steps is one vertex,
  // "× T", and an edge between different steps is dashed and says from which: "t-1", or "t+1" in
  // gradients.
  bool rolled = false;
  std::string title;
};

// A picture of a tape (`tape.nodes()`) or of a planned program (`program.nodes()`) in the language
// of Graphviz: `dot -Tsvg`. A vertex says op and shape and lies in the box of its scope; feeds,
// constants, variables and writes have shapes of their own.
std::string WriteDot(const NodeList& nodes, const DotOptions& options = {});

}  // namespace sluice

#endif  // SLUICE_GRAPH_DOT_H_
