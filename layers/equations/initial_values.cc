#include <algorithm>

#include <absl/strings/str_cat.h>

#include <sluice/graph/nearest.h>
#include <sluice/layers/equations/initial_values.h>

namespace sluice::equations {
namespace {

struct RuleName {
  const char* name;
  Rule rule;
  size_t least, most;  // numbers
};
constexpr RuleName kRules[] = {{"identity", Rule::kIdentity, 0, 1},
                               {"orthogonal", Rule::kOrthogonal, 0, 1},
                               {"glorot", Rule::kGlorot, 0, 0},
                               {"normal", Rule::kNormal, 2, 2},
                               {"uniform", Rule::kUniform, 2, 2}};

class InitialValueSetter {
 public:
  InitialValueSetter(const Source& source, const Script& script, Design& design)
      : source_(source), script_(script), design_(design), initial_(script.initial) {}

  absl::Status Run() {
    // Those of one equation come last, so that they count.
    std::stable_sort(initial_.begin(), initial_.end(),
                     [](const InitialValue& a, const InitialValue& b) {
                       return a.equation.name.empty() && !b.equation.name.empty();
                     });
    for (size_t i = 0; i < initial_.size() && error_.ok(); ++i) {
      const InitialValue& initial = initial_[i];
      for (size_t j = 0; j < i; ++j) {
        const InitialValue& before = initial_[j];
        if (before.variable.name == initial.variable.name &&
            before.equation.name == initial.equation.name) {
          Fail(initial.variable.position, absl::StrCat("\"", initial.variable.name,
                                                       "\" has an initial value already, in line ",
                                                       before.variable.position.line));
        }
      }
      Apply(initial);
    }
    return error_;
  }

 private:
  void Fail(Position position, absl::string_view message) {
    if (error_.ok()) error_ = source_.ErrorAt(position, message);
  }

  std::vector<std::string> EquationNames() const {
    std::vector<std::string> names;
    for (const Equation& equation : script_.equations) names.push_back(equation.name);
    return names;
  }

  void Apply(const InitialValue& initial) {
    const std::string& name = initial.variable.name;
    const Start start = StartOf(initial);
    if (!error_.ok()) return;
    bool found = false;
    std::vector<std::string> names;
    const auto visit = [&](const std::string& variable, Start& its_start) {
      names.push_back(variable);
      if (variable != name) return;
      its_start = start;
      found = true;
    };
    if (initial.equation.name.empty()) {
      for (CellVariable& variable : design_.variables) visit(variable.name, variable.start);
    } else if (std::vector<std::string> equations = EquationNames();
               std::find(equations.begin(), equations.end(), initial.equation.name) ==
               equations.end()) {
      return Fail(initial.equation.position,
                  absl::StrCat("no equation of \"", initial.equation.name, "\"",
                               NearestNameHint(initial.equation.name, equations)));
    }
    for (size_t i = 0; i < design_.own.size(); ++i) {
      if (!initial.equation.name.empty() && script_.equations[i].name != initial.equation.name) {
        continue;
      }
      OwnVariables& own = design_.own[i];
      if (own.input_weights) visit("W", own.input_start);
      if (own.recurrent_weights) visit("U", own.recurrent_start);
      if (own.bias) visit("b", own.bias_start);
      for (CellVariable& variable : own.vectors) visit(variable.name, variable.start);
    }
    if (found) return;
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    Fail(initial.variable.position,
         names.empty() ? absl::StrCat("no variable \"", name, "\"; there is none")
                       : absl::StrCat("no variable \"", name, "\"", NearestNameHint(name, names)));
  }

  Start StartOf(const InitialValue& initial) {
    if (initial.rule.name.empty()) return {Rule::kConstant, initial.numbers};
    std::vector<std::string> names;
    for (const RuleName& rule : kRules) {
      names.emplace_back(rule.name);
      if (initial.rule.name != rule.name) continue;
      const size_t count = initial.numbers.size();
      if (count < rule.least || count > rule.most) {
        Fail(initial.rule.position,
             absl::StrCat(rule.name, " takes ", rule.least == rule.most ? "" : "at most ",
                          rule.most, rule.most == 1 ? " number" : " numbers", ", found ", count));
      }
      const bool is_any = rule.rule == Rule::kNormal || rule.rule == Rule::kUniform;
      if (!is_any && SizeOfVariable(initial.variable.name) == Size::kHidden) {
        Fail(initial.rule.position, absl::StrCat(rule.name, " is for matrices; \"",
                                                 initial.variable.name, "\" is a vector"));
      }
      return {rule.rule, initial.numbers};
    }
    Fail(initial.rule.position, absl::StrCat("no rule \"", initial.rule.name, "\"",
                                             NearestNameHint(initial.rule.name, names)));
    return {};
  }

  const Source& source_;
  const Script& script_;
  Design& design_;
  std::vector<InitialValue> initial_;
  absl::Status error_;
};

}  // namespace

absl::Status SetInitialValues(const Source& source, const Script& script, Design& design) {
  return InitialValueSetter(source, script, design).Run();
}

}  // namespace sluice::equations
