#ifndef SLUICE_TESTS_GRAPH_LARGE_TAPES_H_
#define SLUICE_TESTS_GRAPH_LARGE_TAPES_H_

#include <functional>
#include <string>
#include <vector>

#include <sluice/graph/tape.h>

namespace sluice {

// Tapes that grow: each with a number that its first fetch's last element must be.
struct LargeTape {
  std::string name;
  struct Recorded {
    std::vector<Value> fetches;
    double last = 0;  // of the first fetch, if there is one
    double tolerance = 0;
  };
  // Records at least `nodes` nodes, and not many more.
  std::function<Recorded(Tape& tape, VariableStore& store, int nodes)> record;
};
const std::vector<LargeTape>& LargeTapes();

}  // namespace sluice

#endif  // SLUICE_TESTS_GRAPH_LARGE_TAPES_H_
