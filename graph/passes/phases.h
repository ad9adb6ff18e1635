#ifndef SLUICE_GRAPH_PASSES_PHASES_H_
#define SLUICE_GRAPH_PASSES_PHASES_H_

#include <vector>

#include <sluice/graph/node_list.h>

namespace sluice {

// When nodes run if element-wise ops run together: phase 0 is what is not element-wise and reads no
// element-wise result, phase 1 the element-wise ops on that, phase 2 what is not element-wise and
// reads those, and so on; even phases are not element-wise, odd ones are. An element-wise op runs
// as late as its readers allow, so that what it computes is still in the cache, or never leaves the
// group. Sources and views have the phase of what they wait for.
std::vector<int32_t> FindPhases(const NodeList& nodes, const Consumers& consumers);

}  // namespace sluice

#endif  // SLUICE_GRAPH_PASSES_PHASES_H_
