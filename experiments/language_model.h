#ifndef SLUICE_EXPERIMENTS_LANGUAGE_MODEL_H_
#define SLUICE_EXPERIMENTS_LANGUAGE_MODEL_H_

#include <string>

#include <sluice/data/batches.h>
#include <sluice/experiments/sequence_model.h>
#include <sluice/optim/optimizer.h>

namespace sluice {

struct LanguageModelOptions {
  std::string cell = "gru";
  int64_t vocabulary = 0;
  int64_t embedding = 64;  // 0: one-hot inputs
  int64_t hidden = 256;
  int layers = 1;
  double dropout = 0;
  bool variational = false;
  bool tied = false;  // the read-out shares the embedding's table; embedding must equal hidden
  uint64_t seed = 0;
};

// Embedding or one-hot, recurrent layers, linear read-out: predicts the next token.
class LanguageModel {
 public:
  explicit LanguageModel(const LanguageModelOptions& options);

  // Values of one batch on a tape.
  struct Losses {
    Value mean;  // cross-entropy in nats per token
    Value sum;   // in nats, over all tokens of the batch
  };
  // `carry` names the state that goes on from batch to batch.
  Losses Record(Tape& tape, const Batch& batch, const std::string& carry, bool training);
  // Logits (T, B, V) of ids (T, B).
  Value Logits(Value ids, const RecurrentInputs& inputs) { return model_(ids, inputs); }

  // Trains on one batch. Returns the mean loss before the update.
  absl::StatusOr<double> Update(const Batch& batch, const Optimizer& optimizer,
                                const MinimizeOptions& minimize, const RunOptions& run);
  // Nats of all targets of a part, in streams from a zero state; at most `max_tokens` of them (0:
  // all).
  struct Evaluation {
    double nats = 0;
    int64_t tokens = 0;
    double nats_per_token() const { return nats / static_cast<double>(tokens); }
  };
  absl::StatusOr<Evaluation> Evaluate(const Part& part, const StreamOptions& streams,
                                      int64_t max_tokens, const RunOptions& run);

  // Log-probabilities (V) of the token after `id`; the state is carried from call to call, from
  // zeros at first and after ResetSampling().
  absl::StatusOr<Tensor> Predict(int32_t id, const RunOptions& run);
  void ResetSampling() { recurrent().ResetState("sample"); }

  VariableStore& variables() { return model_.variables(); }
  const Recurrent& recurrent() const { return model_.recurrent(); }
  const LanguageModelOptions& options() const { return options_; }

 private:
  LanguageModelOptions options_;
  SequenceModel model_;
};

}  // namespace sluice

#endif  // SLUICE_EXPERIMENTS_LANGUAGE_MODEL_H_
