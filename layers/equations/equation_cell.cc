#include <algorithm>
#include <optional>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <sluice/layers/equations/checker.h>
#include <sluice/layers/equations/equation_cell.h>
#include <sluice/layers/equations/functions.h>
#include <sluice/layers/equations/parser.h>
#include <sluice/layers/run_masks.h>
#include <sluice/ops/composed.h>

namespace sluice::equations {
namespace {

double NumberOr(const Start& start, size_t index, double standard) {
  return index < start.numbers.size() ? start.numbers[index] : standard;
}

Initializer InitializerOf(const Start& start, const Initializer& standard) {
  switch (start.rule) {
    case Rule::kStandard:
      return standard;
    case Rule::kConstant:
      return ConstantInitializer(start.numbers[0]);
    case Rule::kIdentity:
      return IdentityInitializer(NumberOr(start, 0, 1));
    case Rule::kOrthogonal:
      return OrthogonalInitializer(NumberOr(start, 0, 1));
    case Rule::kGlorot:
      return GlorotInitializer();
    case Rule::kNormal:
      return NormalInitializer(start.numbers[0], start.numbers[1]);
    case Rule::kUniform:
      return UniformInitializer(start.numbers[0], start.numbers[1]);
  }
  return standard;
}

Variable* MakeVariable(const Scope& scope, const CellVariable& variable, const CellSize& size) {
  const InitialValues& initial = size.initial;
  if (variable.size == Size::kHidden) {
    const bool is_bias = variable.name[0] == 'b';
    return &scope.Trainable(
        variable.name, {size.hidden},
        InitializerOf(variable.start, is_bias ? initial.bias : ConstantInitializer(0)));
  }
  const bool of_input = variable.size == Size::kInputMatrix;
  return &scope.Trainable(
      variable.name, {of_input ? size.inputs : size.hidden, size.hidden},
      InitializerOf(variable.start, of_input ? initial.input_weights : initial.recurrent_weights));
}

// The variables of one equation.
struct EquationInputs {
  std::optional<GateInput> gate;  // W, U and, where it goes with them, b
  std::optional<GateInput> bias;  // b where it does not
  std::vector<Variable*> vectors;
};

EquationInputs MakeInputs(const OwnVariables& own, const Scope& scope, const CellSize& size) {
  CellSize sized = size;
  sized.initial.input_weights = InitializerOf(own.input_start, size.initial.input_weights);
  sized.initial.recurrent_weights =
      InitializerOf(own.recurrent_start, size.initial.recurrent_weights);
  if (own.bias_start.rule != Rule::kStandard) {
    sized.first_bias = InitializerOf(own.bias_start, size.initial.bias);
  }
  CellSize without_bias = sized;
  without_bias.biases = Biases::kNone;
  EquationInputs inputs;
  if (own.input_weights || own.recurrent_weights) {
    inputs.gate.emplace(
        scope, own.bias_of_gate ? sized : without_bias,
        GateInput::Options{.input = own.input_weights, .recurrent = own.recurrent_weights});
  }
  if (own.bias && !own.bias_of_gate) {
    // Only a term of a sum can be left out.
    if (!own.bias_is_term) sized.biases = Biases::kOne;
    inputs.bias.emplace(scope, sized, GateInput::Options{.input = false, .recurrent = false});
  }
  for (const CellVariable& variable : own.vectors) {
    inputs.vectors.push_back(MakeVariable(scope, variable, size));
  }
  return inputs;
}

// A number or a vector.
struct Operand {
  Value value;
  double number = 0;
};

class EquationCell : public Cell {
 public:
  EquationCell(std::shared_ptr<const Design> design, const std::string& name, const Scope& scope,
               const CellSize& size)
      : design_(std::move(design)), run_masks_(size.masks) {
    if (design_->script.inputs_are_units && size.inputs != size.hidden) {
      scope.store().Fail(absl::InvalidArgumentError(
          absl::StrCat("cell ", name,
                       " says size x = h, so it needs as many inputs as units; "
                       "they are ",
                       size.inputs, " and ", size.hidden)));
    }
    for (size_t i = 0; i < design_->own.size(); ++i) {
      const std::string& equation = design_->script.equations[i].name;
      const bool has_prime = equation.back() == '\'';
      // h' is the equation of h.
      inputs_.push_back(
          MakeInputs(design_->own[i],
                     scope / equation.substr(0, equation.size() - (has_prime ? 1 : 0)), size));
    }
    for (const CellVariable& variable : design_->variables) {
      variables_.push_back(MakeVariable(scope, variable, size));
      if (!size.layer_norm || variable.size == Size::kHidden) continue;
      scope.store().Fail(absl::InvalidArgumentError(
          absl::StrCat("cell ", name, ": layer_norm normalises the products of W and U; ",
                       variable.name, " has a name of its own")));
    }
  }

  std::vector<std::string> StateNames() const override { return design_->states; }

  State Step(Value x, const State& state) const override {
    Running running{x, state, {}, 0};
    for (const Equation& equation : design_->script.equations) {
      running.current = running.values.size();
      Operand result = Lower(running, *equation.value);
      for (const equations::Gate& gate : design_->script.gates) {
        if (gate.gate.name != equation.name) continue;
        // Reports show a gate for each row, also one that is the same for all.
        result.value = Gate(equation.name, BroadcastTo(result.value, state["h"].shape()));
      }
      running.values.push_back(result);
    }
    State next;
    for (size_t i = 0; i < design_->states.size(); ++i) {
      next.Set(design_->states[i], running.values[design_->state_equations[i]].value);
    }
    return next;
  }

 private:
  // What one step knows.
  struct Running {
    Value x;
    const State& state;
    std::vector<Operand> values;  // of the equations so far
    size_t current;               // equation
  };

  Operand Lower(const Running& running, const Expression& expression) const {
    if (expression.size == Size::kNumber) return {Value(), expression.number};
    if (!expression.terms.empty()) return {LowerTerms(running, expression.terms)};
    switch (expression.kind) {
      case Kind::kName:
        return LowerName(running, expression);
      case Kind::kProduct:
        return {LowerProduct(running, expression)};
      case Kind::kCall:
        return {LowerCall(running, expression)};
      case Kind::kNegate:
        return {-Lower(running, *expression.operands[0]).value};
      default:
        // As in a class of one's own, the compiler chooses which operand is recorded first: so both
        // add up a value's gradients in the same order.
        return Combined(expression.kind, Lower(running, *expression.operands[0]),
                        Lower(running, *expression.operands[1]));
    }
  }

  static Operand Combined(Kind kind, Operand left, Operand right) {
    const Value a = left.value ? left.value : NumberLike(left.number, right.value);
    const Value b = right.value ? right.value : NumberLike(right.number, left.value);
    return {kind == Kind::kAdd        ? a + b
            : kind == Kind::kSubtract ? a - b
            : kind == Kind::kMultiply ? a * b
                                      : a / b};
  }

  // Terms in their own order. W's product comes with its b.
  Value LowerTerms(const Running& running, absl::Span<const Term> terms) const {
    const OwnVariables& own = design_->own[running.current];
    Operand sum;
    bool is_first = true;
    for (const Term& term : terms) {
      const bool is_bias = term.value->meaning == Meaning::kOwnVariable && term.value->name == "b";
      if (is_bias && own.bias_of_gate && own.input_weights) continue;
      const Operand value = Lower(running, *term.value);
      if (is_bias && !value.value) continue;  // biases=none
      sum = is_first ? value : Combined(term.subtracted ? Kind::kSubtract : Kind::kAdd, sum, value);
      is_first = false;
    }
    return sum.value;
  }

  Operand LowerName(const Running& running, const Expression& name) const {
    const EquationInputs& inputs = inputs_[running.current];
    switch (name.meaning) {
      case Meaning::kInput:
        return {running.x};
      case Meaning::kState:
        return {running.state[name.name]};
      case Meaning::kEquation:
        return running.values[name.index];
      case Meaning::kOwnVariable:
        if (name.name == "b") return {LowerBias(running)};
        return {running.x.tape()->Use(*inputs.vectors[name.index])};
      default:
        return {running.x.tape()->Use(*variables_[name.index])};
    }
  }

  Value LowerBias(const Running& running) const {
    const EquationInputs& inputs = inputs_[running.current];
    const Value bias = (inputs.bias ? *inputs.bias : *inputs.gate).Input(running.x);
    // A gate that is nothing but a bias still has a value for each row.
    const bool is_term = design_->own[running.current].bias_is_term;
    return is_term ? bias : BroadcastTo(bias, running.state["h"].shape());
  }

  Value LowerProduct(const Running& running, const Expression& product) const {
    const Expression& matrix = *product.operands[0];
    const Value vector = Lower(running, *product.operands[1]).value;
    if (matrix.meaning == Meaning::kOwnVariable) {
      const GateInput& gate = *inputs_[running.current].gate;
      return matrix.name == "W" ? gate.Input(vector) : gate.Recurrent(vector);
    }
    Variable& weights = *variables_[matrix.index];
    Tape& tape = *running.x.tape();
    if (run_masks_ == nullptr || matrix.size == Size::kInputMatrix) {
      return MatMul(vector, tape.Use(weights));
    }
    return MatMul(run_masks_->DropState(vector), run_masks_->DropWeights(tape, weights));
  }

  Value LowerCall(const Running& running, const Expression& call) const {
    const Op& op = *FindFunction(call.name);
    std::vector<Operand> operands;
    for (int i = 0; i < op.arity; ++i) operands.push_back(Lower(running, *call.operands[i]));
    Value like;
    for (const Operand& operand : operands) like = like ? like : operand.value;
    std::vector<Value> values;
    for (const Operand& operand : operands) {
      values.push_back(operand.value ? operand.value : NumberLike(operand.number, like));
    }
    Attributes attributes;
    if (TakesNumber(op)) attributes.number = call.operands.back()->number;
    return running.x.tape()->Record(op, values, attributes);
  }

  std::shared_ptr<const Design> design_;
  std::vector<EquationInputs> inputs_;
  std::vector<Variable*> variables_;
  RunMasks* run_masks_;
};

ParameterCount Count(const Design& design, const CellSize& size) {
  ParameterCount count;
  const auto biases = static_cast<double>(size.biases);
  const auto add = [&](const CellVariable& variable) {
    (variable.size == Size::kInputMatrix       ? count.input
     : variable.size == Size::kRecurrentMatrix ? count.recurrent
                                               : count.vectors) += 1;
  };
  for (const OwnVariables& own : design.own) {
    count.input += own.input_weights ? 1 : 0;
    count.recurrent += own.recurrent_weights ? 1 : 0;
    if (own.bias_of_gate) {
      count.vectors += own.recurrent_weights ? biases : std::min(biases, 1.0);
    } else if (own.bias) {
      count.vectors += own.bias_is_term ? std::min(biases, 1.0) : 1;
    }
    if (size.layer_norm) {
      count.vectors += (own.input_weights ? 1 : 0) + (own.recurrent_weights ? 1 : 0);
    }
    for (const CellVariable& variable : own.vectors) add(variable);
  }
  for (const CellVariable& variable : design.variables) add(variable);
  return count;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const CellRecord>> RecordOf(const Source& source,
                                                           const std::string& name) {
  absl::StatusOr<Script> script = Parse(source);
  if (!script.ok()) return script.status();
  absl::StatusOr<Design> checked = Check(source, *std::move(script));
  if (!checked.ok()) return checked.status();
  const auto design = std::make_shared<const Design>(*std::move(checked));
  CellRecord record{.name = name,
                    .title = design->script.title.empty() ? name : design->script.title,
                    .source = design->script.source.empty() ? name : design->script.source};
  record.equations = absl::StrJoin(
      design->script.equations, ", ",
      [](std::string* out, const Equation& equation) { absl::StrAppend(out, equation.text); });
  for (const Gate& gate : design->script.gates) {
    record.gates.push_back({gate.gate.name, gate.keeps});
  }
  record.parameters = [design](const CellSize& size, const CellOptions&) {
    return Count(*design, size);
  };
  record.make = [design, name](const Scope& scope, const CellSize& size, const CellOptions&) {
    return std::make_unique<EquationCell>(design, name, scope, size);
  };
  return std::make_shared<const CellRecord>(std::move(record));
}

}  // namespace sluice::equations
