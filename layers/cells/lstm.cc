#include <optional>

#include <sluice/layers/cell.h>
#include <sluice/ops/composed.h>

namespace sluice {
namespace {

// Hochreiter & Schmidhuber 1997 with the forget gate of Gers, Schmidhuber, Cummins 2000:
//   i = s(W x + U h + b),  f = s(W x + U h + b),  g = tanh(W x + U h + b),  o = s(W x + U h + b)
//   c' = f * c + i * g
//   h' = o * tanh(c')
// Peepholes (Gers & Schmidhuber 2000, diagonal as in Graves 2013): i and f add p * c, o adds p *
// c'. Coupled (Greff et al. 2015): f = 1 - i.
class Lstm : public Cell {
 public:
  Lstm(const Scope& scope, const CellSize& size, const CellOptions& options)
      : coupled_(options.Is("coupled", "yes")),
        input_(scope / "input", size),
        candidate_(scope / "candidate", size),
        output_(scope / "output", size) {
    if (!coupled_) {
      forget_.emplace(scope / "forget", size,
                      GateInput::Options{.bias = options.Number("forget_bias")});
    }
    if (options.Is("peepholes", "none")) return;
    const auto peephole = [&](const char* gate) {
      return &(scope / gate).Trainable("peephole", {size.hidden}, ConstantInitializer(0));
    };
    input_peephole_ = peephole("input");
    if (!coupled_) forget_peephole_ = peephole("forget");
    output_peephole_ = peephole("output");
  }

  std::vector<std::string> StateNames() const override { return {"h", "c"}; }

  State Step(Value x, const State& s) const override {
    const Value h = s["h"], c = s["c"];
    const Value i = Gate("input", Sigmoid(Peep(input_(x, h), input_peephole_, c)));
    const Value f =
        Gate("forget", coupled_ ? 1 - i : Sigmoid(Peep((*forget_)(x, h), forget_peephole_, c)));
    const Value g = Tanh(candidate_(x, h));
    const Value c_new = f * c + i * g;
    const Value o = Gate("output", Sigmoid(Peep(output_(x, h), output_peephole_, c_new)));
    return {{"h", o * Tanh(c_new)}, {"c", c_new}};
  }

 private:
  static Value Peep(Value sum, Variable* peephole, Value c) {
    return peephole == nullptr ? sum : sum + c.tape()->Use(*peephole) * c;
  }

  bool coupled_;
  GateInput input_, candidate_, output_;
  std::optional<GateInput> forget_;
  Variable* input_peephole_ = nullptr;
  Variable* forget_peephole_ = nullptr;
  Variable* output_peephole_ = nullptr;
};

ParameterCount CountLstm(const CellSize& size, const CellOptions& options) {
  const int gates = options.Is("coupled", "yes") ? 3 : 4;
  ParameterCount count = GateParameters(size, gates);
  if (!options.Is("peepholes", "none")) count.vectors += gates - 1;
  return count;
}

const RegisterCell kLstm({
    .name = "lstm",
    .title = "Long short-term memory",
    .equations = "i, f, o = s(W x + U h + b), g = tanh(W x + U h + b), c' = f * c + i * g, "
                 "h' = o * tanh(c')",
    .source = "Hochreiter & Schmidhuber 1997; forget gate: Gers, Schmidhuber, Cummins 2000",
    .gates = {{"input", Polarity::kNeither},
              {"forget", Polarity::kKeeps},
              {"output", Polarity::kNeither}},
    .options = {{"forget_bias", "0", {}, "added to the initial bias of the forget gate"},
                {"peepholes", "none", {"none", "diagonal"}, "gates see the cell state"},
                {"coupled", "no", {"no", "yes"}, "f = 1 - i"}},
    .presets = {{"pytorch", "biases=two:init=pytorch"},
                {"cudnn", "biases=two:init=pytorch"},
                {"keras", "forget_bias=1:init=keras"},
                {"onnx", "biases=two"},
                {"d2l", "init=d2l"}},
    .parameters = CountLstm,
    .make = MakeCell<Lstm>(),
});

}  // namespace
}  // namespace sluice
