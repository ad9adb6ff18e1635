#include <sluice/layers/cells/reduced_gate.h>
#include <sluice/ops/movement.h>

namespace sluice {
namespace {

CellSize WithBiases(CellSize size, GateSees sees) {
  if (sees == GateSees::kState) size.biases = Biases::kNone;
  if (sees == GateSees::kBias) size.biases = Biases::kOne;
  return size;
}

}  // namespace

ReducedGate::ReducedGate(const Scope& scope, const CellSize& size, GateSees sees)
    : sees_(sees),
      gate_(scope, WithBiases(size, sees),
            {.input = sees == GateSees::kAll, .recurrent = sees != GateSees::kBias}) {}

Value ReducedGate::operator()(Value x, Value h) const {
  return sees_ == GateSees::kBias ? BroadcastTo(gate_.Input(x), h.shape()) : gate_(x, h);
}

ParameterCount ReducedGate::Count(const CellSize& size, GateSees sees) {
  return {.input = sees == GateSees::kAll ? 1.0 : 0.0,
          .recurrent = sees == GateSees::kBias ? 0.0 : 1.0,
          .vectors = static_cast<double>(WithBiases(size, sees).biases)};
}

}  // namespace sluice
