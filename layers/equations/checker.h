#ifndef SLUICE_LAYERS_EQUATIONS_CHECKER_H_
#define SLUICE_LAYERS_EQUATIONS_CHECKER_H_

#include <sluice/layers/equations/syntax.h>

namespace sluice::equations {

// How a variable starts.
enum class Rule : uint8_t {
  kStandard,
  kConstant,
  kIdentity,
  kOrthogonal,
  kGlorot,
  kNormal,
  kUniform
};
struct Start {
  Rule rule = Rule::kStandard;  // as the option `init` says
  std::vector<double> numbers;
};

struct CellVariable {
  std::string name;
  Size size = Size::kHidden;  // of a vector, or a matrix
  Start start;
};

// The variables W, U, b, p, u and v of one equation.
struct OwnVariables {
  bool input_weights = false;
  bool recurrent_weights = false;
  bool bias = false;
  // Whether b is added to W's product or, where there is no W, stands in a sum with U's: one gate
  // input (GateInput) of what there is.
  bool bias_of_gate = false;
  bool bias_is_term = false;  // of a sum
  Start input_start, recurrent_start, bias_start;
  std::vector<CellVariable> vectors;
};

// Checked equations: every name stands for something, and sizes fit.
struct Design {
  Script script;
  std::vector<std::string> states;      // "h" is among them
  std::vector<size_t> state_equations;  // of each state
  std::vector<OwnVariables> own;        // of each equation
  std::vector<CellVariable> variables;  // of the cell
};

absl::StatusOr<Design> Check(const Source& source, Script script);

// Whether the name is that of a variable unless something else is called so, and of which size: W
// and U are matrices, b, p, u and v vectors; alone, or with digits or _ and more behind them.
bool IsVariableName(absl::string_view name);
Size SizeOfVariable(absl::string_view name);

}  // namespace sluice::equations

#endif  // SLUICE_LAYERS_EQUATIONS_CHECKER_H_
