#include <cmath>

#include <absl/strings/str_cat.h>

#include <sluice/experiments/language_model.h>
#include <sluice/ops/composed.h>

namespace sluice {

LanguageModel::LanguageModel(const LanguageModelOptions& options)
    : options_(options), variables_({.seed = options.seed}) {
  const Scope root = variables_.root();
  if (options.tied && options.embedding != options.hidden) {
    variables_.Fail(absl::InvalidArgumentError(
        absl::StrCat("a tied read-out needs an embedding as large as the hidden state; they are ",
                     options.embedding, " and ", options.hidden)));
  }
  // A framework's initial values are those of the whole model where they say something about the
  // rest.
  const absl::StatusOr<CellSpec> spec = ParseCellSpec(options.cell);
  const bool small = spec.ok() && spec->options.at("init") == "d2l";
  const Initializer weights = small ? NormalInitializer(0, 0.01) : GlorotInitializer();
  if (options.embedding > 0) {
    // A tied table is a read-out too, whose logits should start small.
    const double deviation = options.tied ? 1 / std::sqrt(static_cast<double>(options.hidden))
                             : small      ? 0.01
                                          : 1;
    embedding_.emplace(root / "embedding", options.vocabulary, options.embedding,
                       NormalInitializer(0, deviation));
  }
  recurrent_.emplace(
      root / "rnn",
      RecurrentOptions{.cell = options.cell,
                       .inputs = options.embedding > 0 ? options.embedding : options.vocabulary,
                       .hidden = options.hidden,
                       .layers = options.layers,
                       .dropout = options.dropout,
                       .variational = options.variational});
  if (!options.tied) {
    read_out_.emplace(root / "read_out", options.hidden, options.vocabulary,
                      Linear::Options{.weights = weights});
  }
}

Value LanguageModel::Logits(Value ids, const RecurrentInputs& inputs) {
  const Value x =
      embedding_ ? (*embedding_)(ids) : OneHot(ids, options_.vocabulary, variables_.dtype());
  const Value hidden = recurrent_->Run(x, inputs).outputs;
  return read_out_ ? (*read_out_)(hidden) : embedding_->ReadOut(hidden);
}

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
  if (batch.starts_sequence) recurrent_->ResetState("train");
  Tape tape;
  const Value loss = Record(tape, batch, "train", /*training=*/true).mean;
  optimizer.Minimize(loss, variables_, minimize);
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
    if (batch.starts_sequence) recurrent_->ResetState("evaluate");
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
