#include <sluice/layers/cell.h>
#include <sluice/ops/composed.h>

namespace sluice {
namespace {

// Ravanelli et al. 2018: a GRU without a reset gate and with relu.
//   z = s(N(W x) + U h),  c = relu(N(W x) + U h),  h' = z * h + (1 - z) * c
// N is batch normalisation in the paper. Here a row never depends on the other rows of its batch:
// N normalises the units of one row (Ba et al. 2016), with a gain and a shift each, or is a bias.
class LightGru : public Cell {
 public:
  LightGru(const Scope& scope, const CellSize& size, const CellOptions& options)
      : normalised_(options.Is("norm", "layer")),
        update_(scope / "update", size, {.biased = !normalised_}),
        candidate_(scope / "candidate", size, {.biased = !normalised_}) {
    if (!normalised_) return;
    update_norm_ = Norm(scope / "update", size.hidden);
    candidate_norm_ = Norm(scope / "candidate", size.hidden);
  }

  State Step(Value x, const State& s) const override {
    const Value h = s["h"];
    const Value z = Gate("update", Sigmoid(Sum(update_, update_norm_, x, h)));
    const Value c = Candidate("candidate", Relu(Sum(candidate_, candidate_norm_, x, h)));
    return {{"h", z * h + (1 - z) * c}};
  }

 private:
  struct NormVariables {
    NormVariables() = default;
    Variable* gain = nullptr;
    Variable* shift = nullptr;
  };
  static NormVariables Norm(const Scope& scope, int64_t hidden) {
    NormVariables norm;
    norm.gain = &scope.Trainable("gain", {hidden}, ConstantInitializer(1));
    norm.shift = &scope.Trainable("shift", {hidden}, ConstantInitializer(0));
    return norm;
  }
  Value Sum(const GateInput& gate, const NormVariables& norm, Value x, Value h) const {
    if (!normalised_) return gate(x, h);
    Tape& tape = *h.tape();
    return LayerNorm(gate.Input(x), tape.Use(*norm.gain), tape.Use(*norm.shift)) +
           gate.Recurrent(h);
  }

  bool normalised_;
  GateInput update_, candidate_;
  NormVariables update_norm_, candidate_norm_;
};

const RegisterCell kLightGru({
    .name = "ligru",
    .title = "Light gated recurrent unit",
    .equations = "z = s(N(W x) + U h), c = relu(N(W x) + U h), h' = z * h + (1 - z) * c",
    .source = "Ravanelli, Brakel, Omologo, Bengio 2018, Light gated recurrent units for speech "
              "recognition",
    .gates = {{"update", Polarity::kKeeps}},
    .options =
        {{"norm",
          "layer",
          {"layer", "none"},
          "N: normalises the units of a row, or is a bias; the paper's batch norm mixes rows"}},
    .parameters =
        [](const CellSize& size, const CellOptions& options) {
          if (options.Is("norm", "none")) return GateParameters(size, 2);
          return GateParameters(size, 2, {.biased = false}) + ParameterCount{.vectors = 4};
        },
    .make = MakeCell<LightGru>(),
});

}  // namespace
}  // namespace sluice
