#include <sluice/layers/cell.h>
#include <sluice/ops/composed.h>

namespace sluice {
namespace {

const GateInput::Options kOfInput = {.recurrent = false};

// Feng et al. 2024: gates and candidate see the input only, so that the state is linear in itself.
// The published code works with logarithms, for which candidates must be positive: g(x) = x + 0.5
// for x >= 0, s(x) below.
Value CandidateOf(Value x, bool positive) {
  if (!positive) return x;
  return Select(LessEqual(NumberLike(0, x), x), x + 0.5, Sigmoid(x));
}

State StepOf(const LinearRecurrence& now, const State& s) {
  return {{"h", now.keep * s["h"] + now.add}};
}

// z = s(W x + b),  c = W x + b,  h' = (1 - z) * h + z * c
class MinGru : public Cell {
 public:
  MinGru(const Scope& scope, const CellSize& size, const CellOptions& options)
      : update_(scope / "update", size, kOfInput),
        candidate_(scope / "candidate", size, kOfInput),
        positive_(options.Is("state", "positive")) {}

  State Step(Value x, const State& s) const override { return StepOf(RecurrenceOf(x), s); }

  LinearRecurrence RecurrenceOf(Value x) const override {
    const Value z = Gate("update", Sigmoid(update_.Input(x)));
    const Value c = Candidate("candidate", CandidateOf(candidate_.Input(x), positive_));
    return {.keep = 1 - z, .add = z * c};
  }

 private:
  GateInput update_, candidate_;
  bool positive_;
};

// f = s(W x + b),  i = s(W x + b),  c = W x + b,  h' = f / (f + i) * h + i / (f + i) * c
class MinLstm : public Cell {
 public:
  MinLstm(const Scope& scope, const CellSize& size, const CellOptions& options)
      : forget_(scope / "forget", size,
                {.bias = options.Number("forget_bias"), .recurrent = false}),
        input_(scope / "input", size, {.recurrent = false, .complements = "forget"}),
        candidate_(scope / "candidate", size, kOfInput),
        positive_(options.Is("state", "positive")) {}

  State Step(Value x, const State& s) const override { return StepOf(RecurrenceOf(x), s); }

  LinearRecurrence RecurrenceOf(Value x) const override {
    const Value f = Sigmoid(forget_.Input(x));
    const Value i = Sigmoid(input_.Input(x));
    const Value keep = Gate("forget", f / (f + i));
    const Value take = Gate("input", i / (f + i));
    const Value c = Candidate("candidate", CandidateOf(candidate_.Input(x), positive_));
    return {.keep = keep, .add = take * c};
  }

 private:
  GateInput forget_, input_, candidate_;
  bool positive_;
};

constexpr char kSource[] =
    "Feng, Tung, Ahmed, Bengio, Hajimirsadeghi 2024, Were RNNs all we needed?";
const CellOption kState = {"state",
                           "signed",
                           {"signed", "positive"},
                           "of candidates: as they are, "
                           "or made positive as in the published code"};

const RegisterCell kMinGru({
    .name = "mingru",
    .title = "Minimal GRU without a recurrent product",
    .equations = "z = s(W x + b), c = W x + b, h' = (1 - z) * h + z * c",
    .source = kSource,
    .gates = {{"update", Polarity::kOneMinusGate}},
    .options = {kState, ScanOption()},
    .parameters = [](const CellSize& size,
                     const CellOptions&) { return GateParameters(size, 2, kOfInput); },
    .make = MakeCell<MinGru>(),
});

const RegisterCell kMinLstm({
    .name = "minlstm",
    .title = "Minimal LSTM without a recurrent product",
    .equations = "f, i = s(W x + b), c = W x + b, h' = f / (f + i) * h + i / (f + i) * c",
    .source = kSource,
    .gates = {{"forget", Polarity::kKeeps}, {"input", Polarity::kNeither}},
    .options = {kState, ForgetBiasOption(), ScanOption()},
    .parameters = [](const CellSize& size,
                     const CellOptions&) { return GateParameters(size, 3, kOfInput); },
    .make = MakeCell<MinLstm>(),
});

}  // namespace
}  // namespace sluice
