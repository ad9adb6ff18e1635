#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include <sluice/layers/cell.h>
#include <sluice/ops/composed.h>

namespace sluice {
namespace {

// Zilly et al. 2017: `depth` highway layers within each time step; x enters the first alone. With
// s_0 = h, for each layer l:
//   c = tanh([W x] + U s + b),  t = s([W x] + U s + b),  s_l = t * c + (1 - t) * s
// and h' is the last s.
class RecurrentHighway : public Cell {
 public:
  RecurrentHighway(const Scope& scope, const CellSize& size, const CellOptions& options) {
    int depth = 1;
    (void)absl::SimpleAtoi(options.Get("depth"), &depth);
    for (int layer = 0; layer < depth; ++layer) {
      const Scope own = scope / absl::StrCat("layer_", layer);
      candidates_.emplace_back(own / "candidate", size, GateInput::Options{.input = layer == 0});
      transforms_.emplace_back(
          own / "transform", size,
          GateInput::Options{.bias = options.Number("transform_bias"), .input = layer == 0});
    }
  }

  State Step(Value x, const State& state) const override {
    Value s = state["h"];
    for (size_t layer = 0; layer < candidates_.size(); ++layer) {
      const Value c = Candidate(absl::StrCat("candidate_", layer), Tanh(candidates_[layer](x, s)));
      Value t = Sigmoid(transforms_[layer](x, s));
      if (layer + 1 == candidates_.size()) t = Gate("transform", t);
      s = t * c + (1 - t) * s;
    }
    return {{"h", s}};
  }

 private:
  std::vector<GateInput> candidates_, transforms_;
};

const RegisterCell kRecurrentHighway({
    .name = "rhn",
    .title = "Recurrent highway network",
    .equations = "for each layer: c = tanh(W x + U s + b), t = s(W x + U s + b), "
                 "s = t * c + (1 - t) * s; x in the first alone; h' = s",
    .source = "Zilly, Srivastava, Koutnik, Schmidhuber 2017, Recurrent highway networks",
    .gates = {{"transform", Polarity::kOneMinusGate}},
    .options = {{"depth", "2", {"1", "2", "3", "5"}, "highway layers in a time step"},
                {"transform_bias", "0", {}, "added to the initial bias of the transform gates"}},
    .parameters =
        [](const CellSize& size, const CellOptions& options) {
          return GateParameters(size, 2) +
                 GateParameters(size, 2 * (options.Number("depth") - 1), {.input = false});
        },
    .make = MakeCell<RecurrentHighway>(),
});

}  // namespace
}  // namespace sluice
