#include <sluice/layers/cell.h>
#include <sluice/ops/composed.h>

namespace sluice {
namespace {

// Ravanelli et al. 2018: a GRU without a reset gate and with relu.
//   z = s(N(W x) + U h + b),  c = relu(N(W x) + U h + b),  h' = z * h + (1 - z) * c
// N is batch normalisation in the paper. Here a row never depends on the other rows of its batch:
// N normalises the units of one row (Ba et al. 2016), with a gain, or does nothing; the shift is b.
class LightGru : public Cell {
 public:
  LightGru(const Scope& scope, const CellSize& size, const CellOptions& options)
      : update_(scope / "update", size, Sums(options)),
        candidate_(scope / "candidate", size, Sums(options)) {}

  // N(W x) * gain + U h + b, or W x + U h + b.
  static GateInput::Options Sums(const CellOptions& options) {
    return {.normalises_input = options.Is("norm", "layer")};
  }

  State Step(Value x, const State& s) const override {
    const Value h = s["h"];
    const Value z = Gate("update", Sigmoid(update_(x, h)));
    const Value c = Candidate("candidate", Relu(candidate_(x, h)));
    return {{"h", z * h + (1 - z) * c}};
  }

 private:
  GateInput update_, candidate_;
};

const RegisterCell kLightGru({
    .name = "ligru",
    .title = "Light gated recurrent unit",
    .equations = "z = s(N(W x) + U h + b), c = relu(N(W x) + U h + b), h' = z * h + (1 - z) * c",
    .source = "Ravanelli, Brakel, Omologo, Bengio 2018, Light gated recurrent units for speech "
              "recognition",
    .gates = {{"update", Polarity::kKeeps}},
    .options =
        {{"norm",
          "layer",
          {"layer", "none"},
          "N: normalises the units of a row, or is none; the paper's batch norm mixes rows"}},
    .parameters =
        [](const CellSize& size, const CellOptions& options) {
          return GateParameters(size, 2, LightGru::Sums(options));
        },
    .make = MakeCell<LightGru>(),
});

}  // namespace
}  // namespace sluice
