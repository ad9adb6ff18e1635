#ifndef SLUICE_LAYERS_CELLS_REDUCED_GATE_H_
#define SLUICE_LAYERS_CELLS_REDUCED_GATE_H_

#include <sluice/layers/cell.h>

namespace sluice {

// What a gate sees of x, h and a bias, where a design leaves some of it out.
enum class GateSees : uint8_t {
  kAll,           // W x + U h + b
  kStateAndBias,  // U h + b
  kState,         // U h
  kBias,          // b
};

// The input of such a gate. One that sees nothing but its bias has one, whatever `biases` says.
class ReducedGate {
 public:
  ReducedGate(const Scope& scope, const CellSize& size, GateSees sees);

  // (B, H), before the squashing.
  Value operator()(Value x, Value h) const;

  static ParameterCount Count(const CellSize& size, GateSees sees);

 private:
  GateSees sees_;
  GateInput gate_;
};

}  // namespace sluice

#endif  // SLUICE_LAYERS_CELLS_REDUCED_GATE_H_
