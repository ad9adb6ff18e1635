#ifndef SLUICE_GRAPH_PLAN_TABLE_H_
#define SLUICE_GRAPH_PLAN_TABLE_H_

#include <string>

#include <sluice/graph/plan_summary.h>

namespace sluice {

// The stages of a plan and their kernels as a table with aligned columns; `limits` are those of the
// summary. Kernels that hardly count are named together.
std::string PlanTable(const PlanSummary& summary, const MachineLimits& limits);

}  // namespace sluice

#endif  // SLUICE_GRAPH_PLAN_TABLE_H_
