#include <sluice/layers/cell.h>
#include <sluice/ops/composed.h>

namespace sluice {
namespace {

// Collins, Sohl-Dickstein, Sussillo 2017: highway connections through time.
//   c = tanh(W x + U h + b),  g = s(W x + U h + b),  h' = g * h + (1 - g) * c
class Ugrnn : public Cell {
 public:
  Ugrnn(const Scope& scope, const CellSize& size, const CellOptions& options)
      : gate_(scope / "gate", size, {.bias = options.Number("forget_bias")}),
        candidate_(scope / "candidate", size),
        relu_(options.Is("activation", "relu")) {}

  State Step(Value x, const State& s) const override {
    const Value h = s["h"];
    const Value sum = candidate_(x, h);
    const Value c = Candidate("candidate", relu_ ? Relu(sum) : Tanh(sum));
    const Value g = Gate("gate", Sigmoid(gate_(x, h)));
    return {{"h", g * h + (1 - g) * c}};
  }

 private:
  GateInput gate_, candidate_;
  bool relu_;
};

const RegisterCell kUgrnn({
    .name = "ugrnn",
    .title = "Update gate network",
    .equations = "c = tanh(W x + U h + b), g = s(W x + U h + b), h' = g * h + (1 - g) * c",
    .source = "Collins, Sohl-Dickstein, Sussillo 2017, Capacity and trainability in recurrent "
              "neural networks",
    .gates = {{"gate", Polarity::kKeeps}},
    .options = {{"activation", "tanh", {"tanh", "relu"}, "squashing of the new value"},
                {"forget_bias", "0", {}, "added to the initial bias of the gate"}},
    .parameters = [](const CellSize& size, const CellOptions&) { return GateParameters(size, 2); },
    .make = MakeCell<Ugrnn>(),
});

}  // namespace
}  // namespace sluice
