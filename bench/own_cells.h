#ifndef SLUICE_BENCH_OWN_CELLS_H_
#define SLUICE_BENCH_OWN_CELLS_H_

#include <string>

#include <sluice/layers/cell.h>
#include <sluice/ops/composed.h>

namespace sluice {

// Cells as a user writes them, with the equations of built-in ones; for a script and a plug-in.

class OwnGru : public Cell {
 public:
  OwnGru(const Scope& scope, const CellSize& size)
      : reset_(scope / "reset", size),
        update_(scope / "update", size),
        candidate_(scope / "candidate", size) {}

  State Step(Value x, const State& state) const override {
    const Value h = state["h"];
    const Value r = Gate("reset", Sigmoid(reset_(x, h)));
    const Value z = Gate("update", Sigmoid(update_(x, h)));
    const Value c = Tanh(candidate_(x, r * h));
    return {{"h", z * h + (1 - z) * c}};
  }

 private:
  GateInput reset_, update_, candidate_;
};

class OwnLstm : public Cell {
 public:
  OwnLstm(const Scope& scope, const CellSize& size)
      : input_(scope / "input", size),
        forget_(scope / "forget", size),
        candidate_(scope / "candidate", size),
        output_(scope / "output", size) {}

  std::vector<std::string> StateNames() const override { return {"h", "c"}; }

  State Step(Value x, const State& state) const override {
    const Value h = state["h"];
    const Value i = Gate("input", Sigmoid(input_(x, h)));
    const Value f = Gate("forget", Sigmoid(forget_(x, h)));
    const Value g = Tanh(candidate_(x, h));
    const Value c = f * state["c"] + i * g;
    const Value o = Gate("output", Sigmoid(output_(x, h)));
    return {{"h", o * Tanh(c)}, {"c", c}};
  }

 private:
  GateInput input_, forget_, candidate_, output_;
};

// Registers both, as "<prefix>gru" and "<prefix>lstm".
struct RegisterOwnCells {
  explicit RegisterOwnCells(const std::string& prefix)
      : gru({.name = prefix + "gru", .title = "Own GRU", .make = MakeCell<OwnGru>()}),
        lstm({.name = prefix + "lstm", .title = "Own LSTM", .make = MakeCell<OwnLstm>()}) {}
  RegisterCell gru, lstm;
};

}  // namespace sluice

#endif  // SLUICE_BENCH_OWN_CELLS_H_
