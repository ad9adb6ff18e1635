#include <algorithm>
#include <cmath>
#include <map>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <sluice/graph/nearest.h>
#include <sluice/layers/equations/checker.h>
#include <sluice/layers/equations/functions.h>
#include <sluice/layers/equations/initial_values.h>

namespace sluice::equations {
namespace {

constexpr absl::string_view kMatrices = "WU";
constexpr absl::string_view kVectors = "bpuv";

bool IsMatrix(Size size) { return size == Size::kInputMatrix || size == Size::kRecurrentMatrix; }

bool IsOwn(const Expression& expression, absl::string_view name) {
  return expression.meaning == Meaning::kOwnVariable && expression.name == name;
}

class Checker {
 public:
  Checker(const Source& source, Script script) : source_(source), script_(std::move(script)) {}

  absl::StatusOr<Design> Run() {
    CollectNames();
    CollectStates();
    design_.own.resize(script_.equations.size());
    for (current_ = 0; current_ < script_.equations.size() && error_.ok(); ++current_) {
      CheckEquation(script_.equations[current_]);
    }
    CheckUses();
    if (error_.ok()) error_ = SetInitialValues(source_, script_, design_);
    CheckGates();
    if (!error_.ok()) return error_;
    design_.script = std::move(script_);
    return std::move(design_);
  }

 private:
  void Fail(Position position, absl::string_view message) {
    if (error_.ok()) error_ = source_.ErrorAt(position, message);
  }

  // ---- Names ----
  void CollectNames() {
    if (script_.equations.empty()) {
      Fail(source_.start, "there is no equation; one must say what h' is");
    }
    for (size_t i = 0; i < script_.equations.size(); ++i) {
      const Equation& equation = script_.equations[i];
      CheckNewName({equation.name, equation.position});
      const auto [first, is_new] = equations_.try_emplace(equation.name, i);
      if (is_new) continue;
      Fail(equation.position,
           absl::StrCat("\"", equation.name, "\" has an equation already, in line ",
                        script_.equations[first->second].position.line));
    }
  }

  void CheckNewName(const Named& name) {
    if (absl::ascii_isdigit(name.name[0])) {
      Fail(name.position, absl::StrCat("a name does not start with a digit: ", name.name));
    }
    if (name.name == "x" || name.name == "x'") {
      Fail(name.position, "\"x\" is the input; give this another name");
    }
    if (FindFunction(name.name) != nullptr) {
      Fail(name.position,
           absl::StrCat("\"", name.name, "\" is a function; give this another name"));
    }
  }

  // Those of the `state` line or, without one, what has an equation with a prime.
  void CollectStates() {
    const bool declared = !script_.states.empty();
    for (const Named& state : script_.states) AddState(state);
    std::vector<std::string> names = design_.states;
    for (const Equation& equation : script_.equations) {
      if (equation.name.back() != '\'') continue;
      const std::string state = equation.name.substr(0, equation.name.size() - 1);
      if (!declared) {
        AddState({state, equation.position});
      } else if (std::find(names.begin(), names.end(), state) == names.end()) {
        Fail(equation.position,
             absl::StrCat("no state \"", state, "\"", NearestNameHint(state, names)));
      }
    }
    if (std::find(design_.states.begin(), design_.states.end(), "h") == design_.states.end()) {
      Fail(source_.start,
           "there is no state h, which is the cell's output; one equation must say "
           "what h' is");
    }
  }

  void AddState(const Named& state) {
    CheckNewName(state);
    if (std::find(design_.states.begin(), design_.states.end(), state.name) !=
        design_.states.end()) {
      Fail(state.position, absl::StrCat("\"", state.name, "\" is a state already"));
    }
    if (equations_.count(state.name) > 0) {
      Fail(state.position, absl::StrCat("\"", state.name,
                                        "\" is a state and has an equation; its "
                                        "next value is ",
                                        state.name, "'"));
    }
    const auto equation = equations_.find(state.name + "'");
    if (equation == equations_.end()) {
      Fail(state.position,
           absl::StrCat("the state \"", state.name, "\" has no equation ", state.name, "' = ..."));
      return;
    }
    design_.states.push_back(state.name);
    design_.state_equations.push_back(equation->second);
  }

  // Says what a name stands for.
  void Resolve(Expression& name) {
    const auto state = std::find(design_.states.begin(), design_.states.end(), name.name);
    const auto equation = equations_.find(name.name);
    if (name.name == "x") {
      name.meaning = Meaning::kInput;
      name.size = script_.inputs_are_units ? Size::kHidden : Size::kInputs;
      name.has_row = true;
    } else if (state != design_.states.end()) {
      name.meaning = Meaning::kState;
      name.index = static_cast<size_t>(state - design_.states.begin());
      name.size = Size::kHidden;
      name.has_state = name.has_row = true;
    } else if (equation != equations_.end()) {
      ResolveEquation(name, equation->second);
    } else if (IsVariableName(name.name)) {
      ResolveVariable(name);
    } else {
      Undefined(name);
    }
  }

  void ResolveEquation(Expression& name, size_t index) {
    const Equation& equation = script_.equations[index];
    if (index >= current_) {
      return Fail(name.position,
                  index == current_ ? absl::StrCat("\"", name.name, "\" stands in its own equation")
                                    : absl::StrCat("\"", name.name,
                                                   "\" has its equation below, in "
                                                   "line ",
                                                   equation.position.line,
                                                   "; equations are worked out from top to "
                                                   "bottom"));
    }
    const Expression& value = *equation.value;
    name.meaning = Meaning::kEquation;
    name.index = index;
    name.size = value.size;
    name.number = value.number;
    name.has_state = value.has_state;
    name.has_row = value.has_row;
    used_.resize(script_.equations.size());
    used_[index] = true;
  }

  void ResolveVariable(Expression& name) {
    name.size = SizeOfVariable(name.name);
    if (name.name.size() > 1) {
      name.meaning = Meaning::kCellVariable;
      name.index = IndexOf(name, design_.variables);
      return;
    }
    name.meaning = Meaning::kOwnVariable;
    OwnVariables& own = design_.own[current_];
    bool* once = name.name == "W"   ? &own.input_weights
                 : name.name == "U" ? &own.recurrent_weights
                 : name.name == "b" ? &own.bias
                                    : nullptr;
    if (once == nullptr) {
      name.index = IndexOf(name, own.vectors);
      return;
    }
    if (*once) {
      Fail(name.position, absl::StrCat("\"", name.name,
                                       "\" stands in this equation already; give two of them "
                                       "names of their own, such as ",
                                       name.name, "_1 and ", name.name, "_2"));
    }
    *once = true;
  }

  static size_t IndexOf(const Expression& name, std::vector<CellVariable>& variables) {
    size_t index = 0;
    while (index < variables.size() && variables[index].name != name.name) ++index;
    if (index == variables.size()) variables.push_back({name.name, name.size, {}});
    return index;
  }

  void Undefined(const Expression& name) {
    std::vector<std::string> names = {"x"};
    names.insert(names.end(), design_.states.begin(), design_.states.end());
    for (size_t i = 0; i < current_; ++i) names.push_back(script_.equations[i].name);
    std::vector<std::string> known = names;
    for (const std::string& function : FunctionNames()) known.push_back(function);
    const std::string nearest = NearestName(name.name, known);
    Fail(name.position,
         absl::StrCat("\"", name.name, "\" stands for nothing",
                      nearest.empty()
                          ? absl::StrCat("; there are ", absl::StrJoin(names, ", "),
                                         ", functions, and variables called W, U, b, p, u, v or "
                                         "like W_z and b2")
                          : absl::StrCat("; did you mean \"", nearest, "\"?")));
  }

  // ---- Expressions ----
  void CheckEquation(Equation& equation) {
    Expression& value = *equation.value;
    CheckExpression(value, /*is_whole_sum=*/true);
    CheckIsNoMatrix(value);
    if (!error_.ok() || equation.name.back() != '\'') return;
    if (!value.has_row) {
      Fail(value.position,
           absl::StrCat(equation.name, " is the same whatever x and the state are"));
    } else if (value.size != Size::kHidden) {
      Fail(value.position, absl::StrCat(equation.name,
                                        " must have the size of h, this has that "
                                        "of x"));
    }
  }

  void CheckIsNoMatrix(const Expression& value) {
    if (!IsMatrix(value.size)) return;
    Fail(value.position, absl::StrCat("the matrix \"", value.name,
                                      "\" stands alone; its product with x or h is written ",
                                      value.name, " x or ", value.name, " h"));
  }

  void CheckExpression(Expression& expression, bool is_whole_sum) {
    if (!error_.ok()) return;
    const bool is_sum = expression.kind == Kind::kAdd || expression.kind == Kind::kSubtract;
    for (size_t i = 0; i < expression.operands.size(); ++i) {
      const bool goes_on = is_sum && i == 0 && !expression.operands[0]->in_brackets;
      CheckExpression(*expression.operands[i], !goes_on);
    }
    if (!error_.ok()) return;
    for (const ExpressionPointer& operand : expression.operands) {
      expression.has_state = expression.has_state || operand->has_state;
      expression.has_row = expression.has_row || operand->has_row;
    }
    switch (expression.kind) {
      case Kind::kNumber:
        return;
      case Kind::kName:
        return Resolve(expression);
      case Kind::kProduct:
        return CheckProduct(expression);
      case Kind::kCall:
        return CheckCall(expression);
      default:
        CheckElementwise(expression, 0, expression.operands.size());
        if (error_.ok() && expression.size == Size::kNumber) CheckNumber(expression);
        if (error_.ok() && is_sum && is_whole_sum) OrderTerms(expression);
    }
  }

  // Operands begin .. end - 1 are numbers, or vectors of one size, which is the result's.
  void CheckElementwise(Expression& expression, size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const Expression& operand = *expression.operands[i];
      CheckIsNoMatrix(operand);
      if (operand.size == Size::kNumber) continue;
      if (expression.size != Size::kNumber && expression.size != operand.size) {
        Fail(expression.position,
             "a value of x's size and one of h's do not go together; multiply the first by a "
             "matrix: W x");
      }
      expression.size = operand.size;
    }
  }

  void CheckNumber(Expression& expression) {
    const double a = expression.operands[0]->number;
    const double b = expression.operands.size() > 1 ? expression.operands[1]->number : 0;
    expression.number = expression.kind == Kind::kNegate     ? -a
                        : expression.kind == Kind::kAdd      ? a + b
                        : expression.kind == Kind::kSubtract ? a - b
                        : expression.kind == Kind::kMultiply ? a * b
                                                             : a / b;
    if (!std::isfinite(expression.number)) {
      Fail(expression.position, "the result is not a finite number");
    }
  }

  void CheckProduct(Expression& product) {
    const Expression& matrix = *product.operands[0];
    const Expression& vector = *product.operands[1];
    if (!IsMatrix(matrix.size)) {
      const std::string name = matrix.kind == Kind::kName ? matrix.name : "";
      return Fail(vector.position,
                  name.empty()
                      ? "expected an operator; only a matrix stands ahead of what it multiplies"
                      : absl::StrCat("expected an operator; \"", name,
                                     "\" is no matrix, and a "
                                     "product element by element is written ",
                                     name, " * ..."));
    }
    if (IsMatrix(vector.size)) {
      return Fail(vector.position,
                  absl::StrCat("a matrix times a matrix; write ", matrix.name, " (", vector.name,
                               " ...) for one product after the other"));
    }
    if (vector.size == Size::kNumber) {
      return Fail(vector.position, absl::StrCat("the matrix \"", matrix.name,
                                                "\" multiplies a vector, this is a number"));
    }
    if (!vector.has_row) {
      return Fail(vector.position, absl::StrCat("the matrix \"", matrix.name,
                                                "\" multiplies what x or a state takes part in"));
    }
    const bool takes_inputs = matrix.size == Size::kInputMatrix && !script_.inputs_are_units;
    if (takes_inputs != (vector.size == Size::kInputs)) {
      return Fail(vector.position,
                  absl::StrCat("the matrix \"", matrix.name, "\" multiplies what has the size of ",
                               takes_inputs ? "x" : "h", ", this has the size of ",
                               takes_inputs ? "h" : "x",
                               "; matrices called W are for x, those "
                               "called U for h"));
    }
    product.size = Size::kHidden;
  }

  void CheckCall(Expression& call) {
    const Op& op = *FindFunction(call.name);
    const size_t inputs = static_cast<size_t>(op.arity);
    const size_t wanted = inputs + (TakesNumber(op) ? 1 : 0);
    if (call.operands.size() != wanted) {
      return Fail(call.position, absl::StrCat(call.name, " takes ", wanted,
                                              wanted == 1 ? " argument" : " arguments", ", found ",
                                              call.operands.size()));
    }
    CheckElementwise(call, 0, inputs);
    if (error_.ok() && call.size == Size::kNumber) {
      Fail(call.position, absl::StrCat(call.name, " of numbers only; write the result"));
    }
    if (wanted > inputs && call.operands.back()->size != Size::kNumber) {
      Fail(call.operands.back()->position,
           absl::StrCat("expected a number, which ", call.name, " takes last"));
    }
  }

  // W's product and b come first, then the other terms without a state, then those with one: what
  // does not wait for the state before can be worked out for all time steps at once. A sum in
  // brackets is a term.
  void OrderTerms(Expression& sum) {
    std::vector<Term> terms;
    const Expression* rest = &sum;
    do {
      terms.push_back({rest->operands[1].get(), rest->kind == Kind::kSubtract});
      rest = rest->operands[0].get();
    } while (!rest->in_brackets && (rest->kind == Kind::kAdd || rest->kind == Kind::kSubtract));
    terms.push_back({rest, false});
    std::reverse(terms.begin(), terms.end());

    const auto is_product = [](const Term& term) {
      return term.value->kind == Kind::kProduct && IsOwn(*term.value->operands[0], "W");
    };
    const auto is_bias = [](const Term& term) { return IsOwn(*term.value, "b"); };
    const auto product = std::find_if(terms.begin(), terms.end(), is_product);
    const auto bias = std::find_if(terms.begin(), terms.end(), is_bias);
    OwnVariables& own = design_.own[current_];
    if (bias != terms.end()) {
      own.bias_is_term = true;
      own.bias_of_gate = !bias->subtracted && product != terms.end() && !product->subtracted;
    }
    const auto place = [&](const Term& term) {
      if (!term.subtracted && is_product(term)) return 0;
      if (!term.subtracted && is_bias(term)) return 1;
      const bool is_free = !term.value->has_state && term.value->size != Size::kNumber;
      return is_free ? 2 : 3;
    };
    std::stable_sort(terms.begin(), terms.end(),
                     [&](const Term& a, const Term& b) { return place(a) < place(b); });
    const bool mixed = place(terms.front()) == 2 && place(terms.back()) == 3;
    if (!terms.front().subtracted && (place(terms.front()) < 2 || mixed)) {
      sum.terms = std::move(terms);
    }
  }

  // ---- What stands behind the equations ----
  void CheckUses() {
    used_.resize(script_.equations.size());
    for (size_t i = 0; i < script_.equations.size(); ++i) {
      const Equation& equation = script_.equations[i];
      if (used_[i] || equation.name.back() == '\'') continue;
      Fail(equation.position, absl::StrCat("nothing uses \"", equation.name, "\""));
    }
    for (OwnVariables& own : design_.own) {
      // Without W, b and U's product make the gate's input, wherever in the equation they stand.
      if (own.bias_is_term && own.recurrent_weights && !own.input_weights) own.bias_of_gate = true;
    }
  }

  void CheckGates() {
    std::map<std::string, int> lines;
    for (const Gate& gate : script_.gates) {
      const auto equation = equations_.find(gate.gate.name);
      if (equation == equations_.end()) {
        std::vector<std::string> names;
        for (const auto& [name, index] : equations_) names.push_back(name);
        Fail(gate.gate.position, absl::StrCat("no equation of \"", gate.gate.name, "\"",
                                              NearestNameHint(gate.gate.name, names)));
      } else if (script_.equations[equation->second].value->size != Size::kHidden) {
        Fail(gate.gate.position,
             absl::StrCat("the gate \"", gate.gate.name, "\" does not have the size of h"));
      }
      if (!lines.try_emplace(gate.gate.name, gate.gate.position.line).second) {
        Fail(gate.gate.position,
             absl::StrCat("\"", gate.gate.name, "\" is among the gates already"));
      }
    }
  }

  const Source& source_;
  Script script_;
  Design design_;
  std::map<std::string, size_t> equations_;  // by name
  std::vector<bool> used_;                   // each equation
  size_t current_ = 0;
  absl::Status error_;
};

}  // namespace

bool IsVariableName(absl::string_view name) {
  if (name.empty() || absl::StrCat(kMatrices, kVectors).find(name[0]) == std::string::npos) {
    return false;
  }
  name.remove_prefix(1);
  if (name.size() > 1 && name[0] == '_') return name.back() != '\'';
  return std::all_of(name.begin(), name.end(), absl::ascii_isdigit);
}

Size SizeOfVariable(absl::string_view name) {
  return name[0] == 'W'   ? Size::kInputMatrix
         : name[0] == 'U' ? Size::kRecurrentMatrix
                          : Size::kHidden;
}

absl::StatusOr<Design> Check(const Source& source, Script script) {
  return Checker(source, std::move(script)).Run();
}

}  // namespace sluice::equations
