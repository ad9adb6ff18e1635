#include <sluice/layers/cell.h>
#include <sluice/ops/composed.h>

namespace sluice {
namespace {

// van der Westhuizen & Lasenby 2018: an LSTM of which only the forget gate is left.
//   a = W x + U h + b,  c = tanh(W x + U h + b),  h' = s(a) * h + (1 - s(a - beta)) * c
class Janet : public Cell {
 public:
  Janet(const Scope& scope, const CellSize& size, const CellOptions& options)
      : forget_(scope / "forget", size, {.bias = options.Number("forget_bias")}),
        candidate_(scope / "candidate", size),
        beta_(options.Number("beta")) {}

  State Step(Value x, const State& s) const override {
    const Value h = s["h"];
    const Value a = forget_(x, h);
    const Value f = Gate("forget", Sigmoid(a));
    const Value c = Candidate("candidate", Tanh(candidate_(x, h)));
    return {{"h", f * h + (1 - Sigmoid(a - beta_)) * c}};
  }

 private:
  GateInput forget_, candidate_;
  double beta_;
};

const RegisterCell kJanet({
    .name = "janet",
    .title = "Just another network",
    .equations = "a = W x + U h + b, c = tanh(W x + U h + b), "
                 "h' = s(a) * h + (1 - s(a - beta)) * c",
    .source =
        "van der Westhuizen & Lasenby 2018, The unreasonable effectiveness of the forget gate",
    .gates = {{"forget", Polarity::kKeeps}},
    .options =
        {{"beta", "1", {}, "how much less the new value is held back than the old one is kept"},
         ForgetBiasOption("1")},
    .parameters = [](const CellSize& size, const CellOptions&) { return GateParameters(size, 2); },
    .make = MakeCell<Janet>(),
});

}  // namespace
}  // namespace sluice
