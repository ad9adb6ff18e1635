#ifndef SLUICE_GRAPH_PASSES_RUN_PASSES_H_
#define SLUICE_GRAPH_PASSES_RUN_PASSES_H_

#include <vector>

#include <sluice/graph/pass_record.h>
#include <sluice/graph/passes/plan_graph.h>
#include <sluice/graph/program.h>

namespace sluice {

// What planning starts from.
PlanGraph GraphOf(const Tape& tape, absl::Span<const Value> fetches);

// The passes of a level, one after the other. Says what each did in `records`, if there are any.
PlanGraph RunPasses(PlanGraph graph, PlanLevel level, std::vector<PassRecord>* records = nullptr);

}  // namespace sluice

#endif  // SLUICE_GRAPH_PASSES_RUN_PASSES_H_
