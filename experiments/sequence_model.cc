#include <cmath>

#include <absl/strings/str_cat.h>

#include <sluice/experiments/sequence_model.h>
#include <sluice/layers/cell_text.h>
#include <sluice/ops/composed.h>

namespace sluice {
namespace {

int64_t InputsOf(const SequenceModelOptions& options) {
  if (options.symbols == 0) return options.numbers;
  return options.embedding > 0 ? options.embedding : options.symbols;
}

}  // namespace

SequenceModel::SequenceModel(const SequenceModelOptions& options)
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
  if (options.symbols > 0 && options.embedding > 0) {
    // A tied table is a read-out too, whose logits should start small.
    const double deviation = options.tied ? 1 / std::sqrt(static_cast<double>(options.hidden))
                             : small      ? 0.01
                                          : 1;
    embedding_.emplace(root / "embedding", options.symbols, options.embedding,
                       NormalInitializer(0, deviation));
  }
  recurrent_.emplace(root / "rnn", RecurrentOptions{.cell = options.cell,
                                                    .inputs = InputsOf(options),
                                                    .hidden = options.hidden,
                                                    .layers = options.layers,
                                                    .dropout = options.dropout,
                                                    .variational = options.variational});
  if (!options.tied) {
    read_out_.emplace(root / "read_out", options.hidden, options.outputs,
                      Linear::Options{.weights = weights});
  }
}

Value SequenceModel::operator()(Value inputs, const RecurrentInputs& recurrent,
                                int64_t first_step) {
  const Value x = options_.symbols == 0 ? inputs
                  : embedding_          ? (*embedding_)(inputs)
                                        : OneHot(inputs, options_.symbols, variables_.dtype());
  Value hidden = recurrent_->Run(x, recurrent).outputs;
  if (first_step > 0) hidden = Slice(hidden, 0, first_step, inputs.shape()[0]);
  return read_out_ ? (*read_out_)(hidden) : embedding_->ReadOut(hidden);
}

int64_t CountParameters(const SequenceModelOptions& options) {
  const absl::StatusOr<CellSpec> spec = ParseCellSpec(options.cell);
  const bool has_formula =
      spec.ok() && CountParameters(*spec, 1, options.hidden).has_value() && !options.tied;
  if (!has_formula) return SequenceModel(options).variables().parameters();
  int64_t parameters = (options.hidden + 1) * options.outputs;
  if (options.symbols > 0) parameters += options.symbols * options.embedding;
  for (int layer = 0; layer < options.layers; ++layer) {
    const int64_t inputs = layer == 0 ? InputsOf(options) : options.hidden;
    parameters += CountParameters(*spec, inputs, options.hidden)->Of(inputs, options.hidden);
  }
  return parameters;
}

absl::StatusOr<int64_t> LargestHidden(SequenceModelOptions options, int64_t parameters) {
  const auto fits = [&](int64_t hidden) {
    options.hidden = hidden;
    return CountParameters(options) <= parameters;
  };
  if (!fits(1)) {
    return absl::InvalidArgumentError(absl::StrCat(CellLabel(options.cell), " with 1 unit has ",
                                                   CountParameters(options),
                                                   " parameters, more than ", parameters));
  }
  int64_t fitting = 1;
  int64_t too_large = 2;
  while (fits(too_large)) {
    fitting = too_large;
    too_large *= 2;
  }
  while (too_large - fitting > 1) {
    const int64_t middle = fitting + (too_large - fitting) / 2;
    (fits(middle) ? fitting : too_large) = middle;
  }
  return fitting;
}

}  // namespace sluice
