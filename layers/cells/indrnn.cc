#include <sluice/layers/cell.h>
#include <sluice/ops/composed.h>

namespace sluice {
namespace {

// Li et al. 2018: each unit sees of the state but itself: h' = relu(W x + u * h + b).
class IndRnn : public Cell {
 public:
  IndRnn(const Scope& scope, const CellSize& size, const CellOptions& options)
      : input_(scope / "state", size, {.recurrent = false}),
        recurrent_(&(scope / "state")
                        .Trainable("recurrent_vector", {size.hidden}, UniformInitializer(0, 1))),
        relu_(options.Is("activation", "relu")) {}

  State Step(Value x, const State& s) const override {
    const Value h = s["h"];
    const Value sum = input_.Input(x) + h.tape()->Use(*recurrent_) * h;
    return {{"h", relu_ ? Relu(sum) : Tanh(sum)}};
  }

 private:
  GateInput input_;
  Variable* recurrent_;
  bool relu_;
};

const RegisterCell kIndRnn({
    .name = "indrnn",
    .title = "Independently recurrent network",
    .equations = "h' = relu(W x + u * h + b)",
    .source = "Li, Li, Cook, Zhu, Gao 2018, Independently recurrent neural network (IndRNN)",
    .options = {{"activation", "relu", {"relu", "tanh"}, "squashing of the new state"}},
    .parameters =
        [](const CellSize& size, const CellOptions&) {
          return GateParameters(size, 1, {.recurrent = false}) + ParameterCount{.vectors = 1};
        },
    .make = MakeCell<IndRnn>(),
});

}  // namespace
}  // namespace sluice
