#ifndef SLUICE_LAYERS_CELL_H_
#define SLUICE_LAYERS_CELL_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <absl/container/inlined_vector.h>
#include <absl/status/status.h>

#include <sluice/graph/registry.h>
#include <sluice/graph/tape.h>
#include <sluice/layers/cell_options.h>
#include <sluice/layers/gate_input.h>

namespace sluice {

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

}  // namespace sluice

#endif  // SLUICE_LAYERS_CELL_H_
