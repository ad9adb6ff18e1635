#ifndef SLUICE_LAYERS_EQUATIONS_PARSER_H_
#define SLUICE_LAYERS_EQUATIONS_PARSER_H_

#include <sluice/layers/equations/syntax.h>

namespace sluice::equations {

// Text to statements: layers/README.md has the grammar. Names stand for nothing yet.
absl::StatusOr<Script> Parse(const Source& source);

}  // namespace sluice::equations

#endif  // SLUICE_LAYERS_EQUATIONS_PARSER_H_
