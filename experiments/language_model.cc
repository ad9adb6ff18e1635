#include <sluice/experiments/language_model.h>
#include <sluice/layers/cell_text.h>
#include <sluice/ops/composed.h>

namespace sluice {
namespace {

// A cell that is a file as a text, so that the model can be saved and loaded without the file.
LanguageModelOptions WithoutFiles(LanguageModelOptions options) {
  absl::StatusOr<std::string> cell = WithoutFile(options.cell);
  if (cell.ok()) options.cell = *std::move(cell);  // otherwise the model itself says what is wrong
  return options;
}

}  // namespace

LanguageModel::LanguageModel(const LanguageModelOptions& options)
    : options_(WithoutFiles(options)),
      model_({.cell = options_.cell,
              .symbols = options.vocabulary,
              .outputs = options.vocabulary,
              .embedding = options.embedding,
              .hidden = options.hidden,
              .layers = options.layers,
              .dropout = options.dropout,
              .variational = options.variational,
              .tied = options.tied,
              .seed = options.seed}) {}

LanguageModel::Losses LanguageModel::Record(Tape& tape, const Batch& batch,
                                            const std::string& carry, bool training) {
  RecurrentInputs inputs{.carry = carry, .training = training};
  // Most batches have no padding, and need no mask.
  if (batch.tokens < batch.inputs.elements()) inputs.mask = tape.Feed(batch.mask);
  const Value logits = Logits(tape.Feed(batch.inputs), inputs);
  const Value targets = tape.Feed(batch.targets);
  return {CrossEntropy(logits, targets), Sum(CrossEntropyEach(logits, targets))};
}

absl::StatusOr<double> LanguageModel::Update(const Batch& batch, const Optimizer& optimizer,
                                             const MinimizeOptions& minimize,
                                             const RunOptions& run) {
  if (batch.starts_sequence) recurrent().ResetState("train");
  Tape tape;
  const Value loss = Record(tape, batch, "train", /*training=*/true).mean;
  optimizer.Minimize(loss, variables(), minimize);
  return tape.Read(loss, run);
}

absl::StatusOr<LanguageModel::Evaluation> LanguageModel::Evaluate(const Part& part,
                                                                  const StreamOptions& streams,
                                                                  int64_t max_tokens,
                                                                  const RunOptions& run) {
  const absl::StatusOr<Batches> batches = part.Streams(streams);
  if (!batches.ok()) return batches.status();
  Evaluation result;
  for (const Batch& batch : *batches) {
    if (batch.starts_sequence) recurrent().ResetState("evaluate");
    Tape tape;
    const absl::StatusOr<double> nats =
        tape.Read(Record(tape, batch, "evaluate", /*training=*/false).sum, run);
    if (!nats.ok()) return nats.status();
    result.nats += *nats;
    result.tokens += batch.tokens;
    if (max_tokens > 0 && result.tokens >= max_tokens) break;
  }
  return result;
}

absl::StatusOr<Tensor> LanguageModel::Predict(int32_t id, const RunOptions& run) {
  Tape tape;
  const Value ids = tape.Feed(Tensor(Shape{1, 1}, std::vector<int32_t>{id}));
  const Value logits = Logits(ids, {.carry = "sample", .training = false});
  const Value log_probabilities = Reshape(LogSoftmax(logits), {options_.vocabulary});
  absl::StatusOr<std::vector<Tensor>> result =
      tape.Read(absl::MakeConstSpan(&log_probabilities, 1), run);
  if (!result.ok()) return result.status();
  return result->front();
}

}  // namespace sluice
