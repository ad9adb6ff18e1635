// Planning of tapes of a thousand to a million nodes, of all sorts that grow: nanoseconds a node.
// What the plan of a smaller tape computes is compared before anything is timed.

#include <cmath>
#include <memory>

#include <absl/strings/str_cat.h>
#include <benchmark/benchmark.h>

#include <sluice/bench/rounds.h>
#include <sluice/bench/settings.h>

#include "graph/large_tapes.h"

namespace sluice {
namespace {

constexpr int kCheckedNodes = 1000;

absl::Status Check(const LargeTape& kind) {
  Tape tape;
  VariableStore store;
  const LargeTape::Recorded recorded = kind.record(tape, store, kCheckedNodes);
  const absl::StatusOr<std::vector<Tensor>> results =
      tape.Read(recorded.fetches, {.plan = {.level = Settings().level}});
  if (!results.ok()) return results.status();
  if (results->empty()) return absl::OkStatus();
  const double last = results->front().At(results->front().elements() - 1);
  if (std::abs(last - recorded.last) <= recorded.tolerance) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("computes ", last, ", not ", recorded.last));
}

void MeasurePlanning(benchmark::State& state, const LargeTape& kind, int nodes) {
  if (const absl::Status status = Check(kind); !status.ok()) return Skip(state, status);
  Tape tape;
  VariableStore store;
  const LargeTape::Recorded recorded = kind.record(tape, store, nodes);
  const PlanOptions options{.level = Settings().level};
  int64_t arena_bytes = 0;
  // From the tape to the program, and freeing that.
  const Rounds rounds = MeasureRounds(
      state,
      [&] {
        const absl::StatusOr<Program> program = Plan(tape, recorded.fetches, options);
        if (program.ok()) arena_bytes = program->arena_bytes();
        return program.status();
      },
      nullptr, [] {});
  if (rounds.ours.empty()) return;
  const double seconds = ReportSeconds(state, rounds);
  state.counters["nodes"] = tape.size();
  state.counters["plan_nanoseconds_per_node"] = seconds / tape.size() * 1e9;
  state.counters["arena_bytes"] = static_cast<double>(arena_bytes);
}

void RegisterAll() {
  for (const LargeTape& kind : LargeTapes()) {
    for (const int nodes : {1'000, 10'000, 100'000, 1'000'000}) {
      const std::string path = absl::StrCat("plan/", kind.name, "/", nodes);
      benchmark::RegisterBenchmark(
          BenchmarkName(path, 1, Settings().level).c_str(),
          [&kind, nodes](benchmark::State& state) { MeasurePlanning(state, kind, nodes); })
          ->Unit(benchmark::kMillisecond);
    }
  }
}

}  // namespace
}  // namespace sluice

int main(int argc, char** argv) { return sluice::RunBenchmarks(argc, argv, sluice::RegisterAll); }
