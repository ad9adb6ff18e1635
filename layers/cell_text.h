#ifndef SLUICE_LAYERS_CELL_TEXT_H_
#define SLUICE_LAYERS_CELL_TEXT_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <sluice/layers/cell.h>

namespace sluice {

// Cells written as equations, which layers/README.md explains. Where a cell is named, as in
// "gru:reset=after", the name may also be
//   a file        mine.cell:init=pytorch                the name ends in ".cell"
//   a text        {mine: h' = tanh(W x + U h + b)}:init=pytorch
// A text in braces needs no file, so models are saved with it.

// A cell's name, file or text; and its options.
std::pair<absl::string_view, absl::string_view> SplitCellOptions(absl::string_view cell);
// Whether a name is a file or a text, and not that of a registered cell.
bool IsCellText(absl::string_view name);
// The cell of a file or text without options. Errors say where: "mine.cell:4:12: expected ...".
absl::StatusOr<std::shared_ptr<const CellRecord>> CellOfText(absl::string_view name);

// The same cell without a file: its text stands in braces. Other cells stay as they are.
absl::StatusOr<std::string> WithoutFile(absl::string_view cell);
// For tables and curves: "mine.cell:init=pytorch" for a text in braces of that name; others as they
// are.
std::string CellLabel(absl::string_view cell);
// The cells of a list with commas between them, which may hold texts with commas.
std::vector<std::string> SplitCells(absl::string_view list);

}  // namespace sluice

#endif  // SLUICE_LAYERS_CELL_TEXT_H_
