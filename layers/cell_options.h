#ifndef SLUICE_LAYERS_CELL_OPTIONS_H_
#define SLUICE_LAYERS_CELL_OPTIONS_H_

#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/string_view.h>

namespace sluice {

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

// `forget_bias`, of cells with a forget gate.
CellOption ForgetBiasOption(const char* standard = "0");

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

// The options that every cell has: `init`, `biases`, and switches that act on any cell. One of a
// record's own with such a name takes its place.
const std::vector<CellOption>& CommonCellOptions();

}  // namespace sluice

#endif  // SLUICE_LAYERS_CELL_OPTIONS_H_
