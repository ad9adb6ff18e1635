#include <sluice/layers/cell.h>
#include <sluice/ops/composed.h>

namespace sluice {
namespace {

// Elman 1990, "Finding structure in time": h' = g(W x + U h + b), g = tanh or relu.
class Elman : public Cell {
 public:
  Elman(const Scope& scope, const CellSize& size, const CellOptions& options)
      : state_(scope / "state", size), relu_(options.Is("activation", "relu")) {}

  State Step(Value x, const State& s) const override {
    const Value sum = state_(x, s["h"]);
    return {{"h", relu_ ? Relu(sum) : Tanh(sum)}};
  }

 private:
  GateInput state_;
  bool relu_;
};

// Le, Jaitly, Hinton 2015: relu, the recurrent weights start as the identity.
const RegisterCell kIrnn({
    .name = "irnn",
    .title = "Identity-initialised rectifier network",
    .equations = "h' = relu(W x + U h + b)",
    .source = "Le, Jaitly, Hinton 2015, A simple way to initialize recurrent networks of rectified "
              "linear units",
    .options = {{"activation", "relu", {"relu"}, "squashing of the new state"},
                {"init", "irnn", InitialValuesNames(), "first values of weights and biases"}},
    .parameters = [](const CellSize& size, const CellOptions&) { return GateParameters(size, 1); },
    .make = MakeCell<Elman>(),
});

const RegisterCell kElman({
    .name = "elman",
    .title = "Elman network",
    .equations = "h' = tanh(W x + U h + b)",
    .source = "Elman 1990, Finding structure in time",
    .options = {{"activation", "tanh", {"tanh", "relu"}, "squashing of the new state"}},
    .presets = {{"pytorch", "biases=two:init=pytorch"},
                {"keras", "init=keras"},
                {"d2l", "init=d2l"},
                {"cudnn", "biases=two:init=pytorch"},
                {"onnx", "biases=two"}},
    .parameters = [](const CellSize& size, const CellOptions&) { return GateParameters(size, 1); },
    .make = MakeCell<Elman>(),
});

}  // namespace
}  // namespace sluice
