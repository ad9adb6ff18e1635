#include <absl/strings/str_cat.h>

#include <sluice/layers/cells/reduced_gate.h>
#include <sluice/ops/composed.h>

namespace sluice {
namespace {

// Dey & Salem 2017: a GRU whose gates see less: GRU1 U h + b, GRU2 U h, GRU3 b.
//   c = tanh(W x + U (r * h) + b),  h' = z * h + (1 - z) * c
class ReducedGru : public Cell {
 public:
  ReducedGru(const Scope& scope, const CellSize& size, GateSees sees)
      : reset_(scope / "reset", size, sees),
        update_(scope / "update", size, sees),
        candidate_(scope / "candidate", size) {}

  State Step(Value x, const State& s) const override {
    const Value h = s["h"];
    const Value r = Gate("reset", Sigmoid(reset_(x, h)));
    const Value z = Gate("update", Sigmoid(update_(x, h)));
    const Value c = Candidate("candidate", Tanh(candidate_(x, r * h)));
    return {{"h", z * h + (1 - z) * c}};
  }

 private:
  ReducedGate reset_, update_;
  GateInput candidate_;
};

CellRecord Record(const char* name, const char* title, const char* gate, GateSees sees) {
  return {.name = name,
          .title = title,
          .equations = absl::StrCat("r = s(", gate, "), z = s(", gate,
                                    "), c = tanh(W x + U (r * h) + b), h' = z * h + (1 - z) * c"),
          .source = "Dey & Salem 2017, Gate-variants of gated recurrent unit (GRU) neural networks",
          .gates = {{"reset", Polarity::kNeither}, {"update", Polarity::kKeeps}},
          .parameters =
              [sees](const CellSize& size, const CellOptions&) {
                return GateParameters(size, 1) + ReducedGate::Count(size, sees) +
                       ReducedGate::Count(size, sees);
              },
          .make =
              [sees](const Scope& scope, const CellSize& size, const CellOptions&) {
                return std::make_unique<ReducedGru>(scope, size, sees);
              }};
}

const RegisterCell kGru1(Record("gru1", "GRU, its gates without the input", "U h + b",
                                GateSees::kStateAndBias));
const RegisterCell kGru2(Record("gru2", "GRU, its gates with the state alone", "U h",
                                GateSees::kState));
const RegisterCell kGru3(Record("gru3", "GRU, its gates a bias alone", "b", GateSees::kBias));

}  // namespace
}  // namespace sluice
