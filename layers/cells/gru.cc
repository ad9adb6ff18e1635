#include <sluice/layers/cell.h>
#include <sluice/ops/composed.h>

namespace sluice {
namespace {

// Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder":
//   r, z = s(W x + U h + b)
//   c    = tanh(W x + U (r * h) + b)        reset before the product (version 3)
//   c    = tanh(W x + b + r * (U h + b))    reset after it (version 1); one bias is the first
//   h'   = z * h + (1 - z) * c              the update gate keeps the old state
//   h'   = (1 - z) * h + z * c              or takes the new one (Chung et al. 2014)
class Gru : public Cell {
 public:
  Gru(const Scope& scope, const CellSize& size, const CellOptions& options)
      : reset_(scope / "reset", size),
        update_(scope / "update", size),
        candidate_(scope / "candidate", size),
        reset_after_(options.Is("reset", "after")),
        keeps_(options.Is("update", "keep")),
        hard_(options.Is("gates", "hard_sigmoid")) {}

  State Step(Value x, const State& s) const override {
    const Value h = s["h"];
    const Value r = Gate("reset", Squash(reset_(x, h)));
    const Value z = Gate("update", Squash(update_(x, h)));
    const Value c = Candidate("candidate",
                              reset_after_ ? Tanh(candidate_.Input(x) + r * candidate_.Recurrent(h))
                                           : Tanh(candidate_(x, r * h)));
    return {{"h", keeps_ ? z * h + (1 - z) * c : (1 - z) * h + z * c}};
  }

 private:
  Value Squash(Value sum) const {
    if (!hard_) return Sigmoid(sum);
    return Minimum(Maximum(0.2 * sum + 0.5, NumberLike(0, sum)), NumberLike(1, sum));
  }

  GateInput reset_, update_, candidate_;
  bool reset_after_, keeps_, hard_;
};

std::vector<CellOption> GruOptions() {
  return {{"reset", "before", {"before", "after"}, "where the reset gate acts: on h, or on U h"},
          {"update", "keep", {"keep", "new"}, "what an update gate of 1 takes"},
          {"gates", "sigmoid", {"sigmoid", "hard_sigmoid"}, "hard: 0.2 x + 0.5 within 0 and 1"}};
}

ParameterCount CountGru(const CellSize& size, const CellOptions&) {
  return GateParameters(size, 3);
}

std::vector<GateRecord> GatesOfGru(const CellOptions& options) {
  return {{"reset", Polarity::kNeither},
          {"update", options.Is("update", "keep") ? Polarity::kKeeps : Polarity::kOneMinusGate}};
}

const RegisterCell kGru({
    .name = "gru",
    .title = "Gated recurrent unit",
    .equations = "r = s(W x + U h + b), z = s(W x + U h + b), c = tanh(W x + U (r * h) + b), "
                 "h' = z * h + (1 - z) * c",
    .source = "Cho et al. 2014, Learning phrase representations using RNN encoder-decoder",
    .gates = {{"reset", Polarity::kNeither}, {"update", Polarity::kKeeps}},
    .gates_of = GatesOfGru,
    .options = GruOptions(),
    .presets = {{"pytorch", "reset=after:biases=two:init=pytorch"},
                {"cudnn", "reset=after:biases=two:init=pytorch"},
                {"keras", "reset=after:biases=two:init=keras"},
                {"onnx", "reset=before:biases=two"},
                {"d2l", "reset=before:init=d2l"},
                {"cho2014", "reset=before:biases=none"},
                {"cho2014v1", "reset=after:biases=none"},
                {"chung2014", "reset=before:update=new:biases=none"},
                {"jozefowicz2015", "reset=before"},
                {"charrnn", "reset=before:update=new:biases=two"},
                {"cs224d", "reset=before:update=new"},
                {"d2l2019", "reset=after:init=d2l"},
                {"tf1", "reset=before:gates=hard_sigmoid:init=keras"}},
    .parameters = CountGru,
    .make = MakeCell<Gru>(),
});

// The GRU with `layer_norm`, by a name of its own. Its candidate is N(W x) + N(U (r * h)) + b.
const RegisterCell kLayerNormGru({
    .name = "lngru",
    .title = "Layer-normalised gated recurrent unit",
    .equations = "r = s(N(W x) + N(U h) + b), z = s(N(W x) + N(U h) + b), "
                 "c = tanh(N(W x) + N(U (r * h)) + b), h' = z * h + (1 - z) * c",
    .source = "Ba, Kiros, Hinton 2016, Layer normalization",
    .gates = {{"reset", Polarity::kNeither}, {"update", Polarity::kKeeps}},
    .gates_of = GatesOfGru,
    .options = GruOptions(),
    .parameters = [](const CellSize& size,
                     const CellOptions& options) { return CountGru(WithLayerNorm(size), options); },
    .make =
        [](const Scope& scope, const CellSize& size, const CellOptions& options) {
          return std::make_unique<Gru>(scope, WithLayerNorm(size), options);
        },
});

}  // namespace
}  // namespace sluice
