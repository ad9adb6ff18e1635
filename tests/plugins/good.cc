// A plug-in as a user writes it: two cells, one of which throws when a step of it is recorded.

#include <stdexcept>

#include <sluice/layers/cell.h>
#include <sluice/ops/composed.h>

namespace {

// Minimal gated unit (Zhou et al. 2016).
class PluginCell : public sluice::Cell {
 public:
  PluginCell(const sluice::Scope& scope, const sluice::CellSize& size)
      : forget_(scope / "forget", size), candidate_(scope / "candidate", size) {}

  sluice::State Step(sluice::Value x, const sluice::State& state) const override {
    const sluice::Value h = state["h"];
    const sluice::Value f = Gate("forget", Sigmoid(forget_(x, h)));
    const sluice::Value c = Tanh(candidate_(x, f * h));
    return {{"h", (1 - f) * h + f * c}};
  }

 private:
  sluice::GateInput forget_, candidate_;
};

class ThrowingCell : public sluice::Cell {
 public:
  ThrowingCell(const sluice::Scope&, const sluice::CellSize&) {}
  sluice::State Step(sluice::Value, const sluice::State&) const override {
    throw std::runtime_error("this step cannot be taken");
  }
};

const sluice::RegisterCell kPluginCell({
    .name = "plugin_cell",
    .title = "A cell of a plug-in",
    .equations = "f = s(W x + U h + b), c = tanh(W x + U (f * h) + b), h' = (1 - f) * h + f * c",
    .source = "tests",
    .gates = {{"forget", sluice::Polarity::kOneMinusGate}},
    .make = sluice::MakeCell<PluginCell>(),
});
const sluice::RegisterCell kThrowingCell({
    .name = "throwing_cell",
    .title = "A cell that throws",
    .equations = "h' = ?",
    .source = "tests",
    .make = sluice::MakeCell<ThrowingCell>(),
});

}  // namespace
