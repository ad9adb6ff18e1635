// A cell that the library does not have, registered as a plug-in's is: the contract holds for it
// with no line written for it. Unlike the built-in ones it has a gate that sees the input only and
// lists its output last.

#include <sluice/layers/cell.h>
#include <sluice/ops/composed.h>

namespace sluice::testing {
namespace {

// k = s(W x + b),  g = tanh(W x + U h + b),  trace' = k * trace + (1 - k) * g,  h' = tanh(trace')
class Trace : public Cell {
 public:
  Trace(const Scope& scope, const CellSize& size)
      : keep_(scope / "keep", size, {.bias = 1, .recurrent = false}),
        candidate_(scope / "candidate", size) {}

  std::vector<std::string> StateNames() const override { return {"trace", "h"}; }

  State Step(Value x, const State& s) const override {
    const Value k = Gate("keep", Sigmoid(keep_(x, s["h"])));
    const Value trace = k * s["trace"] + (1 - k) * Candidate("new", Tanh(candidate_(x, s["h"])));
    return {{"h", Tanh(trace)}, {"trace", trace}};
  }

 private:
  GateInput keep_, candidate_;
};

const RegisterCell kTrace({
    .name = "test_trace",
    .title = "Leaky trace",
    .equations = "k = s(W x + b), g = tanh(W x + U h + b), trace' = k * trace + (1 - k) * g, "
                 "h' = tanh(trace')",
    .source = "tests",
    .gates = {{"keep", Polarity::kKeeps}},
    .options = {},
    .presets = {},
    .parameters =
        [](const CellSize& size, const CellOptions&) {
          return GateParameters(size, 1) + GateParameters(size, 1, {.recurrent = false});
        },
    .make = MakeCell<Trace>(),
});

}  // namespace
}  // namespace sluice::testing
