#include <absl/strings/str_cat.h>

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

// z = s(W x + b),  c = W x + b,  h' = (1 - z) * h + z * c
class MinGru : public Cell {
 public:
  MinGru(const Scope& scope, const CellSize& size, const CellOptions& options)
      : update_(scope / "update", size, kOfInput),
        candidate_(scope / "candidate", size, kOfInput),
        positive_(options.Is("state", "positive")),
        parallel_(options.Is("scan", "parallel")) {}

  State Step(Value x, const State& s) const override {
    const Value z = Gate("update", Sigmoid(update_.Input(x)));
    const Value c = Candidate("candidate", CandidateOf(candidate_.Input(x), positive_));
    return {{"h", (1 - z) * s["h"] + z * c}};
  }

  std::optional<LinearRecurrence> Linear(Value x) const override {
    if (!parallel_) return std::nullopt;
    const Value z = Sigmoid(update_.Input(x));
    return LinearRecurrence{
        1 - z, z * CandidateOf(candidate_.Input(x), positive_), {{"update", z}}};
  }

 private:
  GateInput update_, candidate_;
  bool positive_, parallel_;
};

// f = s(W x + b),  i = s(W x + b),  c = W x + b,  h' = f / (f + i) * h + i / (f + i) * c
class MinLstm : public Cell {
 public:
  MinLstm(const Scope& scope, const CellSize& size, const CellOptions& options)
      : forget_(scope / "forget", size,
                {.bias = options.Number("forget_bias"), .recurrent = false}),
        input_(scope / "input", size, {.recurrent = false, .complements = "forget"}),
        candidate_(scope / "candidate", size, kOfInput),
        positive_(options.Is("state", "positive")),
        parallel_(options.Is("scan", "parallel")) {}

  State Step(Value x, const State& s) const override {
    const Value f = Sigmoid(forget_.Input(x));
    const Value i = Sigmoid(input_.Input(x));
    const Value keep = Gate("forget", f / (f + i));
    const Value take = Gate("input", i / (f + i));
    const Value c = Candidate("candidate", CandidateOf(candidate_.Input(x), positive_));
    return {{"h", keep * s["h"] + take * c}};
  }

  std::optional<LinearRecurrence> Linear(Value x) const override {
    if (!parallel_) return std::nullopt;
    const Value f = Sigmoid(forget_.Input(x));
    const Value i = Sigmoid(input_.Input(x));
    const Value keep = f / (f + i), take = i / (f + i);
    return LinearRecurrence{keep,
                            take * CandidateOf(candidate_.Input(x), positive_),
                            {{"forget", keep}, {"input", take}}};
  }

 private:
  GateInput forget_, input_, candidate_;
  bool positive_, parallel_;
};

constexpr char kSource[] =
    "Feng, Tung, Ahmed, Bengio, Hajimirsadeghi 2024, Were RNNs all we needed?";
const CellOption kState = {"state",
                           "signed",
                           {"signed", "positive"},
                           "of candidates: as they are, "
                           "or made positive as in the published code"};

const CellOption kScan = {"scan",
                          "sequential",
                          {"sequential", "parallel"},
                          "step by step, or all steps at once in log2(T) rounds"};

absl::Status CheckScan(const CellOptions& options) {
  for (const char* by_step : {"zoneout", "recurrent_dropout"}) {
    if (options.Is("scan", "sequential") || options.Number(by_step) == 0) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(by_step, " acts step by step, which scan=parallel does not go"));
  }
  return absl::OkStatus();
}

const RegisterCell kMinGru({
    .name = "mingru",
    .title = "Minimal GRU without a recurrent product",
    .equations = "z = s(W x + b), c = W x + b, h' = (1 - z) * h + z * c",
    .source = kSource,
    .gates = {{"update", Polarity::kOneMinusGate}},
    .options = {kState, kScan},
    .check = CheckScan,
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
    .options = {kState,
                kScan,
                {.name = "forget_bias",
                 .standard = "0",
                 .description = "added to the initial bias of the forget gate"}},
    .check = CheckScan,
    .parameters = [](const CellSize& size,
                     const CellOptions&) { return GateParameters(size, 3, kOfInput); },
    .make = MakeCell<MinLstm>(),
});

}  // namespace
}  // namespace sluice
