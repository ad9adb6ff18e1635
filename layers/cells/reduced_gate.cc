#include <sluice/layers/cells/reduced_gate.h>
#include <sluice/ops/movement.h>

namespace sluice {
namespace {

CellSize WithBiases(CellSize size, GateSees sees) {
  if (sees == GateSees::kState) size.biases = Biases::kNone;
  if (sees == GateSees::kBias) size.biases = Biases::kOne;
  return size;
}

GateInput::Options OptionsOf(GateSees sees) {
  return {.input = sees == GateSees::kAll, .recurrent = sees != GateSees::kBias};
}

}  // namespace

ReducedGate::ReducedGate(const Scope& scope, const CellSize& size, GateSees sees)
    : sees_(sees), gate_(scope, WithBiases(size, sees), OptionsOf(sees)) {}

Value ReducedGate::operator()(Value x, Value h) const {
  return sees_ == GateSees::kBias ? BroadcastTo(gate_.Input(x), h.shape()) : gate_(x, h);
}

ParameterCount ReducedGate::Count(const CellSize& size, GateSees sees) {
  return GateParameters(WithBiases(size, sees), 1, OptionsOf(sees));
}

}  // namespace sluice
