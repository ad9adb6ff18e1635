#include <optional>

#include <sluice/layers/cell.h>
#include <sluice/ops/composed.h>

namespace sluice {
namespace {

const GateInput::Options kOfInput = {.recurrent = false};
const GateInput::Options kProduct = {.recurrent = false, .biased = false};

// Lei et al. 2018: gates see x and, unit by unit, the cell state; no matrix multiplies the state.
//   f = s(W x + v * c + b),  r = s(W x + v * c + b)
//   c' = f * c + (1 - f) * W x
//   h' = r * g(c') + (1 - r) * alpha x
// Where I and H differ, a learned projection W x takes the place of alpha x in h'. The first
// version of the paper has no v * c.
class SimpleRecurrentUnit : public Cell {
 public:
  SimpleRecurrentUnit(const Scope& scope, const CellSize& size, const CellOptions& options)
      : forget_(scope / "forget", size, kOfInput),
        reset_(scope / "reset", size, {.bias = options.Number("highway_bias"), .recurrent = false}),
        content_(scope / "content", size, kProduct),
        alpha_(options.Number("alpha")),
        tanh_(options.Is("output", "tanh")) {
    if (size.inputs != size.hidden) {
      projection_.emplace(scope / "projection", size, kProduct);
    }
    if (options.Is("version", "1")) return;
    forget_vector_ =
        &(scope / "forget").Trainable("recurrent_vector", {size.hidden}, size.initial.bias);
    reset_vector_ =
        &(scope / "reset").Trainable("recurrent_vector", {size.hidden}, size.initial.bias);
  }

  std::vector<std::string> StateNames() const override { return {"h", "c"}; }

  State Step(Value x, const State& s) const override {
    const Value c = s["c"];
    const Value f = Gate("forget", Sigmoid(WithState(forget_.Input(x), forget_vector_, c)));
    const Value r = Gate("reset", Sigmoid(WithState(reset_.Input(x), reset_vector_, c)));
    const Value c_new = f * c + (1 - f) * Candidate("content", content_.Input(x));
    const Value through = projection_.has_value() ? projection_->Input(x) : alpha_ * x;
    return {{"h", r * (tanh_ ? Tanh(c_new) : c_new) + (1 - r) * through}, {"c", c_new}};
  }

 private:
  static Value WithState(Value sum, Variable* vector, Value c) {
    return vector == nullptr ? sum : sum + c.tape()->Use(*vector) * c;
  }

  GateInput forget_, reset_, content_;
  std::optional<GateInput> projection_;
  Variable* forget_vector_ = nullptr;
  Variable* reset_vector_ = nullptr;
  double alpha_;
  bool tanh_;
};

const RegisterCell kSimpleRecurrentUnit({
    .name = "sru",
    .title = "Simple recurrent unit",
    .equations = "f, r = s(W x + v * c + b), c' = f * c + (1 - f) * W x, "
                 "h' = r * g(c') + (1 - r) * alpha x",
    .source = "Lei, Zhang, Wang, Dai, Artzi 2018, Simple recurrent units for highly parallelizable "
              "recurrence",
    .gates = {{"forget", Polarity::kKeeps}, {"reset", Polarity::kNeither}},
    .options = {{"version", "2", {"1", "2"}, "of the paper; in 1 the gates do not see the state"},
                {"output", "identity", {"identity", "tanh"}, "g"},
                {"alpha", "1", {}, "factor of x where it passes by the unit, not of a projection"},
                {"highway_bias", "0", {}, "added to the initial bias of r"}},
    .parameters =
        [](const CellSize& size, const CellOptions& options) {
          const double products = size.inputs == size.hidden ? 1 : 2;
          ParameterCount count =
              GateParameters(size, 2, kOfInput) + GateParameters(size, products, kProduct);
          if (options.Is("version", "2")) count.vectors += 2;
          return count;
        },
    .make = MakeCell<SimpleRecurrentUnit>(),
});

}  // namespace
}  // namespace sluice
