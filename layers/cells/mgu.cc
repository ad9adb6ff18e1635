#include <absl/strings/str_cat.h>

#include <sluice/layers/cells/reduced_gate.h>
#include <sluice/ops/composed.h>

namespace sluice {
namespace {

// Zhou et al. 2016: one gate both forgets and resets.
//   f = s(W x + U h + b),  c = tanh(W x + U (f * h) + b),  h' = (1 - f) * h + f * c
// Heck & Salem 2017 let the gate see less: MGU1 U h + b, MGU2 U h, MGU3 b (a leak that is learned
// and then fixed).
class Mgu : public Cell {
 public:
  Mgu(const Scope& scope, const CellSize& size, GateSees sees)
      : forget_(scope / "forget", size, sees), candidate_(scope / "candidate", size) {}

  State Step(Value x, const State& s) const override {
    const Value h = s["h"];
    const Value f = Gate("forget", Sigmoid(forget_(x, h)));
    const Value c = Candidate("candidate", Tanh(candidate_(x, f * h)));
    return {{"h", (1 - f) * h + f * c}};
  }

 private:
  ReducedGate forget_;
  GateInput candidate_;
};

CellRecord Record(const char* name, const char* title, const char* gate, const char* source,
                  GateSees sees) {
  return {.name = name,
          .title = title,
          .equations = absl::StrCat("f = s(", gate, "), c = tanh(W x + U (f * h) + b), ",
                                    "h' = (1 - f) * h + f * c"),
          .source = source,
          .gates = {{"forget", Polarity::kOneMinusGate}},
          .parameters =
              [sees](const CellSize& size, const CellOptions&) {
                return GateParameters(size, 1) + ReducedGate::Count(size, sees);
              },
          .make = [sees](const Scope& scope, const CellSize& size,
                         const CellOptions&) { return std::make_unique<Mgu>(scope, size, sees); }};
}

constexpr char kHeckSalem[] =
    "Heck & Salem 2017, Simplified minimal gated unit variations for recurrent neural networks";
const RegisterCell kMgu(Record("mgu", "Minimal gated unit", "W x + U h + b",
                               "Zhou et al. 2016, Minimal gated unit for recurrent neural networks",
                               GateSees::kAll));
const RegisterCell kMgu1(Record("mgu1", "Minimal gated unit, its gate without the input", "U h + b",
                                kHeckSalem, GateSees::kStateAndBias));
const RegisterCell kMgu2(Record("mgu2", "Minimal gated unit, its gate with the state alone", "U h",
                                kHeckSalem, GateSees::kState));
const RegisterCell kMgu3(Record("mgu3", "Minimal gated unit, its gate a bias alone", "b",
                                kHeckSalem, GateSees::kBias));

}  // namespace
}  // namespace sluice
