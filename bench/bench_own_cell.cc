// Updates of a language model whose cell is one's own, as a class in this program, as a plug-in and
// as text, beside the built-in cell of the same equations: the counter `ratio` is own over
// built-in.

#include <string>

#include <absl/strings/str_cat.h>
#include <benchmark/benchmark.h>

#include <sluice/bench/own_cells.h>
#include <sluice/bench/rounds.h>
#include <sluice/bench/settings.h>
#include <sluice/bench/training_model.h>
#include <sluice/experiments/plugins.h>

namespace sluice {
namespace {

const RegisterOwnCells kScript("own_");

void Measure(benchmark::State& state, const std::string& built_in, const std::string& own,
             const ModelSize& size, int threads) {
  const PlanLevel level = Settings().level;
  // Once is enough: what is loaded stays.
  static const absl::Status& loaded = *new absl::Status(LoadPlugins({SLUICE_OWN_CELLS_PLUGIN}));
  if (!loaded.ok()) return Skip(state, loaded);
  const absl::Status check = CheckTraining(own, size, threads, level);
  if (!check.ok()) return Skip(state, check);
  TrainingModel ours(built_in, size, threads, level);
  TrainingModel theirs(own, size, threads, level);
  absl::StatusOr<Program> ours_program = ours.PlanUpdate();
  absl::StatusOr<Program> theirs_program = theirs.PlanUpdate();
  if (!ours_program.ok()) return Skip(state, ours_program.status());
  if (!theirs_program.ok()) return Skip(state, theirs_program.status());
  const Rounds rounds = MeasureRounds(
      state, [&] { return ours.Run(*ours_program).status(); },
      [&] { return theirs.Run(*theirs_program).status(); }, [] {});
  if (rounds.ours.empty()) return;
  const double seconds = ReportSeconds(state, rounds);
  state.counters["tokens_per_second"] = ours.tokens() / seconds;
  ReportRatio(state, rounds);
}

void RegisterAll() {
  for (const ModelSize& size : {ModelSize{35, 32, 28, 0, 256, 1}, ModelSize{64, 8, 28, 0, 32, 1}}) {
    for (const std::string cell : {"gru", "lstm"}) {
      for (const auto& [way, own] :
           {std::pair("script", absl::StrCat("own_", cell)),
            std::pair("plugin", absl::StrCat("plugin_", cell)),
            std::pair("text", absl::StrCat(SLUICE_CELLS_DIR "/", cell, ".cell"))}) {
        for (const int threads : ThreadCounts()) {
          benchmark::RegisterBenchmark(
              BenchmarkName(absl::StrCat("own_cell/", cell, "/", way, "/", Name(size)), threads,
                            Settings().level)
                  .c_str(),
              [=, own = own](benchmark::State& state) { Measure(state, cell, own, size, threads); })
              ->Unit(benchmark::kMillisecond);
        }
      }
    }
  }
}

}  // namespace
}  // namespace sluice

int main(int argc, char** argv) { return sluice::RunBenchmarks(argc, argv, sluice::RegisterAll); }
