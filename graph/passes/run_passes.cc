#include <sluice/graph/passes/passes.h>
#include <sluice/graph/passes/run_passes.h>
#include <sluice/graph/tape.h>

namespace sluice {

PlanGraph GraphOf(const Tape& tape, absl::Span<const Value> fetches) {
  PlanGraph graph;
  graph.nodes = tape.nodes();
  for (const Value& fetch : fetches) graph.fetches.push_back(fetch.node());
  for (const Tape::FeedRecord& feed : tape.feeds()) graph.feeds.push_back(feed.node);
  return graph;
}

PlanGraph RunPasses(PlanGraph graph, PlanLevel level, std::vector<PassRecord>* records) {
  using Rewrite = PlanGraph (*)(PlanGraph);
  const auto run = [&](Pass pass, std::initializer_list<Rewrite> rewrites) {
    const PlanGraph before = records == nullptr ? PlanGraph() : graph;
    for (const Rewrite rewrite : rewrites) graph = rewrite(std::move(graph));
    if (records != nullptr) records->push_back(Compare(pass, before.nodes, graph.nodes));
  };
  const bool full = level == PlanLevel::kFull;
  run(Pass::kDrop, {DropUnused});
  if (level != PlanLevel::kDebug) run(Pass::kShare, {ShareEqual});
  if (full) {
    run(Pass::kFold, {FoldConstants, ShareEqual});
    run(Pass::kScatterLate, {ScatterLate});
    run(Pass::kAddRowsFirst, {AddRowsFirst, ShareEqual});
    run(Pass::kHoist, {HoistRows, ShareEqual});
    run(Pass::kLift, {LiftConcats});
    run(Pass::kSink, {SinkSums, ShareEqual});
    run(Pass::kMergeConcats, {MergeConcats});
  }
  if (level != PlanLevel::kDebug) run(Pass::kPack, {PackOperands, ShareEqual});
  if (full) {
    run(Pass::kAddInPlace, {AddInPlace, ShareEqual});
    run(Pass::kRecompute, {Recompute});
  }
  run(Pass::kOrder, {full ? Schedule : OrderWrites});
  return graph;
}

}  // namespace sluice
