#ifndef SLUICE_LAYERS_EQUATIONS_FUNCTIONS_H_
#define SLUICE_LAYERS_EQUATIONS_FUNCTIONS_H_

#include <string>
#include <vector>

#include <sluice/graph/op.h>

namespace sluice::equations {

// The functions of equations are the element-wise ops, by their names, and "max" and "min". nullptr
// if there is none.
const Op* FindFunction(absl::string_view name);
std::vector<std::string> FunctionNames();
// Whether the last argument is a number that is part of the op, as in power(x, 2).
bool TakesNumber(const Op& op);

}  // namespace sluice::equations

#endif  // SLUICE_LAYERS_EQUATIONS_FUNCTIONS_H_
