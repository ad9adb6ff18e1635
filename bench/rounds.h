#ifndef SLUICE_BENCH_ROUNDS_H_
#define SLUICE_BENCH_ROUNDS_H_

#include <functional>
#include <vector>

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/strings/string_view.h>
#include <benchmark/benchmark.h>

#include <sluice/bench/statistics.h>
#include <sluice/graph/parallel.h>

namespace sluice {

// Seconds of a clock that only goes forward.
double SecondsNow();

// One side of a comparison.
using Step = std::function<absl::Status()>;

// Seconds of one step, one entry for each round.
struct Rounds {
  std::vector<double> ours;
  std::vector<double> peer;  // empty without a peer
  // What each round's two sides say: above 1 is ours faster.
  std::vector<double> Ratios() const;
};

// Times `ours`, and `peer` if there is one, in turns: rounds of short bursts, who begins changing
// from round to round, so that both meet the same moods of a shared machine. Every burst begins
// after a pause, in which the other side's threads fall asleep, and with a step that does not
// count, unless steps are so long that neither matters. `between_rounds` runs once a round, after
// a pause too: limits are measured there. Our bursts run in `arena`, which steps that do not enter
// one themselves are spared to do each time. Google Benchmark is told of our steps only. An error
// of a step becomes the benchmark's.
Rounds MeasureRounds(benchmark::State& state, const Step& ours, const Step& peer,
                     absl::FunctionRef<void()> between_rounds, const ArenaRef& arena = {});

// An error keeps the benchmark from reporting figures.
void Skip(benchmark::State& state, const absl::Status& error);

// The median of our seconds a step, and a counter `spread`: what lies between their quartiles, as a
// share of it.
double ReportSeconds(benchmark::State& state, const Rounds& rounds);

// Counters `ratio`, `ratio_low` and `ratio_high`: median and quartiles over the rounds; and
// `cannot_tell`: 1 where the quartiles lie on both sides of 1.
void ReportRatio(benchmark::State& state, const Rounds& rounds);

}  // namespace sluice

#endif  // SLUICE_BENCH_ROUNDS_H_
