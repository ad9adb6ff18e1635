#ifndef SLUICE_LAYERS_CELL_H_
#define SLUICE_LAYERS_CELL_H_

#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <absl/container/inlined_vector.h>
#include <absl/status/statusor.h>

#include <sluice/graph/registry.h>
#include <sluice/graph/tape.h>
#include <sluice/layers/initializers.h>

namespace sluice {

class RunMasks;
struct CellSpec;

// What a cell carries from one step to the next: named values of shape (B, H). The one named "h" is
// its output.
class State {
 public:
  struct Entry {
    std::string name;
    Value value;
  };
  State() = default;
  State(std::initializer_list<Entry> entries) : entries_(entries) {}

  // A default Value if there is none of this name.
  Value operator[](absl::string_view name) const;
  void Set(absl::string_view name, Value value);
  absl::Span<const Entry> entries() const { return entries_; }

 private:
  absl::InlinedVector<Entry, 2> entries_;
};

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

// A recurrence that is linear in one state s, with factors that depend on the input only:
// s' = keep * s + add, and h' = output * s', or s itself is h.
struct LinearRecurrence {
  Value keep, add;
  std::string state = "h";
  Value output = {};
};

// One step of a recurrent layer, written as its equations. It knows no time, no masks, no batches:
// the layer does.
class Cell {
 public:
  virtual ~Cell() = default;
  // Names of the state's values; "h" is among them.
  virtual std::vector<std::string> StateNames() const { return {"h"}; }
  // x (B, I), state values (B, H) -> the next state, with all its names.
  virtual State Step(Value x, const State& state) const = 0;
  // Of all steps at once: x (T, B, I) -> values (T, B, H). For cells with the option `scan`.
  virtual LinearRecurrence RecurrenceOf(Value x) const;

 protected:
  // Names a gate, of one step or of all of them, so that reports show it, and returns it.
  static Value Gate(absl::string_view name, Value value);
  // What a step adds to the state: what the option `recurrent_dropout` drops. Returns the value,
  // or what is left of it.
  Value Candidate(absl::string_view name, Value value) const;

 private:
  friend std::unique_ptr<Cell> MakeCell(const CellSpec& spec, const Scope& scope, int64_t inputs,
                                        int64_t hidden, RunMasks* masks);
  RunMasks* masks_ = nullptr;
};

// A convention that a user may choose, such as where the reset gate acts.
struct CellOption {
  std::string name;
  std::string standard;              // the value where none is given
  std::vector<std::string> choices;  // empty: a number
  std::string description;
  double low = -std::numeric_limits<double>::infinity();  // of a number
  double high = std::numeric_limits<double>::infinity();
  bool changes_equations = true;  // false: other first values of the same equations
  bool is_switch = false;         // off where it is the standard, which then goes without saying
};

// `scan`, of cells with a RecurrenceOf: step by step, or all steps at once by LinearScan.
const CellOption& ScanOption();

// Chosen options of one cell, complete and checked.
class CellOptions {
 public:
  explicit CellOptions(std::map<std::string, std::string> values) : values_(std::move(values)) {}
  bool Is(absl::string_view name, absl::string_view choice) const { return Get(name) == choice; }
  double Number(absl::string_view name) const;
  const std::string& Get(absl::string_view name) const;
  const std::map<std::string, std::string>& values() const { return values_; }

 private:
  std::map<std::string, std::string> values_;
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

using CellFactory =
    std::function<std::unique_ptr<Cell>(const Scope&, const CellSize&, const CellOptions&)>;

// One gate design: everything the rest of the program knows about it.
struct CellRecord {
  static constexpr const char* kKind = "cell";

  std::string name;
  std::string title;
  std::string equations;
  std::string source;
  std::vector<GateRecord> gates;
  // Where options change which gates there are, or what they do: those of these options.
  std::function<std::vector<GateRecord>(const CellOptions&)> gates_of;
  std::vector<CellOption> options;
  // Says of options that do not go together why they do not.
  std::function<absl::Status(const CellOptions&)> check;
  // Named sets of options, such as "pytorch": "reset=after:biases=two:init=pytorch".
  std::map<std::string, std::string> presets;
  // Counted from the equations, not from what `make` makes: tests compare the two.
  std::function<ParameterCount(const CellSize&, const CellOptions&)> parameters;
  CellFactory make;
};

// All gate designs of the process, by name; a cell class with a constructor (Scope, CellSize) or
// (Scope, CellSize, CellOptions) needs no factory: `const RegisterCell kGru({.name = "gru", ...,
// .make = MakeCell<Gru>()});`
using CellRegistry = Registry<CellRecord>;
using RegisterCell = Register<CellRecord>;
template <typename C>
CellFactory MakeCell() {
  return [](const Scope& scope, const CellSize& size, const CellOptions& options) {
    if constexpr (std::is_constructible_v<C, Scope, CellSize, CellOptions>) {
      return std::make_unique<C>(scope, size, options);
    } else {
      return std::make_unique<C>(scope, size);
    }
  };
}

// The options that every cell has: `init`, `biases`, and switches that act on any cell. One of a
// record's own with such a name takes its place.
const std::vector<CellOption>& CommonCellOptions();

// A cell with its conventions: "gru:reset=after:biases=two", "lstm:preset=keras". Every cell has
// the common options and `preset`.
struct CellSpec {
  std::shared_ptr<const CellRecord> record;
  std::map<std::string, std::string> options;  // all of them

  // The options that differ from the standard, in the order of the record: "reset=after".
  std::string Differences() const;
  // All of them, but switches that are off: "reset=after, update=keep, init=keras, biases=one".
  std::string Conventions() const;
};
// The name may also be equations as text, in a file or here: layers/cell_text.h. Unknown names and
// values are errors that name the nearest known ones.
absl::StatusOr<CellSpec> ParseCellSpec(absl::string_view text);

// With `masks`, a cell of one run: its values are dropped by them. Variables of one scope are
// shared between the cells that are made of it.
std::unique_ptr<Cell> MakeCell(const CellSpec& spec, const Scope& scope, int64_t inputs,
                               int64_t hidden, RunMasks* masks = nullptr);
// The gates that the cell has with these options.
std::vector<GateRecord> GatesOf(const CellSpec& spec);
// By the record's formula; nothing if a plug-in gives none.
std::optional<ParameterCount> CountParameters(const CellSpec& spec, int64_t inputs, int64_t hidden);

}  // namespace sluice

#endif  // SLUICE_LAYERS_CELL_H_
