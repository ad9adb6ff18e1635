#ifndef SLUICE_LAYERS_CELL_SPEC_H_
#define SLUICE_LAYERS_CELL_SPEC_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include <sluice/layers/cell.h>

namespace sluice {

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

#endif  // SLUICE_LAYERS_CELL_SPEC_H_
