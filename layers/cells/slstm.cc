#include <algorithm>
#include <cmath>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include <sluice/layers/cell.h>
#include <sluice/ops/composed.h>

namespace sluice {
namespace {

int64_t Heads(const CellOptions& options) {
  int64_t heads = 1;
  (void)absl::SimpleAtoi(options.Get("heads"), &heads);
  return heads;
}

// From 5 down to -7 over the units of a head, most of them low: the official code's
// "powerlaw_blockdependent" for the first block. A single unit starts at 5.
Initializer PowerLawBias(int64_t units) {
  return [units](const TensorType& type, RandomKey) {
    Tensor bias(DType::kF64, type.shape);
    int64_t j = 0;
    for (double& element : bias.values<double>()) {
      const double place =
          static_cast<double>(j++ % units) / static_cast<double>(std::max<int64_t>(units - 1, 1));
      element = 5 - 12 * std::pow(place, 0.3);
    }
    return bias.Cast(type.dtype);
  };
}

CellSize Starting(CellSize size, Initializer bias) {
  size.initial.recurrent_weights = ConstantInitializer(0);
  size.initial.bias = ConstantInitializer(0);
  size.first_bias = std::move(bias);
  return size;
}

// Beck et al. 2024: gates that grow exponentially, kept in range by a state m, and a state n that
// sums up their weights.
//   i~, f~, o~, z~ = W x + U h + b, with U in blocks, one a head
//   m' = max(i~, m + log s(f~)),  i = min(exp(i~ - m'), 1),  f = min(exp(m + log s(f~) - m'), 1)
//   c' = f * c + i * tanh(z~),  n' = f * n + i,  h' = s(o~) * c' / n'
// h' is the same whatever m was in the first step, where c and n are 0.
class StabilisedLstm : public Cell {
 public:
  StabilisedLstm(const Scope& scope, const CellSize& size, const CellOptions& options)
      : input_(scope / "input", Start(size, options), {.heads = Heads(options)}),
        forget_(
            scope / "forget",
            options.Is("start", "paper")
                ? Starting(size, PowerLawBias(std::max<int64_t>(size.hidden / Heads(options), 1)))
                : size,
            {.heads = Heads(options)}),
        candidate_(scope / "candidate", Start(size, options), {.heads = Heads(options)}),
        output_(scope / "output", Start(size, options), {.heads = Heads(options)}) {
    if (size.hidden % Heads(options) != 0) {
      scope.store().Fail(absl::InvalidArgumentError(absl::StrCat(
          "cell slstm: heads=", Heads(options), " does not divide ", size.hidden, " units")));
    }
  }

  std::vector<std::string> StateNames() const override { return {"h", "c", "n", "m"}; }

  State Step(Value x, const State& s) const override {
    const Value h = s["h"];
    const Value log_i = input_(x, h);
    const Value log_f = s["m"] - Softplus(-forget_(x, h));
    const Value m = Maximum(log_i, log_f);
    const Value one = NumberLike(1, m);
    const Value i = Gate("input", Minimum(Exp(log_i - m), one));
    const Value f = Gate("forget", Minimum(Exp(log_f - m), one));
    const Value z = Candidate("candidate", Tanh(candidate_(x, h)));
    const Value o = Gate("output", Sigmoid(output_(x, h)));
    const Value c = f * s["c"] + i * z;
    const Value n = f * s["n"] + i;
    return {{"h", o * (c / n)}, {"c", c}, {"n", n}, {"m", m}};
  }

 private:
  static CellSize Start(const CellSize& size, const CellOptions& options) {
    return options.Is("start", "paper") ? Starting(size, ConstantInitializer(0)) : size;
  }

  GateInput input_, forget_, candidate_, output_;
};

const RegisterCell kStabilisedLstm({
    .name = "slstm",
    .title = "xLSTM's sLSTM",
    .equations = "i~, f~, o~, z~ = W x + U h + b, m' = max(i~, m + log s(f~)), i = exp(i~ - m'), "
                 "f = exp(m + log s(f~) - m'), c' = f * c + i * tanh(z~), n' = f * n + i, "
                 "h' = s(o~) * c' / n'",
    .source = "Beck et al. 2024, xLSTM: Extended long short-term memory",
    .gates = {{"input", Polarity::kNeither},
              {"forget", Polarity::kKeeps},
              {"output", Polarity::kNeither}},
    .options = {{"heads", "1", {"1", "2", "4"}, "blocks of the recurrent matrices"},
                {.name = "start",
                 .standard = "paper",
                 .choices = {"paper", "init"},
                 .description = "first values: recurrent weights 0 and forget biases from 5 to -7, "
                                "or as init says",
                 .changes_equations = false}},
    .parameters =
        [](const CellSize& size, const CellOptions& options) {
          return GateParameters(size, 4, {.heads = Heads(options)});
        },
    .make = MakeCell<StabilisedLstm>(),
});

}  // namespace
}  // namespace sluice
