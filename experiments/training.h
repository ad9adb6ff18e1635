#ifndef SLUICE_EXPERIMENTS_TRAINING_H_
#define SLUICE_EXPERIMENTS_TRAINING_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <sluice/data/corpus.h>
#include <sluice/experiments/language_model.h>

namespace sluice {

// How long to train: the first of these that is reached; 0 is no limit.
struct Budget {
  int64_t tokens = 0;
  int64_t epochs = 0;
  int64_t updates = 0;
  double seconds = 0;  // of training, without evaluations
};

struct TrainingOptions {
  Budget budget;
  std::string optimizer = "adam";
  double learning_rate = 0;  // 0: the optimiser's standard
  double clip = 1;           // of the gradients' norm; 0: none
  int64_t batch = 32;
  int64_t steps = 35;
  int evaluations = 10;                // validation losses on the way, evenly over the budget
  int64_t evaluate_every = 0;          // not 0: one after every so many updates, in their place
  int64_t evaluation_tokens = 20'000;  // of each of them; the last one takes all
};

// Cross-entropy of a part of the corpus.
struct Score {
  double nats_per_token = 0;
  double bits_per_token() const;
  double perplexity() const;
};

struct CurvePoint {
  int64_t tokens = 0;
  int64_t updates = 0;
  double seconds = 0;
  double train_loss = 0;  // mean since the point before
  std::optional<double> validation_loss;
  std::optional<double> validation_accuracy;
};

enum class RunStatus : uint8_t { kFinished, kDiverged, kInterrupted };
absl::string_view Name(RunStatus status);

struct RunResult {
  RunStatus status = RunStatus::kFinished;
  int64_t tokens = 0;
  int64_t updates = 0;
  double seconds = 0;
  std::vector<CurvePoint> curve;
  // Missing where the run diverged or was interrupted, or the part has no tokens.
  std::optional<Score> train, validation, test;
  int64_t peak_bytes = 0;  // variables and the programs' arenas, as planned

  double tokens_per_second() const {
    return seconds > 0 ? static_cast<double>(tokens) / seconds : 0;
  }
};

struct Progress {
  double share = 0;  // of the budget
  double train_loss = 0;
  std::optional<double> validation_loss;
  double tokens_per_second = 0;
  double seconds_left = 0;
};

// Updates that a trace is told of: enough to see what repeats, little enough to look at.
inline constexpr int64_t kTracedUpdates = 5;

struct TrainingHooks {
  std::function<void(const Progress&)> progress;
  std::function<bool()> interrupted;  // asked after each update
  Trace* trace = nullptr;             // of the first kTracedUpdates updates
};

// What is trained, and on what: the loop below asks it for one update after the other.
class Learner {
 public:
  virtual ~Learner() = default;
  virtual VariableStore& variables() = 0;

  struct Loss {
    double mean = 0;     // before the update
    int64_t tokens = 0;  // that it is the mean of
  };
  virtual absl::StatusOr<Loss> Update(const Optimizer& optimizer, const MinimizeOptions& minimize,
                                      const RunOptions& run) = 0;
  // Of what is held out.
  struct Validation {
    std::optional<double> loss;
    std::optional<double> accuracy;
  };
  virtual absl::StatusOr<Validation> Validate(const RunOptions& run) = 0;
  // Whether there is nothing left to learn; asked after each validation.
  virtual bool Finished() const { return false; }
};

// Updates until the budget is used up or the learner has finished, with validations on the way. A
// loss that is not finite ends the run as diverged; that is a result, not an error. Gives no
// scores. The budget's limits are tokens, updates and seconds.
absl::StatusOr<RunResult> RunTraining(Learner& learner, const TrainingOptions& options,
                                      const RunOptions& run, const TrainingHooks& hooks = {});

// Trains a model on the corpus' first part, in streams that carry their state, and scores it on all
// three.
absl::StatusOr<RunResult> Train(LanguageModel& model, const Corpus& corpus,
                                const TrainingOptions& options, const RunOptions& run,
                                const TrainingHooks& hooks = {});

}  // namespace sluice

#endif  // SLUICE_EXPERIMENTS_TRAINING_H_
