#include <algorithm>
#include <optional>

#include <absl/strings/str_cat.h>

#include <sluice/layers/cell.h>
#include <sluice/ops/composed.h>

namespace sluice {
namespace {

// The gates that have weights of their own with these options, in the order of the record.
std::vector<std::string> LearnedGates(const CellOptions& options) {
  std::vector<std::string> gates;
  for (const char* gate : {"input", "forget", "output"}) {
    const bool is_other_ones_rest = options.Is("coupled", "yes") && gate == std::string("forget");
    if (!options.Is("drop", gate) && !is_other_ones_rest) gates.emplace_back(gate);
  }
  return gates;
}

bool Has(const std::vector<std::string>& gates, absl::string_view name) {
  return std::find(gates.begin(), gates.end(), name) != gates.end();
}

const GateInput::Options kFromGate = {.input = false, .biased = false};

// s(W x + U h + b), and where it is asked for + p * c, and + R g of every learned gate g of the
// step before.
class LstmGate {
 public:
  LstmGate(const Scope& scope, const CellSize& size, const GateInput::Options& sum,
           const CellOptions& options)
      : sum_(scope, size, sum) {
    if (options.Is("peepholes", "diagonal")) {
      peephole_ = &scope.Trainable("peephole", {size.hidden}, ConstantInitializer(0));
    }
    if (options.Is("gate_recurrence", "none")) return;
    for (const std::string& gate : LearnedGates(options)) {
      from_gates_.emplace_back(gate, GateInput(scope / "from" / gate, size, kFromGate));
    }
  }

  Value operator()(Value x, const State& s, Value c) const {
    Value sum = sum_(x, s["h"]);
    if (peephole_ != nullptr) sum = sum + c.tape()->Use(*peephole_) * c;
    for (const auto& [gate, weights] : from_gates_) sum = sum + weights.Recurrent(s[gate]);
    return Sigmoid(sum);
  }

 private:
  GateInput sum_;
  Variable* peephole_ = nullptr;
  std::vector<std::pair<std::string, GateInput>> from_gates_;
};

// Hochreiter & Schmidhuber 1997 with the forget gate of Gers, Schmidhuber, Cummins 2000:
//   i = s(W x + U h + b),  f = s(W x + U h + b),  g = tanh(W x + U h + b),  o = s(W x + U h + b)
//   c' = f * c + i * g
//   h' = o * tanh(c')
// Peepholes (Gers & Schmidhuber 2000, diagonal as in Graves 2013): i and f add p * c, o adds p *
// c'. The other changes are those of Greff et al. 2015: a dropped gate is 1, a coupled forget gate
// 1 - i, an activation the identity, and with full gate recurrence each gate sees all gates of the
// step before. Capped (Melis et al. 2017): i is at most 1 - f.
class Lstm : public Cell {
 public:
  Lstm(const Scope& scope, const CellSize& size, const CellOptions& options)
      : gates_(LearnedGates(options)),
        capped_(options.Is("coupled", "capped")),
        coupled_(options.Is("coupled", "yes")),
        squashes_input_(options.Is("input_activation", "tanh")),
        squashes_output_(options.Is("output_activation", "tanh")),
        gates_recur_(options.Is("gate_recurrence", "full")),
        input_(MakeGate(scope, "input", size, {.complements = "forget"}, options)),
        candidate_(scope / "candidate", size),
        output_(MakeGate(scope, "output", size, {}, options)),
        forget_(MakeGate(scope, "forget", size, {.bias = options.Number("forget_bias")}, options)) {
  }

  std::vector<std::string> StateNames() const override {
    std::vector<std::string> names = {"h", "c"};
    if (gates_recur_) names.insert(names.end(), gates_.begin(), gates_.end());
    return names;
  }

  State Step(Value x, const State& s) const override {
    const Value c = s["c"];
    Value i = Open(input_, x, s, c);
    const Value f = coupled_ ? 1 - i : Open(forget_, x, s, c);
    if (capped_) i = Minimum(1 - f, i);
    const Value sum = candidate_(x, s["h"]);
    const Value g = Candidate("candidate", squashes_input_ ? Tanh(sum) : sum);
    const Value c_new = Through(f, c) + Through(i, g);
    const Value o = Open(output_, x, s, c_new);
    State next = {{"h", Through(o, squashes_output_ ? Tanh(c_new) : c_new)}, {"c", c_new}};
    for (const auto& [name, gate] : {std::pair("input", i), {"forget", f}, {"output", o}}) {
      Gate(name, gate);
      if (gates_recur_ && Has(gates_, name)) next.Set(name, gate);
    }
    return next;
  }

 private:
  std::optional<LstmGate> MakeGate(const Scope& scope, const char* name, const CellSize& size,
                                   const GateInput::Options& sum,
                                   const CellOptions& options) const {
    if (!Has(gates_, name)) return std::nullopt;
    return LstmGate(scope / name, size, sum, options);
  }
  // None where the gate is dropped: it is 1.
  static Value Open(const std::optional<LstmGate>& gate, Value x, const State& s, Value c) {
    return gate ? (*gate)(x, s, c) : Value();
  }
  static Value Through(Value gate, Value value) { return gate ? gate * value : value; }

  std::vector<std::string> gates_;
  bool capped_, coupled_, squashes_input_, squashes_output_, gates_recur_;
  std::optional<LstmGate> input_;
  GateInput candidate_;
  std::optional<LstmGate> output_, forget_;
};

std::vector<GateRecord> GatesOfLstm(const CellOptions& options) {
  std::vector<GateRecord> gates;
  for (const auto& [name, keeps] : {std::pair("input", Polarity::kNeither),
                                    {"forget", Polarity::kKeeps},
                                    {"output", Polarity::kNeither}}) {
    if (!options.Is("drop", name)) gates.push_back({name, keeps});
  }
  // Only the input gate has a bias then.
  if (options.Is("coupled", "yes")) gates[0].keeps = Polarity::kOneMinusGate;
  return gates;
}

ParameterCount CountLstm(const CellSize& size, const CellOptions& options) {
  const auto gates = static_cast<double>(LearnedGates(options).size());
  ParameterCount count = GateParameters(size, gates + 1);
  if (options.Is("peepholes", "diagonal")) count.vectors += gates;
  if (options.Is("gate_recurrence", "none")) return count;
  return count + GateParameters(size, gates * gates, kFromGate);
}

absl::Status CheckLstm(const CellOptions& options) {
  if (options.Is("coupled", "no") || options.Is("drop", "none") || options.Is("drop", "output")) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "coupled=", options.Get("coupled"),
      " needs an input and a forget gate, drop=", options.Get("drop"), " takes one away"));
}

const RegisterCell kLstm({
    .name = "lstm",
    .title = "Long short-term memory",
    .equations = "i, f, o = s(W x + U h + b), g = tanh(W x + U h + b), c' = f * c + i * g, "
                 "h' = o * tanh(c')",
    .source = "Hochreiter & Schmidhuber 1997; forget gate: Gers, Schmidhuber, Cummins 2000; "
              "variants: Greff et al. 2015, LSTM: a search space odyssey",
    .gates = {{"input", Polarity::kNeither},
              {"forget", Polarity::kKeeps},
              {"output", Polarity::kNeither}},
    .gates_of = GatesOfLstm,
    .options =
        {ForgetBiasOption(),
         {"peepholes", "none", {"none", "diagonal"}, "gates see the cell state"},
         {"coupled", "no", {"no", "yes", "capped"}, "yes: f = 1 - i; capped: i = min(1 - f, i)"},
         {"drop", "none", {"none", "input", "forget", "output"}, "gate that is always 1"},
         {"input_activation", "tanh", {"tanh", "identity"}, "of g"},
         {"output_activation", "tanh", {"tanh", "identity"}, "of c' in h'"},
         {"gate_recurrence", "none", {"none", "full"}, "gates see the gates of the step before"}},
    .check = CheckLstm,
    .presets = {{"pytorch", "biases=two:init=pytorch"},
                {"cudnn", "biases=two:init=pytorch"},
                {"keras", "forget_bias=1:init=keras"},
                {"onnx", "biases=two"},
                {"d2l", "init=d2l"},
                {"lstm_b", "forget_bias=1"},
                {"greff", "peepholes=diagonal"},
                {"nig", "peepholes=diagonal:drop=input"},
                {"nfg", "peepholes=diagonal:drop=forget"},
                {"nog", "peepholes=diagonal:drop=output"},
                {"niaf", "peepholes=diagonal:input_activation=identity"},
                {"noaf", "peepholes=diagonal:output_activation=identity"},
                {"np", "peepholes=none"},
                {"cifg", "peepholes=diagonal:coupled=yes"},
                {"fgr", "peepholes=diagonal:gate_recurrence=full"}},
    .parameters = CountLstm,
    .make = MakeCell<Lstm>(),
});

}  // namespace
}  // namespace sluice
