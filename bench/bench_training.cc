// Language models and single steps of recurrent layers: an update (gradients, clipping, SGD) and an
// evaluation of one batch, for every registered cell. The planned programs are compared with runs
// node by node before anything is timed.

#include <cmath>
#include <string>
#include <vector>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <benchmark/benchmark.h>

#include <sluice/bench/limits.h>
#include <sluice/bench/rounds.h>
#include <sluice/bench/settings.h>
#include <sluice/bench/single_step.h>
#include <sluice/bench/training_model.h>
#include <sluice/graph/node_list.h>

namespace sluice {
namespace {

const std::vector<ModelSize>& Sizes() {
  static const auto& sizes = *new std::vector<ModelSize>{{35, 32, 28, 0, 256, 1},
                                                         {20, 20, 10'000, 200, 200, 2},
                                                         {64, 64, 96, 64, 512, 1},
                                                         {35, 20, 10'000, 650, 650, 2},
                                                         {64, 8, 28, 0, 32, 1}};
  return sizes;
}

// All registered cells, conventions that others measure themselves by, and a scan beside its steps.
std::vector<std::string> Cells() {
  std::vector<std::string> cells = CellRegistry::Global().Names();
  cells.insert(cells.end(), {"gru:preset=pytorch", "lstm:preset=pytorch", "mingru:scan=parallel"});
  return cells;
}

void ReportProgram(benchmark::State& state, const Program& program, double seconds,
                   const PeakFlopsSampler& peak) {
  state.counters["share_of_limit"] = ShareOfLimit(program.flops() / peak.median(), seconds);
  state.counters["kernels"] = static_cast<double>(program.kernels());
}

// Planning time, the best of three, and the nodes that it goes by.
struct PlanningTime {
  double seconds;
  double nodes;
};
absl::StatusOr<PlanningTime> TimePlanning(TrainingModel& model, bool training) {
  PlanningTime best{.seconds = 1e30};
  for (int attempt = 0; attempt < 3; ++attempt) {
    Tape tape;
    const Value loss = training ? model.RecordUpdate(tape) : model.RecordEvaluation(tape);
    const double start = SecondsNow();
    const absl::StatusOr<Program> program = Plan(tape, {{loss}}, model.run_options().plan);
    if (!program.ok()) return program.status();
    best = {std::min(best.seconds, SecondsNow() - start), static_cast<double>(tape.size())};
  }
  return best;
}

void MeasureModel(benchmark::State& state, const std::string& cell, const ModelSize& size,
                  int threads, bool training) {
  const PlanLevel level = Settings().level;
  const absl::Status check = CheckTraining(cell, size, threads, level);
  if (!check.ok()) return Skip(state, check);
  TrainingModel model(cell, size, threads, level);
  absl::StatusOr<Program> program = training ? model.PlanUpdate() : model.PlanEvaluation();
  if (!program.ok()) return Skip(state, program.status());
  const absl::StatusOr<PlanningTime> planning = TimePlanning(model, training);
  if (!planning.ok()) return Skip(state, planning.status());

  PeakFlopsSampler peak(threads);
  // Its turns are the same step, recorded anew each time and found planned.
  const Rounds rounds = MeasureRounds(
      state, [&] { return model.Run(*program).status(); },
      [&] { return (training ? model.Update() : model.Evaluate()).status(); },
      [&] { peak.Sample(); });
  if (rounds.ours.empty()) return;
  const double seconds = ReportSeconds(state, rounds);
  state.counters["tokens_per_second"] = model.tokens() / seconds;
  state.counters["peak_bytes"] = static_cast<double>(model.PeakBytes(*program));
  state.counters["plan_seconds"] = planning->seconds;
  state.counters["plan_nanoseconds_per_node"] = planning->seconds / planning->nodes * 1e9;
  state.counters["cached_overhead"] = SpreadOf(rounds.Ratios()).median - 1;
  ReportProgram(state, *program, seconds, peak);
}

// An error unless the first steps' outputs are those of a run node by node.
absl::Status CheckSingleStep(const std::string& cell, int64_t inputs, int64_t hidden) {
  SingleStep step(cell, inputs, hidden, Settings().level);
  SingleStep reference(cell, inputs, hidden, PlanLevel::kDebug);
  for (int time = 0; time < 3; ++time) {
    absl::Status status = step.Step();
    if (status.ok()) status = reference.Step();
    if (!status.ok()) return status;
    for (int64_t i = 0; i < hidden; ++i) {
      if (std::abs(step.output().At(i) - reference.output().At(i)) <= 1e-5) continue;
      return absl::InternalError(absl::StrCat("output ", i, " of step ", time, " differs"));
    }
  }
  return absl::OkStatus();
}

void MeasureSingleStep(benchmark::State& state, const std::string& cell, int64_t inputs,
                       int64_t hidden) {
  const absl::Status check = CheckSingleStep(cell, inputs, hidden);
  if (!check.ok()) return Skip(state, check);
  SingleStep step(cell, inputs, hidden, Settings().level);
  PeakFlopsSampler peak(1);
  const Rounds rounds = MeasureRounds(
      state, [&] { return step.Step(); }, nullptr, [&] { peak.Sample(); });
  if (rounds.ours.empty()) return;
  const double seconds = ReportSeconds(state, rounds);
  state.counters["tokens_per_second"] = 1 / seconds;
  state.counters["peak_bytes"] = static_cast<double>(step.program().arena_bytes());
  ReportProgram(state, step.program(), seconds, peak);
}

// Colons part the fields of a benchmark's name.
std::string InName(const std::string& cell) { return absl::StrReplaceAll(cell, {{":", ","}}); }

void RegisterModels() {
  for (const ModelSize& size : Sizes()) {
    for (const std::string& cell : Cells()) {
      for (const bool training : {true, false}) {
        for (const int threads : ThreadCounts()) {
          const std::string path =
              absl::StrCat(training ? "train/" : "infer/", InName(cell), "/", Name(size));
          benchmark::RegisterBenchmark(
              BenchmarkName(path, threads, Settings().level).c_str(),
              [=](benchmark::State& state) { MeasureModel(state, cell, size, threads, training); })
              ->Unit(benchmark::kMillisecond);
        }
      }
    }
  }
}

void RegisterSingleSteps() {
  constexpr int64_t kSize = 32;
  for (const std::string& cell : Cells()) {
    const std::string path = absl::StrCat("infer/", InName(cell), "/T1_B1_I", kSize, "_H", kSize);
    benchmark::RegisterBenchmark(
        BenchmarkName(path, 1, Settings().level).c_str(),
        [=](benchmark::State& state) { MeasureSingleStep(state, cell, kSize, kSize); })
        ->Unit(benchmark::kMicrosecond);
  }
}

void RegisterAll() {
  RegisterModels();
  RegisterSingleSteps();
}

}  // namespace
}  // namespace sluice

int main(int argc, char** argv) { return sluice::RunBenchmarks(argc, argv, sluice::RegisterAll); }
