#include <sluice/layers/cell.h>
#include <sluice/ops/composed.h>

namespace sluice {
namespace {

// Ba, Kiros, Hinton 2016: an LSTM whose sums and whose cell state are normalised.
//   i, f, o = s(N(W x) + N(U h) + b),  g = tanh(N(W x) + N(U h) + b)
//   c' = f * c + i * g,  h' = o * tanh(N(c'))
// Each N has a gain, the last one a shift too. In the sums it goes over the units of one gate, or
// over those of all four (over=all), as both are in use.
class LayerNormLstm : public Cell {
 public:
  LayerNormLstm(const Scope& scope, const CellSize& size, const CellOptions& options)
      : over_all_(options.Is("over", "all")),
        input_(scope / "input", WithLayerNorm(size), {.complements = "forget"}),
        forget_(scope / "forget", WithLayerNorm(size), {.bias = options.Number("forget_bias")}),
        candidate_(scope / "candidate", WithLayerNorm(size)),
        output_(scope / "output", WithLayerNorm(size)),
        gain_(&(scope / "state").Trainable("gain", {size.hidden}, ConstantInitializer(1))),
        shift_(&(scope / "state").Trainable("shift", {size.hidden}, ConstantInitializer(0))) {}

  std::vector<std::string> StateNames() const override { return {"h", "c"}; }

  State Step(Value x, const State& s) const override {
    const Value h = s["h"];
    Tape& tape = *x.tape();
    const std::vector<Value> sums =
        over_all_ ? GateInput::NormalizedTogether({&input_, &forget_, &candidate_, &output_}, x, h)
                  : std::vector{input_(x, h), forget_(x, h), candidate_(x, h), output_(x, h)};
    const Value i = Gate("input", Sigmoid(sums[0]));
    const Value f = Gate("forget", Sigmoid(sums[1]));
    const Value g = Candidate("candidate", Tanh(sums[2]));
    const Value o = Gate("output", Sigmoid(sums[3]));
    const Value c = f * s["c"] + i * g;
    return {{"h", o * Tanh(LayerNorm(c, tape.Use(*gain_), tape.Use(*shift_)))}, {"c", c}};
  }

 private:
  bool over_all_;
  GateInput input_, forget_, candidate_, output_;
  Variable* gain_;
  Variable* shift_;
};

const RegisterCell kLayerNormLstm({
    .name = "lnlstm",
    .title = "Layer-normalised LSTM",
    .equations = "i, f, o = s(N(W x) + N(U h) + b), g = tanh(N(W x) + N(U h) + b), "
                 "c' = f * c + i * g, h' = o * tanh(N(c'))",
    .source = "Ba, Kiros, Hinton 2016, Layer normalization",
    .gates = {{"input", Polarity::kNeither},
              {"forget", Polarity::kKeeps},
              {"output", Polarity::kNeither}},
    .options = {{"over", "gate", {"gate", "all"}, "units that one normalisation of a sum sees"},
                ForgetBiasOption()},
    .parameters =
        [](const CellSize& size, const CellOptions&) {
          return GateParameters(WithLayerNorm(size), 4) + ParameterCount{.vectors = 2};
        },
    .make = MakeCell<LayerNormLstm>(),
});

}  // namespace
}  // namespace sluice
