#ifndef SLUICE_LAYERS_EQUATIONS_SYNTAX_H_
#define SLUICE_LAYERS_EQUATIONS_SYNTAX_H_

#include <memory>
#include <string>
#include <vector>

#include <sluice/layers/cell.h>
#include <sluice/layers/equations/lexer.h>

namespace sluice::equations {

enum class Kind : uint8_t {
  kNumber,
  kName,
  kNegate,
  kAdd,
  kSubtract,
  kMultiply,  // element by element
  kDivide,
  kProduct,  // of a matrix and a vector
  kCall,     // of a function
};

// How many elements a value has, for each row of a batch.
enum class Size : uint8_t { kNumber, kInputs, kHidden, kInputMatrix, kRecurrentMatrix };

// What a name stands for.
enum class Meaning : uint8_t { kNone, kInput, kState, kEquation, kOwnVariable, kCellVariable };

struct Expression;
using ExpressionPointer = std::unique_ptr<Expression>;

// A term of a sum, with its sign.
struct Term {
  const Expression* value;
  bool subtracted;
};

// A tree, no deeper than kDeepest.
struct Expression {
  Kind kind;
  Position position;
  std::string name;   // of a name or a function
  double number = 0;  // of a number
  std::vector<ExpressionPointer> operands;
  int depth = 1;
  bool in_brackets = false;

  // Known once the text is checked.
  Size size = Size::kNumber;
  bool has_state = false;  // whether a state takes part
  bool has_row = false;    // whether it has a value for each row of a batch, as x and states do
  Meaning meaning = Meaning::kNone;
  size_t index = 0;  // of the state, equation or variable
  // Of a sum whose terms are added in another order than written: that order.
  std::vector<Term> terms;
};
inline constexpr int kDeepest = 400;

struct Named {
  std::string name;
  Position position;
};

struct Equation {
  std::string name;  // h' with its prime
  Position position;
  ExpressionPointer value;
  std::string text;  // all of it, in one line
};

// `init f.b = 1`, `init U = uniform(-1, 1)`.
struct InitialValue {
  Named equation;  // without a name: every equation's
  Named variable;
  Named rule;  // without a name: a constant
  std::vector<double> numbers;
};

struct Gate {
  Named gate;
  Polarity keeps = Polarity::kNeither;
};

// The statements of a text.
struct Script {
  std::string title, source;
  std::vector<Named> states;
  bool inputs_are_units = false;  // size x = h
  std::vector<Equation> equations;
  std::vector<InitialValue> initial;
  std::vector<Gate> gates;
};

}  // namespace sluice::equations

#endif  // SLUICE_LAYERS_EQUATIONS_SYNTAX_H_
