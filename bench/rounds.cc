#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>
#include <thread>

#include <sluice/bench/rounds.h>
#include <sluice/bench/settings.h>

namespace sluice {
namespace {

// libgomp's threads spin for some milliseconds after a parallel region, TBB's for less.
constexpr auto kPause = std::chrono::milliseconds(12);
constexpr double kBurstSeconds = 0.03;
constexpr double kLongStepSeconds = 0.05;
constexpr int kFewestRounds = 5;
constexpr int kMostRounds = 60;

// One side with the number of steps that make a burst.
class Runner {
 public:
  Runner(const Step& step, const ArenaRef& arena) : step_(step), arena_(arena) {}

  // Finds out how long a step takes.
  absl::Status Calibrate() {
    int64_t steps = 1;
    for (int attempt = 0; attempt < 8; ++attempt) {
      steps_ = steps;
      absl::Status status = Run(steps_);
      if (!status.ok()) return status;
      if (attempt > 0 && step_seconds_ * static_cast<double>(steps) > kBurstSeconds / 2) break;
      steps = std::clamp<int64_t>(std::llround(kBurstSeconds / step_seconds_), 1, 100 * steps);
      if (attempt > 0 && step_seconds_ > kBurstSeconds) break;
    }
    steps_ = std::max<int64_t>(1, std::llround(kBurstSeconds / step_seconds_));
    return absl::OkStatus();
  }

  absl::Status WarmUp() {
    if (step_seconds_ > kLongStepSeconds) return absl::OkStatus();
    std::this_thread::sleep_for(kPause);
    return Run(1);
  }
  absl::Status Burst() { return Run(steps_); }

  int64_t steps() const { return steps_; }
  double step_seconds() const { return step_seconds_; }  // of the last burst
  double burst_seconds() const { return step_seconds_ * static_cast<double>(steps_); }

 private:
  absl::Status Run(int64_t steps) {
    absl::Status status;
    const double start = SecondsNow();
    arena_.Execute([&] {
      for (int64_t i = 0; i < steps && status.ok(); ++i) status = step_();
    });
    step_seconds_ = (SecondsNow() - start) / static_cast<double>(steps);
    return status;
  }

  const Step& step_;
  ArenaRef arena_;
  int64_t steps_ = 1;
  double step_seconds_ = 0;
};

absl::Status OurBurst(benchmark::State& state, Runner& runner, std::vector<double>& seconds) {
  absl::Status status = runner.WarmUp();
  state.ResumeTiming();
  if (status.ok()) status = runner.Burst();
  state.PauseTiming();
  seconds.push_back(runner.step_seconds());
  return status;
}

absl::Status PeersBurst(Runner& runner, std::vector<double>& seconds) {
  absl::Status status = runner.WarmUp();
  if (status.ok()) status = runner.Burst();
  seconds.push_back(runner.step_seconds());
  return status;
}

}  // namespace

double SecondsNow() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::vector<double> Rounds::Ratios() const {
  std::vector<double> ratios;
  for (size_t i = 0; i < std::min(ours.size(), peer.size()); ++i) {
    ratios.push_back(peer[i] / ours[i]);
  }
  return ratios;
}

Rounds MeasureRounds(benchmark::State& state, const Step& ours, const Step& peer,
                     absl::FunctionRef<void()> between_rounds, const ArenaRef& arena) {
  Runner our_runner(ours, arena);
  Runner peer_runner(peer, {});
  absl::Status status = our_runner.Calibrate();
  if (status.ok() && peer) status = peer_runner.Calibrate();
  const double round_seconds =
      our_runner.burst_seconds() + (peer ? peer_runner.burst_seconds() : 0);
  const int rounds =
      std::clamp(static_cast<int>(Settings().seconds / round_seconds), kFewestRounds, kMostRounds);
  Rounds result;
  while (state.KeepRunningBatch(rounds * our_runner.steps())) {
    state.PauseTiming();
    for (int round = 0; round < rounds && status.ok(); ++round) {
      const bool peer_first = round % 2 == 1;
      if (peer && peer_first) status = PeersBurst(peer_runner, result.peer);
      if (status.ok()) status = OurBurst(state, our_runner, result.ours);
      if (status.ok() && peer && !peer_first) status = PeersBurst(peer_runner, result.peer);
      std::this_thread::sleep_for(kPause);
      between_rounds();
    }
    state.ResumeTiming();
  }
  if (!status.ok()) Skip(state, status);
  return result;
}

void Skip(benchmark::State& state, const absl::Status& error) {
  state.SkipWithError(std::string(error.message()).c_str());
}

double ReportSeconds(benchmark::State& state, const Rounds& rounds) {
  const Spread seconds = SpreadOf(rounds.ours);
  state.counters["spread"] = (seconds.high - seconds.low) / seconds.median;
  return seconds.median;
}

void ReportRatio(benchmark::State& state, const Rounds& rounds) {
  const Spread ratio = SpreadOf(rounds.Ratios());
  state.counters["ratio"] = ratio.median;
  state.counters["ratio_low"] = ratio.low;
  state.counters["ratio_high"] = ratio.high;
  state.counters["cannot_tell"] = ratio.low <= 1 && ratio.high >= 1 ? 1 : 0;
}

}  // namespace sluice
