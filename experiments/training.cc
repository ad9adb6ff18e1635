#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>

#include <sluice/experiments/training.h>
#include <sluice/graph/program_cache.h>

namespace sluice {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// One run from its first update to its scores.
class Trainer {
 public:
  Trainer(LanguageModel& model, const Corpus& corpus, const TrainingOptions& options,
          const RunOptions& run, const TrainingHooks& hooks)
      : model_(model), corpus_(corpus), options_(options), run_(run), hooks_(hooks) {}

  absl::StatusOr<RunResult> Run() {
    const absl::StatusOr<const OptimizerRecord*> record =
        OptimizerRegistry::Global().Find(options_.optimizer);
    if (!record.ok()) return record.status();
    const double rate =
        options_.learning_rate > 0 ? options_.learning_rate : (*record)->standard_rate;
    optimizer_ = (*record)->make(rate);
    const absl::StatusOr<Batches> batches = corpus_.train().Streams(Streams(corpus_.train()));
    if (!batches.ok()) return batches.status();
    epoch_tokens_ = corpus_.train().tokens() - 1;

    // A part that is too short for the batch should be known before the training, not after it.
    for (const Part& part : {corpus_.validation(), corpus_.test()}) {
      if (part.tokens() < 2) continue;
      if (absl::Status status = part.Streams(Streams(part)).status(); !status.ok()) return status;
    }
    while (!Done()) {
      if (absl::Status status = Epoch(*batches); !status.ok()) return status;
    }
    if (loss_tokens_ > 0) AddPoint(std::nullopt);
    if (result_.status == RunStatus::kFinished) {
      if (absl::Status status = ScoreAll(); !status.ok()) return status;
    }
    result_.peak_bytes = model_.variables().programs().bytes();
    for (const Variable* variable : model_.variables().variables()) {
      result_.peak_bytes += variable->value().bytes();
    }
    return result_;
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

  // The largest part used up of any limit, from 0 to 1.
  double Share() const {
    const Budget& budget = options_.budget;
    double share = 0;
    if (budget.tokens > 0) {
      share =
          std::max(share, static_cast<double>(result_.tokens) / static_cast<double>(budget.tokens));
    }
    if (budget.epochs > 0) {
      share = std::max(share, static_cast<double>(result_.tokens) /
                                  static_cast<double>(budget.epochs * epoch_tokens_));
    }
    if (budget.seconds > 0) share = std::max(share, result_.seconds / budget.seconds);
    return share;
  }

  bool Done() const { return result_.status != RunStatus::kFinished || Share() >= 1; }

  absl::Status Epoch(const Batches& batches) {
    for (const Batch& batch : batches) {
      if (Done()) break;
      const Clock::time_point start = Clock::now();
      RunOptions run = run_;
      if (result_.updates < kTracedUpdates) run.trace = hooks_.trace;
      const absl::StatusOr<double> nats =
          model_.Update(batch, *optimizer_, {.clip_norm = options_.clip}, run);
      if (!nats.ok()) return nats.status();
      result_.seconds += SecondsSince(start);
      result_.tokens += batch.tokens;
      ++result_.updates;
      if (!std::isfinite(*nats)) {
        result_.status = RunStatus::kDiverged;
        break;
      }
      loss_sum_ += *nats * static_cast<double>(batch.tokens);
      loss_tokens_ += batch.tokens;
      if (hooks_.interrupted && hooks_.interrupted()) result_.status = RunStatus::kInterrupted;
      if (absl::Status status = EvaluateOnTheWay(); !status.ok()) return status;
      Report();
    }
    return absl::OkStatus();
  }

  absl::Status EvaluateOnTheWay() {
    const double share = Share();
    const double due = static_cast<double>(points_ + 1) / std::max(1, options_.evaluations);
    if (share < due || share >= 1 || options_.evaluations == 0) return absl::OkStatus();
    ++points_;
    std::optional<double> validation;
    if (corpus_.validation().tokens() > 1) {
      const auto score = model_.Evaluate(corpus_.validation(), Streams(corpus_.validation()),
                                         options_.evaluation_tokens, run_);
      if (!score.ok()) return score.status();
      validation = score->nats_per_token();
    }
    AddPoint(validation);
    return absl::OkStatus();
  }

  void AddPoint(std::optional<double> validation) {
    const double nats = loss_tokens_ > 0 ? loss_sum_ / static_cast<double>(loss_tokens_) : 0;
    result_.curve.push_back({result_.tokens, result_.updates, result_.seconds, nats, validation});
    loss_sum_ = 0;
    loss_tokens_ = 0;
  }

  void Report() const {
    if (!hooks_.progress) return;
    Progress progress;
    progress.share = std::min(1.0, Share());
    if (loss_tokens_ > 0) {
      progress.train_nats = loss_sum_ / static_cast<double>(loss_tokens_);
    } else if (!result_.curve.empty()) {
      progress.train_nats = result_.curve.back().train_nats;
    }
    if (!result_.curve.empty()) progress.validation_nats = result_.curve.back().validation_nats;
    progress.tokens_per_second = result_.tokens_per_second();
    progress.seconds_left =
        progress.share > 0 ? result_.seconds / progress.share * (1 - progress.share) : 0;
    hooks_.progress(progress);
  }

  absl::Status ScoreAll() {
    // The training part is scored on as many tokens as the validation part has, and on all if it is
    // small.
    constexpr int64_t kSmall = 20'000;
    const int64_t train_tokens = std::max(kSmall, corpus_.validation().tokens());
    for (const auto& [part, tokens, score] :
         {std::tuple(corpus_.train(), train_tokens, &result_.train),
          std::tuple(corpus_.validation(), int64_t{0}, &result_.validation),
          std::tuple(corpus_.test(), int64_t{0}, &result_.test)}) {
      if (part.tokens() < 2) continue;
      const auto evaluation = model_.Evaluate(part, Streams(part), tokens, run_);
      if (!evaluation.ok()) return evaluation.status();
      *score = Score{evaluation->nats_per_token()};
      // Losses may stay finite, at a number whose perplexity is none.
      if (!std::isfinite((*score)->perplexity())) result_.status = RunStatus::kDiverged;
    }
    if (result_.status == RunStatus::kDiverged) {
      result_.train = result_.validation = result_.test = std::nullopt;
    }
    if (!result_.curve.empty() && result_.validation) {
      result_.curve.back().validation_nats = result_.validation->nats_per_token;
    }
    return absl::OkStatus();
  }

  LanguageModel& model_;
  const Corpus& corpus_;
  const TrainingOptions& options_;
  const RunOptions& run_;
  const TrainingHooks& hooks_;
  std::unique_ptr<Optimizer> optimizer_;
  RunResult result_;
  int64_t epoch_tokens_ = 1;
  int points_ = 0;
  double loss_sum_ = 0;
  int64_t loss_tokens_ = 0;
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

absl::StatusOr<RunResult> Train(LanguageModel& model, const Corpus& corpus,
                                const TrainingOptions& options, const RunOptions& run,
                                const TrainingHooks& hooks) {
  if (options.budget.tokens <= 0 && options.budget.epochs <= 0 && options.budget.seconds <= 0) {
    return absl::InvalidArgumentError("a budget of tokens, epochs or seconds is needed");
  }
  return Trainer(model, corpus, options, run, hooks).Run();
}

}  // namespace sluice
