#ifndef SLUICE_GRAPH_PASS_RECORD_H_
#define SLUICE_GRAPH_PASS_RECORD_H_

#include <array>
#include <cstdint>

#include <sluice/graph/passes/plan_graph.h>

namespace sluice {

// The passes of planning, in their order. A pass counts together with the sharing of equal nodes
// right behind it.
enum class Pass : uint8_t {
  kDrop,
  kShare,
  kFold,
  kScatterLate,
  kAddRowsFirst,
  kHoist,
  kLift,
  kSink,
  kMergeConcats,
  kPack,
  kAddInPlace,
  kRecompute,
  kOrder,
};

// What a pass made of a graph, in numbers.
struct PassRecord {
  // `gone` and `made` leave out what was there before and after: nodes are the same if op and types
  // of inputs and output are.
  struct Change {
    int64_t before = 0;
    int64_t after = 0;
    int64_t gone = 0;
    int64_t made = 0;
  };
  static constexpr size_t kKinds = static_cast<size_t>(OpKind::kScatter) + 1;

  const Change& of(OpKind kind) const { return kinds[static_cast<size_t>(kind)]; }

  Pass pass;
  Change nodes;
  std::array<Change, kKinds> kinds;
  // Products that a row (a bias) is added to right away: after the pass less before it.
  int64_t rows_on_products = 0;
};

PassRecord Compare(Pass pass, const NodeList& before, const NodeList& after);

}  // namespace sluice

#endif  // SLUICE_GRAPH_PASS_RECORD_H_
