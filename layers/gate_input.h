#ifndef SLUICE_LAYERS_GATE_INPUT_H_
#define SLUICE_LAYERS_GATE_INPUT_H_

#include <string>
#include <vector>

#include <sluice/graph/tape.h>
#include <sluice/layers/initializers.h>

namespace sluice {

class RunMasks;

// None, one (b) or two (one of the input's and one of the recurrent product, as in cuDNN) biases a
// gate.
enum class Biases : uint8_t { kNone, kOne, kTwo };

// What a gate at 1 does to the state, so that reports can show every gate as "keeps".
enum class Polarity : uint8_t { kKeeps, kOneMinusGate, kNeither };

struct GateRecord {
  std::string name;
  Polarity keeps = Polarity::kNeither;
};

// How the gates that keep the state start, whatever they are called and whichever way they work.
struct GateStart {
  double keep_bias = 0;  // added to their initial bias, towards keeping
  double chrono = 0;     // longest memory in steps, of which their initial bias is drawn; 0: none
  std::vector<GateRecord> gates;

  Polarity PolarityOf(absl::string_view gate) const;
};

// What a cell is built with.
struct CellSize {
  int64_t inputs = 0;
  int64_t hidden = 0;
  InitialValues initial;
  Initializer first_bias;  // of the bias or, of two, the input's; none: that of `initial`
  Biases biases = Biases::kOne;
  bool layer_norm = false;
  GateStart start;
  RunMasks* masks = nullptr;  // of the run that the cell is made for; none: nothing is dropped
};

// The same with layer norm, whatever the option says.
inline CellSize WithLayerNorm(CellSize size) {
  size.layer_norm = true;
  return size;
}

// W x + U h + b of one gate. Variables under its scope: input_weights (I, H), recurrent_weights (H,
// H), and `bias` or `input_bias` and `recurrent_bias` (H). With layer norm, N(W x) * input_gain +
// N(U h) * recurrent_gain + b, where N normalises the units of a row (Ba, Kiros, Hinton 2016).
class GateInput {
 public:
  struct Options {
    double bias = 0;  // added to the initial value of the (input) bias
    bool input = true;
    bool recurrent = true;
    bool biased = true;             // where the cell has biases
    bool normalises_input = false;  // N(W x) * input_gain in place of W x, without layer norm too
    int64_t units = 0;              // of the gate; 0: H
    int64_t sees = 0;               // how many values the recurrent product takes; 0: H
    // U is block-diagonal, with a matrix head_<k>/recurrent_weights for each of so many heads.
    int64_t heads = 1;
    // A gate that lets in what this other one lets go: its chrono bias is minus the other's.
    std::string complements;
  };
  GateInput(Scope scope, const CellSize& size) : GateInput(scope, size, Options()) {}
  GateInput(Scope scope, const CellSize& size, const Options& options);

  Value operator()(Value x, Value h) const;
  // W x + b; with two biases the input's.
  Value Input(Value x) const;
  // U h; with two biases + the recurrent one.
  Value Recurrent(Value h) const;

  // W x + U h + b of each gate, as with layer norm, but normalised over the units of all of them.
  static std::vector<Value> NormalizedTogether(absl::Span<const GateInput* const> gates, Value x,
                                               Value h);

 private:
  Value InputProduct(Value x) const;
  Value RecurrentProduct(Value h) const;
  Initializer FirstBias(const CellSize& size, const Options& options) const;

  Scope scope_;
  RunMasks* masks_;
  Variable* input_weights_ = nullptr;
  std::vector<Variable*> recurrent_weights_;  // by head
  Variable* input_gain_ = nullptr;            // none: W x is as it is; so for U h
  Variable* recurrent_gain_ = nullptr;
  Variable* input_bias_ = nullptr;
  Variable* recurrent_bias_ = nullptr;
};

// How many numbers a cell learns: input H I + recurrent H^2 + vectors H.
struct ParameterCount {
  double input = 0;      // matrices (I, H)
  double recurrent = 0;  // matrices (H, H)
  double vectors = 0;    // (H)

  int64_t Of(int64_t inputs, int64_t hidden) const;
  std::string Formula() const;  // "3 H I + 3 H^2 + 3 H"
};
ParameterCount operator+(const ParameterCount& a, const ParameterCount& b);
// What so many GateInputs of these options learn: W, U and their biases and gains.
ParameterCount GateParameters(const CellSize& size, double gates,
                              const GateInput::Options& each = {});

}  // namespace sluice

#endif  // SLUICE_LAYERS_GATE_INPUT_H_
