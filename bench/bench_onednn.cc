// A training step of a recurrent layer, forward and backward: ours from primitive ops against
// oneDNN's fused primitives. Outputs and all gradients are compared before anything is timed.

#include <string>
#include <vector>

#include <absl/strings/str_cat.h>
#include <benchmark/benchmark.h>

#include <sluice/bench/limits.h>
#include <sluice/bench/onednn_layer.h>
#include <sluice/bench/planned_layer.h>
#include <sluice/bench/rounds.h>
#include <sluice/bench/settings.h>

namespace sluice {
namespace {

constexpr double kTolerance = 1e-4;

const std::vector<LayerSize>& Sizes() {
  static const auto& sizes = *new std::vector<LayerSize>{{35, 32, 28, 256},
                                                         {35, 32, 256, 256},
                                                         {64, 64, 512, 512},
                                                         {35, 20, 650, 650},
                                                         {35, 20, 1500, 1500}};
  return sizes;
}

void Compare(benchmark::State& state, LayerKind kind, const LayerSize& size, int threads) {
  const LayerInputs inputs = RandomLayerInputs(kind, size);
  OneDnnLayer peer(kind, size, inputs, threads);
  PlannedLayer ours(kind, size, inputs, threads, Settings().level);
  absl::Status status = peer.Step();
  if (status.ok()) status = ours.Step();
  if (status.ok()) status = CheckSame(ours.Results(), peer.Results(), kTolerance);
  if (!status.ok()) return Skip(state, status);

  PeakFlopsSampler peak(threads);
  const Rounds rounds = MeasureRounds(
      state, [&] { return ours.Step(); }, [&] { return peer.Step(); }, [&] { peak.Sample(); });
  if (rounds.ours.empty()) return;
  const double seconds = ReportSeconds(state, rounds);
  const auto tokens = static_cast<double>(size.steps * size.batch);
  state.counters["tokens_per_second"] = tokens / seconds;
  state.counters["peer_tokens_per_second"] = tokens / SpreadOf(rounds.peer).median;
  state.counters["share_of_limit"] = ShareOfLimit(ours.program().flops() / peak.median(), seconds);
  state.counters["peak_bytes"] = static_cast<double>(ours.program().arena_bytes());
  ReportRatio(state, rounds);
}

void RegisterAll() {
  struct Named {
    LayerKind kind;
    const char* name;
  };
  for (const LayerSize& size : Sizes()) {
    for (const auto& [kind, name] : {Named{LayerKind::kGru, "gru"},
                                     {LayerKind::kLstm, "lstm"},
                                     {LayerKind::kGruBefore, "gru_before"}}) {
      for (const int threads : ThreadCounts()) {
        const std::string path = absl::StrCat("onednn/", name, "/", Name(size));
        benchmark::RegisterBenchmark(BenchmarkName(path, threads, Settings().level).c_str(),
                                     [kind = kind, size, threads](benchmark::State& state) {
                                       Compare(state, kind, size, threads);
                                     })
            ->Unit(benchmark::kMillisecond);
      }
    }
  }
}

}  // namespace
}  // namespace sluice

int main(int argc, char** argv) { return sluice::RunBenchmarks(argc, argv, sluice::RegisterAll); }
