// Training steps of language models (embedding or one-hot, recurrent layers, read-out,
// cross-entropy, clipping, SGD). Each first checks that the loss of the first step is what an
// untrained model must have: about ln V.

#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <benchmark/benchmark.h>

#include <sluice/bench/limits.h>
#include <sluice/experiments/language_model.h>
#include <sluice/graph/program_cache.h>

namespace sluice {
namespace {

struct Size {
  int64_t steps, batch, vocabulary, embedding, hidden;
  int layers;
};

const std::vector<Size>& Sizes() {
  static const auto& sizes = *new std::vector<Size>{{35, 32, 28, 0, 256, 1},
                                                    {20, 20, 10'000, 200, 200, 2},
                                                    {64, 64, 96, 64, 512, 1},
                                                    {35, 20, 10'000, 650, 650, 2},
                                                    {64, 8, 28, 0, 32, 1}};
  return sizes;
}

Batch RandomBatch(const Size& size) {
  const Shape shape{size.steps, size.batch};
  Batch batch{.inputs = Tensor(DType::kI32, shape),
              .targets = Tensor(DType::kI32, shape),
              .mask = Tensor(DType::kF32, shape),
              .tokens = shape.elements(),
              .starts_sequence = false};
  RandomStream random(MakeRandomKey(1, "benchmark"));
  for (int32_t& id : batch.inputs.values<int32_t>()) {
    id = static_cast<int32_t>(random.Below(static_cast<uint64_t>(size.vocabulary)));
  }
  for (int32_t& id : batch.targets.values<int32_t>()) {
    id = static_cast<int32_t>(random.Below(static_cast<uint64_t>(size.vocabulary)));
  }
  return batch;
}

double FlopsOfStep(LanguageModel& model, const Batch& batch, const Optimizer& optimizer) {
  Tape tape;
  const Value loss = model.Record(tape, batch, "train", true).mean;
  optimizer.Minimize(loss, model.variables(), {.clip_norm = 1});
  const absl::StatusOr<Program> program = Plan(tape, {{loss}});
  return program.ok() ? program->flops() : 0;
}

void TrainingStep(benchmark::State& state, const std::string& cell, const Size& size, int threads) {
  Threads arena(threads);
  const RunOptions run{.arena = arena.arena()};
  LanguageModel model({.cell = cell,
                       .vocabulary = size.vocabulary,
                       .embedding = size.embedding,
                       .hidden = size.hidden,
                       .layers = size.layers,
                       .seed = 1});
  const Batch batch = RandomBatch(size);
  const Sgd optimizer({.learning_rate = 0.01});
  const absl::StatusOr<double> first = model.Update(batch, optimizer, {.clip_norm = 1}, run);
  const double expected = std::log(static_cast<double>(size.vocabulary));
  if (!first.ok() || std::abs(*first - expected) > 1) {
    state.SkipWithError(first.ok() ? "the first loss is not about ln V"
                                   : std::string(first.status().message()).c_str());
    return;
  }
  for (auto unused : state) {
    if (!model.Update(batch, optimizer, {.clip_norm = 1}, run).ok()) state.SkipWithError("failed");
  }
  const auto iterations = static_cast<double>(state.iterations());
  using benchmark::Counter;
  state.counters["tokens_per_second"] =
      Counter(static_cast<double>(batch.tokens) * iterations, Counter::kIsRate);
  state.counters["share_of_limit"] = Counter(
      FlopsOfStep(model, batch, optimizer) * iterations / PeakFlops(threads), Counter::kIsRate);
  state.counters["peak_bytes"] = static_cast<double>(model.variables().programs().bytes());
}

void RegisterAll() {
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  for (const Size& size : Sizes()) {
    for (const char* cell : {"gru:reset=after:biases=two", "gru", "lstm", "elman"}) {
      for (int threads = 1; threads <= cores; threads *= 2) {
        // Colons part the fields of a benchmark's name.
        const std::string name = absl::StrCat(
            "train/", absl::StrReplaceAll(cell, {{":", ","}}), "/T", size.steps, "_B", size.batch,
            "_V", size.vocabulary, "_H", size.hidden, "_L", size.layers, "/threads:", threads);
        benchmark::RegisterBenchmark(
            name.c_str(),
            [=](benchmark::State& state) { TrainingStep(state, cell, size, threads); })
            ->Unit(benchmark::kMillisecond)
            ->UseRealTime();
      }
    }
  }
}

}  // namespace
}  // namespace sluice

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  sluice::RegisterAll();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
