#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>
#include <optional>
#include <tuple>

#include <sluice/experiments/training.h>
#include <sluice/graph/program_cache.h>

namespace sluice {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

int64_t PeakBytes(VariableStore& variables) {
  int64_t bytes = variables.programs().bytes();
  for (const Variable* variable : variables.variables()) bytes += variable->value().bytes();
  return bytes;
}

// A run from its first update to its last.
class Loop {
 public:
  Loop(Learner& learner, const TrainingOptions& options, const RunOptions& run,
       const TrainingHooks& hooks)
      : learner_(learner), options_(options), run_(run), hooks_(hooks) {}

  absl::StatusOr<RunResult> Run() {
    const absl::StatusOr<const OptimizerRecord*> record =
        OptimizerRegistry::Global().Find(options_.optimizer);
    if (!record.ok()) return record.status();
    const double rate =
        options_.learning_rate > 0 ? options_.learning_rate : (*record)->standard_rate;
    optimizer_ = (*record)->make(rate);
    while (!Done()) {
      if (absl::Status status = Update(); !status.ok()) return status;
    }
    if (loss_tokens_ > 0) AddPoint({});
    result_.peak_bytes = PeakBytes(learner_.variables());
    return result_;
  }

 private:
  // The largest part used up of any limit, from 0 to 1.
  double Share() const {
    const Budget& budget = options_.budget;
    double share = 0;
    const auto use = [&share](double used, double limit) {
      if (limit > 0) share = std::max(share, used / limit);
    };
    use(static_cast<double>(result_.tokens), static_cast<double>(budget.tokens));
    use(static_cast<double>(result_.updates), static_cast<double>(budget.updates));
    use(result_.seconds, budget.seconds);
    return share;
  }

  bool Done() const {
    return result_.status != RunStatus::kFinished || Share() >= 1 || learner_.Finished();
  }

  absl::Status Update() {
    const Clock::time_point start = Clock::now();
    RunOptions run = run_;
    if (result_.updates < kTracedUpdates) run.trace = hooks_.trace;
    const absl::StatusOr<Learner::Loss> loss =
        learner_.Update(*optimizer_, {.clip_norm = options_.clip}, run);
    if (!loss.ok()) return loss.status();
    result_.seconds += SecondsSince(start);
    result_.tokens += loss->tokens;
    ++result_.updates;
    if (!std::isfinite(loss->mean)) {
      result_.status = RunStatus::kDiverged;
      return absl::OkStatus();
    }
    loss_sum_ += loss->mean * static_cast<double>(loss->tokens);
    loss_tokens_ += loss->tokens;
    if (hooks_.interrupted && hooks_.interrupted()) result_.status = RunStatus::kInterrupted;
    if (absl::Status status = ValidateOnTheWay(); !status.ok()) return status;
    Report();
    return absl::OkStatus();
  }

  // The last one, at the end of the budget, is the caller's.
  bool ValidationIsDue() const {
    const double share = Share();
    if (share >= 1) return false;
    if (options_.evaluate_every > 0) return result_.updates % options_.evaluate_every == 0;
    const double due = static_cast<double>(points_ + 1) / std::max(1, options_.evaluations);
    return share >= due && options_.evaluations > 0;
  }

  absl::Status ValidateOnTheWay() {
    if (!ValidationIsDue()) return absl::OkStatus();
    ++points_;
    const absl::StatusOr<Learner::Validation> validation = learner_.Validate(run_);
    if (!validation.ok()) return validation.status();
    AddPoint(*validation);
    return absl::OkStatus();
  }

  void AddPoint(const Learner::Validation& validation) {
    const double loss = loss_tokens_ > 0 ? loss_sum_ / static_cast<double>(loss_tokens_) : 0;
    result_.curve.push_back({result_.tokens, result_.updates, result_.seconds, loss,
                             validation.loss, validation.accuracy});
    loss_sum_ = 0;
    loss_tokens_ = 0;
  }

  void Report() const {
    if (!hooks_.progress) return;
    Progress progress;
    progress.share = std::min(1.0, Share());
    if (loss_tokens_ > 0) {
      progress.train_loss = loss_sum_ / static_cast<double>(loss_tokens_);
    } else if (!result_.curve.empty()) {
      progress.train_loss = result_.curve.back().train_loss;
    }
    if (!result_.curve.empty()) progress.validation_loss = result_.curve.back().validation_loss;
    progress.tokens_per_second = result_.tokens_per_second();
    progress.seconds_left =
        progress.share > 0 ? result_.seconds / progress.share * (1 - progress.share) : 0;
    hooks_.progress(progress);
  }

  Learner& learner_;
  const TrainingOptions& options_;
  const RunOptions& run_;
  const TrainingHooks& hooks_;
  std::unique_ptr<Optimizer> optimizer_;
  RunResult result_;
  int points_ = 0;
  double loss_sum_ = 0;
  int64_t loss_tokens_ = 0;
};

// A language model and its corpus.
class CorpusLearner : public Learner {
 public:
  CorpusLearner(LanguageModel& model, const Corpus& corpus, const TrainingOptions& options)
      : model_(model), corpus_(corpus), options_(options) {}

  // A part that is too short for the batch should be known before the training, not after it.
  absl::Status Prepare() {
    absl::StatusOr<Batches> batches = corpus_.train().Streams(Streams(corpus_.train()));
    if (!batches.ok()) return batches.status();
    batches_.emplace(*std::move(batches));
    for (const Part& part : {corpus_.validation(), corpus_.test()}) {
      if (part.tokens() < 2) continue;
      if (absl::Status status = part.Streams(Streams(part)).status(); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  VariableStore& variables() override { return model_.variables(); }

  absl::StatusOr<Loss> Update(const Optimizer& optimizer, const MinimizeOptions& minimize,
                              const RunOptions& run) override {
    const Batch batch = (*batches_)[next_];
    next_ = (next_ + 1) % batches_->size();
    const absl::StatusOr<double> nats = model_.Update(batch, optimizer, minimize, run);
    if (!nats.ok()) return nats.status();
    return Loss{*nats, batch.tokens};
  }

  absl::StatusOr<Validation> Validate(const RunOptions& run) override {
    const Part part = corpus_.validation();
    if (part.tokens() < 2) return Validation{};
    const auto score = model_.Evaluate(part, Streams(part), options_.evaluation_tokens, run);
    if (!score.ok()) return score.status();
    return Validation{.loss = score->nats_per_token()};
  }

  absl::Status ScoreAll(RunResult& result, const RunOptions& run) {
    // The training part is scored on as many tokens as the validation part has, and on all if it is
    // small.
    constexpr int64_t kSmall = 20'000;
    const int64_t train_tokens = std::max(kSmall, corpus_.validation().tokens());
    for (const auto& [part, tokens, score] :
         {std::tuple(corpus_.train(), train_tokens, &result.train),
          std::tuple(corpus_.validation(), int64_t{0}, &result.validation),
          std::tuple(corpus_.test(), int64_t{0}, &result.test)}) {
      if (part.tokens() < 2) continue;
      const auto evaluation = model_.Evaluate(part, Streams(part), tokens, run);
      if (!evaluation.ok()) return evaluation.status();
      *score = Score{evaluation->nats_per_token()};
      // Losses may stay finite, at a number whose perplexity is none.
      if (!std::isfinite((*score)->perplexity())) result.status = RunStatus::kDiverged;
    }
    if (result.status == RunStatus::kDiverged) {
      result.train = result.validation = result.test = std::nullopt;
    }
    if (!result.curve.empty() && result.validation) {
      result.curve.back().validation_loss = result.validation->nats_per_token;
    }
    return absl::OkStatus();
  }

 private:
  // No more steps than the longest stream has: padding would be recorded and computed for nothing.
  StreamOptions Streams(const Part& part) const {
    StreamOptions streams{.batch = options_.batch, .steps = options_.steps};
    if (streams.batch < 1) return streams;  // an error of Part::Streams
    const int64_t longest = (part.tokens() - 1 + streams.batch - 1) / streams.batch;
    streams.steps = std::min(streams.steps, std::max<int64_t>(1, longest));
    return streams;
  }

  LanguageModel& model_;
  const Corpus& corpus_;
  const TrainingOptions& options_;
  std::optional<Batches> batches_;
  int64_t next_ = 0;
};

}  // namespace

double Score::bits_per_token() const { return nats_per_token / std::numbers::ln2; }
double Score::perplexity() const { return std::exp(nats_per_token); }

absl::string_view Name(RunStatus status) {
  switch (status) {
    case RunStatus::kFinished:
      return "finished";
    case RunStatus::kDiverged:
      return "diverged";
    case RunStatus::kInterrupted:
      return "interrupted";
  }
  return "?";
}

absl::StatusOr<RunResult> RunTraining(Learner& learner, const TrainingOptions& options,
                                      const RunOptions& run, const TrainingHooks& hooks) {
  return Loop(learner, options, run, hooks).Run();
}

absl::StatusOr<RunResult> Train(LanguageModel& model, const Corpus& corpus,
                                const TrainingOptions& options, const RunOptions& run,
                                const TrainingHooks& hooks) {
  TrainingOptions limited = options;
  Budget& budget = limited.budget;
  if (budget.epochs > 0) {
    const int64_t tokens = budget.epochs * (corpus.train().tokens() - 1);
    budget.tokens = budget.tokens > 0 ? std::min(budget.tokens, tokens) : tokens;
  }
  if (budget.tokens <= 0 && budget.updates <= 0 && budget.seconds <= 0) {
    return absl::InvalidArgumentError("a budget of tokens, epochs or seconds is needed");
  }
  CorpusLearner learner(model, corpus, limited);
  if (absl::Status status = learner.Prepare(); !status.ok()) return status;
  absl::StatusOr<RunResult> result = RunTraining(learner, limited, run, hooks);
  if (!result.ok() || result->status != RunStatus::kFinished) return result;
  if (absl::Status status = learner.ScoreAll(*result, run); !status.ok()) return status;
  // Scoring plans programs of its own.
  result->peak_bytes = PeakBytes(model.variables());
  return result;
}

}  // namespace sluice
