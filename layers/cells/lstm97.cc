#include <absl/strings/str_cat.h>

#include <sluice/layers/cell.h>
#include <sluice/ops/composed.h>
#include <sluice/ops/movement.h>

namespace sluice {
namespace {

// How many cells share their gates.
int64_t BlockSize(const CellOptions& options) { return options.Is("block", "2") ? 2 : 1; }

// What a gate or a cell sees of the gates of the step before.
GateInput::Options FromGate(const CellSize& size, const CellOptions& options, int64_t units) {
  return {
      .input = false, .biased = false, .units = units, .sees = size.hidden / BlockSize(options)};
}

// W x + U h + b, and with gate recurrence + R i + R o.
class Sum97 {
 public:
  Sum97(const Scope& scope, const CellSize& size, const CellOptions& options, int64_t units)
      : sum_(scope, size, {.units = units}) {
    if (options.Is("gate_recurrence", "none")) return;
    for (const char* gate : {"input", "output"}) {
      from_gates_.emplace_back(
          gate, GateInput(scope / "from" / gate, size, FromGate(size, options, units)));
    }
  }

  Value operator()(Value x, Value h, const State& gates) const {
    Value sum = sum_(x, h);
    for (const auto& [gate, weights] : from_gates_) sum = sum + weights.Recurrent(gates[gate]);
    return sum;
  }

 private:
  GateInput sum_;
  std::vector<std::pair<std::string, GateInput>> from_gates_;
};

// The bias of block k starts at k times `step`, k = 1, 2, ...
CellSize WithBlockBias(CellSize size, double step) {
  if (step == 0) return size;
  size.first_bias = [step](const TensorType& type, RandomKey) {
    Tensor bias(DType::kF64, type.shape);
    double k = 0;
    for (double& element : bias.values<double>()) element = step * ++k;
    return bias.Cast(type.dtype);
  };
  return size;
}

// Hochreiter & Schmidhuber 1997, before there was a forget gate:
//   i, o = s(W x + U h + b),  z = g(W x + U h + b),  c' = c + i * z,  h' = o * k(c')
// As usually coded, g and k are tanh and each cell has gates of its own. In the paper g is 4 s(x) -
// 2 and k is 2 s(x) - 1 (squashing=logistic), two cells share their gates (block=2; cell j and cell
// j + H / 2), gates and cells see the gates of the step before (gate_recurrence=full), and
// gradients pass from step to step through c alone (gradient=truncated).
class Lstm97 : public Cell {
 public:
  Lstm97(const Scope& scope, const CellSize& size, const CellOptions& options)
      : blocks_(size.hidden / BlockSize(options)),
        block_size_(BlockSize(options)),
        gates_recur_(options.Is("gate_recurrence", "full")),
        logistic_(options.Is("squashing", "logistic")),
        truncated_(options.Is("gradient", "truncated")),
        input_(scope / "input", WithBlockBias(size, options.Number("input_bias")), options,
               blocks_),
        candidate_(scope / "candidate", size, options, size.hidden),
        output_(scope / "output", WithBlockBias(size, options.Number("output_bias")), options,
                blocks_) {
    if (size.hidden % block_size_ != 0) {
      scope.store().Fail(absl::InvalidArgumentError(
          absl::StrCat("cell lstm97: block=2 needs an even number of units, got ", size.hidden)));
    }
  }

  std::vector<std::string> StateNames() const override {
    if (gates_recur_) return {"h", "c", "input", "output"};
    return {"h", "c"};
  }

  State Step(Value x, const State& s) const override {
    const Value h = Before(s["h"]);
    State gates;
    if (gates_recur_) {
      for (const char* gate : {"input", "output"}) {
        gates.Set(gate, Before(Slice(s[gate], 1, 0, blocks_)));
      }
    }
    const Value i = Gate("input", OfCells(Sigmoid(input_(x, h, gates))));
    const Value sum = candidate_(x, h, gates);
    const Value z = Candidate("candidate", logistic_ ? 4 * Sigmoid(sum) - 2 : Tanh(sum));
    const Value c = s["c"] + i * z;
    const Value o = Gate("output", OfCells(Sigmoid(output_(x, h, gates))));
    State next = {{"h", o * (logistic_ ? 2 * Sigmoid(c) - 1 : Tanh(c))}, {"c", c}};
    if (gates_recur_) {
      next.Set("input", i);
      next.Set("output", o);
    }
    return next;
  }

 private:
  Value Before(Value value) const { return truncated_ ? StopGradient(value) : value; }
  // The gate of each block at each of its cells.
  Value OfCells(Value gate) const {
    return block_size_ == 1 ? gate : Concat(std::vector<Value>(block_size_, gate), 1);
  }

  int64_t blocks_, block_size_;
  bool gates_recur_, logistic_, truncated_;
  Sum97 input_, candidate_, output_;
};

ParameterCount CountLstm97(const CellSize& size, const CellOptions& options) {
  const int64_t blocks = size.hidden / BlockSize(options);
  ParameterCount count = GateParameters(size, 2, {.units = blocks}) + GateParameters(size, 1);
  if (options.Is("gate_recurrence", "none")) return count;
  // Each sees two kinds of gates.
  return count + GateParameters(size, 4, FromGate(size, options, blocks)) +
         GateParameters(size, 2, FromGate(size, options, size.hidden));
}

const RegisterCell kLstm97({
    .name = "lstm97",
    .title = "Long short-term memory without a forget gate",
    .equations = "i, o = s(W x + U h + b), z = tanh(W x + U h + b), c' = c + i * z, "
                 "h' = o * tanh(c')",
    .source = "Hochreiter & Schmidhuber 1997, Long short-term memory",
    .gates = {{"input", Polarity::kNeither}, {"output", Polarity::kNeither}},
    .options =
        {{"block", "1", {"1", "2"}, "cells that share an input and an output gate"},
         {"gate_recurrence", "none", {"none", "full"}, "all see the gates of the step before"},
         {"squashing", "tanh", {"tanh", "logistic"}, "logistic: 4 s(x) - 2 and 2 s(c') - 1"},
         {"gradient", "full", {"full", "truncated"}, "truncated: through c alone"},
         {.name = "input_bias",
          .standard = "0",
          .description = "input gates' biases start at 1, 2, ... times this"},
         {.name = "output_bias",
          .standard = "0",
          .description = "output gates' biases start at 1, 2, ... times this"}},
    .presets = {{"paper", "block=2:gate_recurrence=full:squashing=logistic:gradient=truncated"}},
    .parameters = CountLstm97,
    .make = MakeCell<Lstm97>(),
});

}  // namespace
}  // namespace sluice
