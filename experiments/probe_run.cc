#include <algorithm>
#include <cmath>

#include <absl/strings/str_cat.h>

#include <sluice/experiments/probe_run.h>
#include <sluice/layers/cell_text.h>
#include <sluice/ops/composed.h>

namespace sluice {
namespace {

// What a run is made of.
struct Setup {
  Probe probe;
  std::vector<Probe> tests;
  CellSpec cell;
  SequenceModelOptions model;
};

absl::StatusOr<Setup> Prepare(const ProbeSettings& settings, const std::string& cell, int64_t lag,
                              uint64_t seed) {
  const absl::StatusOr<ProbeSpec> task = ParseProbeSpec(settings.task);
  if (!task.ok()) return task.status();
  absl::StatusOr<Probe> probe = MakeProbe(*task, lag);
  if (!probe.ok()) return probe.status();
  Setup setup{.probe = *std::move(probe)};
  for (const int64_t test_lag : settings.test_lags) {
    absl::StatusOr<Probe> test = MakeProbe(*task, test_lag);
    if (!test.ok()) return test.status();
    setup.tests.push_back(*std::move(test));
  }
  if (setup.tests.empty()) setup.tests.push_back(setup.probe);
  absl::StatusOr<CellSpec> spec = ParseCellSpec(cell);
  if (!spec.ok()) return spec.status();
  setup.cell = *std::move(spec);
  setup.model = settings.model;
  setup.model.cell = cell;
  setup.model.symbols = setup.probe.symbols;
  setup.model.numbers = setup.probe.numbers;
  setup.model.outputs = std::max<int64_t>(1, setup.probe.classes);
  setup.model.seed = seed;
  if (settings.parameters > 0) {
    const absl::StatusOr<int64_t> hidden = LargestHidden(setup.model, settings.parameters);
    if (!hidden.ok()) return hidden.status();
    setup.model.hidden = *hidden;
  }
  return setup;
}

// The class of largest logit at each place.
std::vector<int32_t> Likeliest(const Tensor& logits, int64_t classes) {
  std::vector<int32_t> likeliest;
  const absl::Span<const float> numbers = logits.values<float>();
  for (size_t begin = 0; begin < numbers.size(); begin += classes) {
    const auto first = numbers.begin() + static_cast<std::ptrdiff_t>(begin);
    likeliest.push_back(static_cast<int32_t>(std::max_element(first, first + classes) - first));
  }
  return likeliest;
}

class ProbeLearner : public Learner {
 public:
  ProbeLearner(const ProbeSettings& settings, const Setup& setup)
      : settings_(settings), probe_(setup.probe), seed_(setup.model.seed), model_(setup.model) {}

  VariableStore& variables() override { return model_.variables(); }

  absl::StatusOr<Loss> Update(const Optimizer& optimizer, const MinimizeOptions& minimize,
                              const RunOptions& run) override {
    const ProbeBatch batch = DrawBatch(
        probe_, {seed_, "train", updates_ * settings_.training.batch, settings_.training.batch});
    ++updates_;
    Tape tape;
    const Value loss = Record(tape, probe_, batch, /*training=*/true).loss;
    optimizer.Minimize(loss, variables(), minimize);
    const absl::StatusOr<double> number = tape.Read(loss, run);
    if (!number.ok()) return number.status();
    return Loss{*number, batch.answers};
  }

  absl::StatusOr<Validation> Validate(const RunOptions& run) override {
    const absl::StatusOr<ProbeScore> score =
        Score(probe_, "validation", settings_.validation_sequences, run);
    if (!score.ok()) return score.status();
    if (score->accuracy >= probe_.solved && !solved_after_) solved_after_ = updates_;
    return Validation{score->loss, score->accuracy};
  }

  bool Finished() const override { return settings_.stop_when_solved && solved_after_.has_value(); }
  std::optional<int64_t> solved_after() const { return solved_after_; }

  absl::StatusOr<ProbeScore> Score(const Probe& probe, const std::string& part, int64_t sequences,
                                   const RunOptions& run) {
    constexpr int64_t kColumns = 128;
    double loss = 0;
    int64_t answers = 0;
    int64_t right = 0;
    int64_t right_sequences = 0;
    for (int64_t first = 0; first < sequences; first += kColumns) {
      const int64_t columns = std::min(kColumns, sequences - first);
      const ProbeBatch batch = DrawBatch(probe, {seed_, part, first, columns});
      Tape tape;
      const Recorded recorded = Record(tape, probe, batch, /*training=*/false);
      const absl::StatusOr<std::vector<Tensor>> read =
          tape.Read({recorded.loss, recorded.outputs}, run);
      if (!read.ok()) return read.status();
      loss += (*read)[0].At(0) * static_cast<double>(batch.answers);
      answers += batch.answers;
      const std::vector<bool> wrong = Wrong(probe, batch, (*read)[1]);
      std::vector<bool> wrong_sequence(columns, false);
      for (size_t place = 0; place < wrong.size(); ++place) {
        right -= wrong[place];
        if (wrong[place]) wrong_sequence[place % columns] = true;
      }
      right += batch.answers;
      right_sequences += std::count(wrong_sequence.begin(), wrong_sequence.end(), false);
    }
    const bool by_sequence = probe.accuracy == ProbeAccuracy::kSequences;
    const auto asked = static_cast<double>(std::max<int64_t>(1, answers));
    return ProbeScore{.lag = probe.lag,
                      .loss = loss / asked,
                      .accuracy = by_sequence ? static_cast<double>(right_sequences) /
                                                    static_cast<double>(sequences)
                                              : static_cast<double>(right) / asked,
                      .memoryless_loss = probe.memoryless_loss};
  }

 private:
  struct Recorded {
    Value loss;     // mean over the answers
    Value outputs;  // (T - first answer, B, O)
  };

  Recorded Record(Tape& tape, const Probe& probe, const ProbeBatch& batch, bool training) {
    // No mask: all answers stand ahead of the padding, which comes too late to change them.
    const Value outputs =
        model_(tape.Feed(batch.inputs), {.training = training}, probe.first_answer);
    const auto asked_steps = [&](const Tensor& tensor) {
      return Slice(tape.Feed(tensor), 0, probe.first_answer, probe.steps);
    };
    const Value targets = asked_steps(batch.targets);
    if (probe.classes > 0) return {CrossEntropy(outputs, targets), outputs};
    const Value asked = asked_steps(batch.asked);
    const Value error = Reshape(outputs, targets.shape()) - targets;
    return {Sum(asked * Square(error)) / Sum(asked), outputs};
  }

  // Of each place from the first answer on: whether it is asked and the output is wrong.
  static std::vector<bool> Wrong(const Probe& probe, const ProbeBatch& batch,
                                 const Tensor& outputs) {
    const int64_t begin = probe.first_answer * batch.asked.shape()[1];
    const int64_t places = batch.asked.elements() - begin;
    const std::vector<int32_t> likeliest =
        probe.classes > 0 ? Likeliest(outputs, probe.classes) : std::vector<int32_t>();
    std::vector<bool> wrong(places, false);
    for (int64_t place = 0; place < places; ++place) {
      if (batch.asked.At(begin + place) == 0) continue;
      const double target = batch.targets.At(begin + place);
      wrong[place] = probe.classes > 0 ? likeliest[place] != static_cast<int32_t>(target)
                                       : !(std::abs(outputs.At(place) - target) <= probe.tolerance);
    }
    return wrong;
  }

  const ProbeSettings& settings_;
  const Probe& probe_;
  uint64_t seed_;
  SequenceModel model_;
  int64_t updates_ = 0;
  std::optional<int64_t> solved_after_;
};

}  // namespace

absl::Status CheckProbeSettings(const ProbeSettings& settings, const std::string& cell,
                                int64_t lag) {
  return Prepare(settings, cell, lag, 1).status();
}

absl::StatusOr<ProbeRun> RunProbe(const ProbeSettings& settings, const std::string& cell,
                                  int64_t lag, uint64_t seed, const RunOptions& run,
                                  const TrainingHooks& hooks) {
  const absl::StatusOr<Setup> setup = Prepare(settings, cell, lag, seed);
  if (!setup.ok()) return setup.status();
  ProbeLearner learner(settings, *setup);
  absl::StatusOr<RunResult> result = RunTraining(learner, settings.training, run, hooks);
  if (!result.ok()) return result.status();
  ProbeRun outcome{.cell = CellLabel(cell),
                   .conventions = setup->cell.Conventions(),
                   .lag = lag,
                   .seed = seed,
                   .hidden = setup->model.hidden,
                   .parameters = learner.variables().parameters(),
                   .memoryless_loss = setup->probe.memoryless_loss,
                   .result = *std::move(result),
                   .batch = settings.training.batch};
  if (outcome.result.status != RunStatus::kFinished) return outcome;
  if (!learner.solved_after()) {
    const absl::StatusOr<Learner::Validation> last = learner.Validate(run);
    if (!last.ok()) return last.status();
    if (!outcome.result.curve.empty()) {
      outcome.result.curve.back().validation_loss = last->loss;
      outcome.result.curve.back().validation_accuracy = last->accuracy;
    }
  }
  outcome.solved_after = learner.solved_after();
  for (const Probe& test : setup->tests) {
    absl::StatusOr<ProbeScore> score = learner.Score(test, "test", settings.test_sequences, run);
    if (!score.ok()) return score.status();
    outcome.tests.push_back(*score);
  }
  return outcome;
}

}  // namespace sluice
