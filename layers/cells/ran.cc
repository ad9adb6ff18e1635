#include <sluice/layers/cell.h>
#include <sluice/ops/composed.h>

namespace sluice {
namespace {

const GateInput::Options kContent = {.recurrent = false, .biased = false};

// Lee, Levy, Zettlemoyer 2017: the state is a sum of inputs, weighted by what the gates let
// through; input j counts at step t with i_j * f_(j+1) * ... * f_t.
//   i, f = s(W x + U h + b),  c' = i * W x + f * c,  h' = tanh(c') or c'
class RecurrentAdditive : public Cell {
 public:
  RecurrentAdditive(const Scope& scope, const CellSize& size, const CellOptions& options)
      : input_(scope / "input", size, {.complements = "forget"}),
        forget_(scope / "forget", size),
        content_(scope / "content", size, kContent),
        tanh_(options.Is("output", "tanh")) {}

  std::vector<std::string> StateNames() const override { return {"h", "c"}; }

  State Step(Value x, const State& s) const override {
    const Value h = s["h"], c = s["c"];
    const Value i = Gate("input", Sigmoid(input_(x, h)));
    const Value f = Gate("forget", Sigmoid(forget_(x, h)));
    const Value c_new = i * Candidate("content", content_.Input(x)) + f * c;
    return {{"h", tanh_ ? Tanh(c_new) : c_new}, {"c", c_new}};
  }

 private:
  GateInput input_, forget_, content_;
  bool tanh_;
};

const RegisterCell kRecurrentAdditive({
    .name = "ran",
    .title = "Recurrent additive network",
    .equations = "i, f = s(W x + U h + b), c' = i * W x + f * c, h' = tanh(c')",
    .source = "Lee, Levy, Zettlemoyer 2017, Recurrent additive networks",
    .gates = {{"input", Polarity::kNeither}, {"forget", Polarity::kKeeps}},
    .options = {{"output", "tanh", {"tanh", "identity"}, "squashing of the output"}},
    .parameters =
        [](const CellSize& size, const CellOptions&) {
          return GateParameters(size, 2) + GateParameters(size, 1, kContent);
        },
    .make = MakeCell<RecurrentAdditive>(),
});

}  // namespace
}  // namespace sluice
