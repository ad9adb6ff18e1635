#ifndef SLUICE_LAYERS_EQUATIONS_EQUATION_CELL_H_
#define SLUICE_LAYERS_EQUATIONS_EQUATION_CELL_H_

#include <memory>
#include <string>

#include <sluice/layers/cell.h>
#include <sluice/layers/equations/lexer.h>

namespace sluice::equations {

// The cell that a text says, as a record called `name`. The record does not need the text any more.
absl::StatusOr<std::shared_ptr<const CellRecord>> RecordOf(const Source& source,
                                                           const std::string& name);

}  // namespace sluice::equations

#endif  // SLUICE_LAYERS_EQUATIONS_EQUATION_CELL_H_
