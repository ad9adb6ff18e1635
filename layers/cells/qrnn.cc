#include <sluice/layers/cell.h>
#include <sluice/ops/composed.h>

namespace sluice {
namespace {

const GateInput::Options kOfInput = {.recurrent = false};

// W x_t + V x_(t-1) + b: a convolution over two time steps; over one without V.
class WindowInput {
 public:
  WindowInput(const Scope& scope, const CellSize& size, bool two) : now_(scope, size, kOfInput) {
    if (two) {
      before_ = &scope.Trainable("previous_input_weights", {size.inputs, size.hidden},
                                 size.initial.input_weights);
    }
  }
  // `before` is V x of the step before.
  Value operator()(Value x, Value before) const {
    return before_ == nullptr ? now_.Input(x) : now_.Input(x) + before;
  }
  Value Next(Value x) const { return MatMul(x, x.tape()->Use(*before_)); }

 private:
  GateInput now_;
  Variable* before_ = nullptr;
};

// Bradbury et al. 2016, pooling "fo": gates and candidate see a window of the input only.
//   z = tanh(W x),  f = s(W x),  o = s(W x),  c' = f * c + (1 - f) * z,  h' = o * c'
// The code that came with the paper has f and 1 - f the other way round: option `forget`.
class Qrnn : public Cell {
 public:
  Qrnn(const Scope& scope, const CellSize& size, const CellOptions& options)
      : two_(options.Is("window", "2")),
        keeps_(options.Is("forget", "keep")),
        candidate_(scope / "candidate", size, two_),
        forget_(scope / "forget", size, two_),
        output_(scope / "output", size, two_) {}

  std::vector<std::string> StateNames() const override {
    if (!two_) return {"h", "c"};
    return {"h", "c", "candidate_before", "forget_before", "output_before"};
  }

  State Step(Value x, const State& s) const override {
    const LinearRecurrence now = Within(x, s);
    const Value c = now.keep * s["c"] + now.add;
    State next = {{"h", now.output * c}, {"c", c}};
    if (two_) {
      next.Set("candidate_before", candidate_.Next(x));
      next.Set("forget_before", forget_.Next(x));
      next.Set("output_before", output_.Next(x));
    }
    return next;
  }

  LinearRecurrence RecurrenceOf(Value x) const override { return Within(x, {}); }

 private:
  // With the products of the step before, where the window shows them.
  LinearRecurrence Within(Value x, const State& s) const {
    const Value z = Candidate("candidate", Tanh(candidate_(x, s["candidate_before"])));
    const Value f = Gate("forget", Sigmoid(forget_(x, s["forget_before"])));
    const Value o = Gate("output", Sigmoid(output_(x, s["output_before"])));
    const Value keep = keeps_ ? f : 1 - f;
    const Value take = keeps_ ? 1 - f : f;
    return {.keep = keep, .add = take * z, .state = "c", .output = o};
  }

  bool two_, keeps_;
  WindowInput candidate_, forget_, output_;
};

std::vector<GateRecord> GatesOfQrnn(const CellOptions& options) {
  return {{"forget", options.Is("forget", "keep") ? Polarity::kKeeps : Polarity::kOneMinusGate},
          {"output", Polarity::kNeither}};
}

const RegisterCell kQrnn({
    .name = "qrnn",
    .title = "Quasi-recurrent network",
    .equations = "z = tanh(W x + b), f, o = s(W x + b), c' = f * c + (1 - f) * z, h' = o * c'",
    .source = "Bradbury, Merity, Xiong, Socher 2016, Quasi-recurrent neural networks",
    .gates = {{"forget", Polarity::kKeeps}, {"output", Polarity::kNeither}},
    .gates_of = GatesOfQrnn,
    .options = {{"window", "1", {"1", "2"}, "time steps of the input that gates and candidate see"},
                {"forget", "keep", {"keep", "new"}, "what a forget gate of 1 takes"},
                ScanOption()},
    .check = [](const CellOptions& options) -> absl::Status {
      if (options.Is("window", "1") || options.Is("scan", "sequential")) return absl::OkStatus();
      return absl::InvalidArgumentError(
          "window=2 carries the step before, which takes scan=sequential");
    },
    .parameters =
        [](const CellSize& size, const CellOptions& options) {
          const double before = options.Is("window", "2") ? 3 : 0;
          return GateParameters(size, 3, kOfInput) + ParameterCount{.input = before};
        },
    .make = MakeCell<Qrnn>(),
});

}  // namespace
}  // namespace sluice
