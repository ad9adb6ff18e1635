#include <sluice/layers/cell.h>
#include <sluice/ops/composed.h>

namespace sluice {
namespace {

// Krause et al. 2016: an LSTM that sees m, h transformed in another way for each input, in place of
// h.
//   m = (W x) * (U h),  i, f, o = s(W x + U m + b),  g = tanh(W x + U m + b)
//   c' = f * c + i * g,  h' = o * tanh(c')
class MultiplicativeLstm : public Cell {
 public:
  MultiplicativeLstm(const Scope& scope, const CellSize& size, const CellOptions& options)
      : intermediate_(scope / "intermediate", size, {.biased = false}),
        input_(scope / "input", size, {.complements = "forget"}),
        forget_(scope / "forget", size, {.bias = options.Number("forget_bias")}),
        candidate_(scope / "candidate", size),
        output_(scope / "output", size) {}

  std::vector<std::string> StateNames() const override { return {"h", "c"}; }

  State Step(Value x, const State& s) const override {
    const Value m = intermediate_.Input(x) * intermediate_.Recurrent(s["h"]);
    const Value i = Gate("input", Sigmoid(input_(x, m)));
    const Value f = Gate("forget", Sigmoid(forget_(x, m)));
    const Value g = Candidate("candidate", Tanh(candidate_(x, m)));
    const Value c = f * s["c"] + i * g;
    const Value o = Gate("output", Sigmoid(output_(x, m)));
    return {{"h", o * Tanh(c)}, {"c", c}};
  }

 private:
  GateInput intermediate_, input_, forget_, candidate_, output_;
};

const RegisterCell kMultiplicativeLstm({
    .name = "mlstm",
    .title = "Multiplicative LSTM",
    .equations = "m = (W x) * (U h), i, f, o = s(W x + U m + b), g = tanh(W x + U m + b), "
                 "c' = f * c + i * g, h' = o * tanh(c')",
    .source = "Krause, Lu, Murray, Renals 2016, Multiplicative LSTM for sequence modelling",
    .gates = {{"input", Polarity::kNeither},
              {"forget", Polarity::kKeeps},
              {"output", Polarity::kNeither}},
    .options = {ForgetBiasOption()},
    .parameters =
        [](const CellSize& size, const CellOptions&) {
          return GateParameters(size, 4) + GateParameters(size, 1, {.biased = false});
        },
    .make = MakeCell<MultiplicativeLstm>(),
});

}  // namespace
}  // namespace sluice
