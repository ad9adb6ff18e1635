#include <absl/strings/str_cat.h>

#include <sluice/layers/cell.h>
#include <sluice/ops/composed.h>

namespace sluice {
namespace {

// Jozefowicz, Zaremba, Sutskever 2015: the three best of ten thousand mutations of the GRU. Where
// the paper adds x itself to a sum of H numbers, x goes through a learned projection here (W x), as
// sizes ask for: MUT1 and MUT2 have H I parameters more than with x itself.

// z = s(W x + b),  r = s(W x + U h + b),  c = tanh(U (r * h) + tanh(W x) + b)
class Mut1 : public Cell {
 public:
  Mut1(const Scope& scope, const CellSize& size)
      : update_(scope / "update", size, {.recurrent = false}),
        reset_(scope / "reset", size),
        projection_(scope / "projection", size, {.recurrent = false, .biased = false}),
        candidate_(scope / "candidate", size, {.input = false}) {}

  State Step(Value x, const State& s) const override {
    const Value h = s["h"];
    const Value z = Gate("update", Sigmoid(update_.Input(x)));
    const Value r = Gate("reset", Sigmoid(reset_(x, h)));
    const Value c = Candidate("candidate", Tanh(candidate_(x, r * h) + Tanh(projection_.Input(x))));
    return {{"h", c * z + h * (1 - z)}};
  }

 private:
  GateInput update_, reset_, projection_, candidate_;
};

// z = s(W x + U h + b),  r = s(W x + U h + b),  c = tanh(U (r * h) + W x + b); in r, W x stands for
// x itself.
class Mut2 : public Cell {
 public:
  Mut2(const Scope& scope, const CellSize& size)
      : update_(scope / "update", size),
        reset_(scope / "reset", size),
        candidate_(scope / "candidate", size) {}

  State Step(Value x, const State& s) const override {
    const Value h = s["h"];
    const Value z = Gate("update", Sigmoid(update_(x, h)));
    const Value r = Gate("reset", Sigmoid(reset_(x, h)));
    const Value c = Candidate("candidate", Tanh(candidate_(x, r * h)));
    return {{"h", c * z + h * (1 - z)}};
  }

 private:
  GateInput update_, reset_, candidate_;
};

// z = s(W x + U tanh(h) + b),  r = s(W x + U h + b),  c = tanh(U (r * h) + W x + b)
class Mut3 : public Cell {
 public:
  Mut3(const Scope& scope, const CellSize& size)
      : update_(scope / "update", size),
        reset_(scope / "reset", size),
        candidate_(scope / "candidate", size) {}

  State Step(Value x, const State& s) const override {
    const Value h = s["h"];
    const Value z = Gate("update", Sigmoid(update_(x, Tanh(h))));
    const Value r = Gate("reset", Sigmoid(reset_(x, h)));
    const Value c = Candidate("candidate", Tanh(candidate_(x, r * h)));
    return {{"h", c * z + h * (1 - z)}};
  }

 private:
  GateInput update_, reset_, candidate_;
};

CellRecord Record(const char* name, const char* title, const char* equations) {
  return {.name = name,
          .title = title,
          .equations = absl::StrCat(equations, ", h' = z * c + (1 - z) * h"),
          .source =
              "Jozefowicz, Zaremba, Sutskever 2015, An empirical exploration of recurrent "
              "network architectures",
          .gates = {{"reset", Polarity::kNeither}, {"update", Polarity::kOneMinusGate}}};
}

CellRecord Mut1Record() {
  CellRecord record = Record("mut1", "Mutation 1",
                             "z = s(W x + b), r = s(W x + U h + b), c = tanh(U (r * h) + "
                             "tanh(W x) + b)");
  record.parameters = [](const CellSize& size, const CellOptions&) {
    return GateParameters(size, 1) + GateParameters(size, 1, {.recurrent = false}) +
           GateParameters(size, 1, {.recurrent = false, .biased = false}) +
           GateParameters(size, 1, {.input = false});
  };
  record.make = MakeCell<Mut1>();
  return record;
}

template <typename C>
CellRecord LikeGru(CellRecord record) {
  record.parameters = [](const CellSize& size, const CellOptions&) {
    return GateParameters(size, 3);
  };
  record.make = MakeCell<C>();
  return record;
}

const RegisterCell kMut1(Mut1Record());
const RegisterCell kMut2(LikeGru<Mut2>(Record("mut2", "Mutation 2",
                                              "z = s(W x + U h + b), r = s(W x + U h + b), "
                                              "c = tanh(U (r * h) + W x + b)")));
const RegisterCell kMut3(LikeGru<Mut3>(Record("mut3", "Mutation 3",
                                              "z = s(W x + U tanh(h) + b), r = s(W x + U h + b), "
                                              "c = tanh(U (r * h) + W x + b)")));

}  // namespace
}  // namespace sluice
