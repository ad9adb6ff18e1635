#include <optional>

#include <sluice/layers/cell.h>
#include <sluice/ops/composed.h>

namespace sluice {
namespace {

const GateInput::Options kProjection = {.recurrent = false, .biased = false};

// Collins, Sohl-Dickstein, Sussillo 2017, "+RNN": highway connections through time (s) and through
// depth (h, which goes up and is not fed back).
//   y = relu(W x + U s + b),  c = tanh(W x + U s + b)
//   up = s(W x + U s + b),  g = s(W x + U s + b)
//   h' = up * x + (1 - up) * y
//   s' = g * s + (1 - g) * c
// The paper has I = H; where they differ, a learned projection W x takes the place of x in h'.
class Intersection : public Cell {
 public:
  Intersection(const Scope& scope, const CellSize& size, const CellOptions& options)
      : up_gate_(scope / "up", size, {.bias = options.Number("forget_bias")}),
        gate_(scope / "gate", size, {.bias = options.Number("forget_bias")}),
        output_(scope / "output", size),
        candidate_(scope / "candidate", size) {
    if (size.inputs != size.hidden) {
      projection_.emplace(scope / "projection", size, kProjection);
    }
  }

  std::vector<std::string> StateNames() const override { return {"h", "s"}; }

  State Step(Value x, const State& state) const override {
    const Value s = state["s"];
    const Value through = projection_.has_value() ? projection_->Input(x) : x;
    const Value y = Relu(output_(x, s));
    const Value c = Candidate("candidate", Tanh(candidate_(x, s)));
    const Value up = Gate("up", Sigmoid(up_gate_(x, s)));
    const Value g = Gate("gate", Sigmoid(gate_(x, s)));
    return {{"h", up * through + (1 - up) * y}, {"s", g * s + (1 - g) * c}};
  }

 private:
  GateInput up_gate_, gate_, output_, candidate_;
  std::optional<GateInput> projection_;
};

const RegisterCell kIntersection({
    .name = "intersection",
    .title = "Intersection network (+RNN)",
    .equations = "y = relu(W x + U s + b), c = tanh(W x + U s + b), up, g = s(W x + U s + b), "
                 "h' = up * x + (1 - up) * y, s' = g * s + (1 - g) * c",
    .source = "Collins, Sohl-Dickstein, Sussillo 2017, Capacity and trainability in recurrent "
              "neural networks",
    .gates = {{"up", Polarity::kNeither}, {"gate", Polarity::kKeeps}},
    .options = {{"forget_bias", "0", {}, "added to the initial bias of both gates"}},
    .parameters =
        [](const CellSize& size, const CellOptions&) {
          const double projections = size.inputs == size.hidden ? 0 : 1;
          return GateParameters(size, 4) + GateParameters(size, projections, kProjection);
        },
    .make = MakeCell<Intersection>(),
});

}  // namespace
}  // namespace sluice
