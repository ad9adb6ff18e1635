// Cells that no framework has a fused kernel for, which make a step of a user's own design.

#include <sluice/layers/cell.h>
#include <sluice/ops/composed.h>

namespace sluice {
namespace {

class MinimalGatedUnit : public Cell {
 public:
  MinimalGatedUnit(const Scope& scope, const CellSize& size)
      : forget_(scope / "forget", size), candidate_(scope / "candidate", size) {}

  State Step(Value x, const State& state) const override {
    const Value h = state["h"];
    const Value f = Sigmoid(forget_(x, h));
    const Value c = Tanh(candidate_(x, f * h));
    return {{"h", (1 - f) * h + f * c}};
  }

 private:
  GateInput forget_, candidate_;
};

// As MUT1, with a projection of x where it has x itself, so that I and H may differ.
class Mutation1 : public Cell {
 public:
  Mutation1(const Scope& scope, const CellSize& size)
      : update_(scope / "update", size, {.recurrent = false}),
        reset_(scope / "reset", size),
        candidate_(scope / "candidate", size) {}

  State Step(Value x, const State& state) const override {
    const Value h = state["h"];
    const Value z = Sigmoid(update_.Input(x));
    const Value r = Sigmoid(reset_(x, h));
    const Value c = Tanh(candidate_.Recurrent(r * h) + Tanh(candidate_.Input(x)));
    return {{"h", z * c + (1 - z) * h}};
  }

 private:
  GateInput update_, reset_, candidate_;
};

const RegisterCell kMinimalGatedUnit({
    .name = "bench_mgu",
    .title = "Minimal gated unit",
    .equations = "f = s(W x + U h + b), c = tanh(W x + U (f * h) + b), h' = (1 - f) * h + f * c",
    .source = "Zhou et al. 2016, Minimal gated unit for recurrent neural networks",
    .make = MakeCell<MinimalGatedUnit>(),
});

const RegisterCell kMutation1({
    .name = "bench_mut1",
    .title = "Mutation 1",
    .equations = "z = s(W x + b), r = s(W x + U h + b), c = tanh(U (r * h) + tanh(W x + b)), "
                 "h' = z * c + (1 - z) * h",
    .source = "After Jozefowicz, Zaremba, Sutskever 2015, An empirical exploration of recurrent "
              "network architectures",
    .make = MakeCell<Mutation1>(),
});

}  // namespace
}  // namespace sluice
