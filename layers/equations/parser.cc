#include <algorithm>
#include <cmath>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <sluice/layers/equations/functions.h>
#include <sluice/layers/equations/parser.h>

namespace sluice::equations {
namespace {

// By recursive descent. The first error stays in `error_`; afterwards what is parsed means nothing
// and no statement follows.
class Parser {
 public:
  Parser(const Source& source, const Tokens& tokens) : source_(source), tokens_(tokens.tokens) {
    script_.title = tokens.title;
  }

  absl::StatusOr<Script> Run() {
    while (error_.ok() && Peek().kind != TokenKind::kEnd) {
      Statement();
      if (error_.ok() && Peek().kind != TokenKind::kLineEnd) {
        Expected("an operator or the end of the line");
      }
      Take();
    }
    if (!error_.ok()) return error_;
    return std::move(script_);
  }

 private:
  // ---- Tokens ----
  const Token& Peek(size_t ahead = 0) const {
    return tokens_[std::min(next_ + ahead, tokens_.size() - 1)];
  }
  const Token& Take() {
    const Token& token = Peek();
    if (next_ + 1 < tokens_.size()) ++next_;
    return token;
  }
  bool TakeIf(absl::string_view symbol) {
    if (!Peek().Is(symbol)) return false;
    Take();
    return true;
  }
  void Expect(absl::string_view symbol) {
    if (!TakeIf(symbol)) Expected(absl::StrCat("\"", symbol, "\""));
  }
  void Expected(absl::string_view what) {
    Fail(Peek().position, absl::StrCat("expected ", what, ", found ", Peek().Description()));
  }
  void Fail(Position position, absl::string_view message) {
    if (error_.ok()) error_ = source_.ErrorAt(position, message);
  }
  bool IsName(const Token& token, bool may_have_prime) const {
    return token.kind == TokenKind::kName && (may_have_prime || token.text.back() != '\'');
  }
  Named Name(absl::string_view what) {
    if (!IsName(Peek(), false)) {
      Expected(what);
      return {};
    }
    const Token& token = Take();
    return {std::string(token.text), token.position};
  }

  // ---- Statements ----
  void Statement() {
    const Token& first = Peek();
    if (first.kind != TokenKind::kName) return Expected("an equation, such as h' = ...");
    if (Peek(1).Is("=")) return EquationStatement();
    if (first.text == "state") return StateStatement();
    if (first.text == "gates") return GatesStatement();
    if (first.text == "init") return InitialStatement();
    if (first.text == "size") return SizeStatement();
    if (first.text == "source") {
      Take();
      script_.source = std::string(absl::StripAsciiWhitespace(Take().text));
      return;
    }
    Take();
    Expected(absl::StrCat("\"=\" behind \"", first.text, "\""));
  }

  void EquationStatement() {
    const Token& name = Take();
    Take();
    Equation equation{std::string(name.text), name.position, Sum(), ""};
    const absl::string_view text(name.text.data(),
                                 static_cast<size_t>(Peek().text.data() - name.text.data()));
    // As one line, without comments: they stand behind the last token.
    for (const absl::string_view line : absl::StrSplit(text.substr(0, text.find('#')), '\n')) {
      absl::StrAppend(&equation.text, equation.text.empty() ? "" : " ",
                      absl::StripAsciiWhitespace(line));
    }
    script_.equations.push_back(std::move(equation));
  }

  // Calls one() for each element of a list; commas may be left out.
  template <typename One>
  void List(One one) {
    do {
      one();
      TakeIf(",");
    } while (error_.ok() && Peek().kind != TokenKind::kLineEnd);
  }

  void StateStatement() {
    Take();
    List([&] { script_.states.push_back(Name("the name of a state")); });
  }

  void GatesStatement() {
    Take();
    List([&] {
      Gate gate{Name("the name of a gate")};
      if (TakeIf("(")) {
        gate.keeps = Keeps(gate.gate.name);
        Expect(")");
      }
      script_.gates.push_back(std::move(gate));
    });
  }

  // `keeps: f` or `keeps: 1 - f`.
  Polarity Keeps(const std::string& gate) {
    const std::string what = absl::StrCat("keeps: ", gate, " or keeps: 1 - ", gate);
    const auto is = [&](absl::string_view text) {
      if (Peek().text != text) {
        Expected(what);
        return false;
      }
      Take();
      return true;
    };
    if (!is("keeps") || !is(":")) return Polarity::kNeither;
    if (Peek().text != "1") return is(gate) ? Polarity::kKeeps : Polarity::kNeither;
    return is("1") && is("-") && is(gate) ? Polarity::kOneMinusGate : Polarity::kNeither;
  }

  void InitialStatement() {
    Take();
    if (!IsName(Peek(), true)) return Expected("a variable, such as b or f.b");
    const Token& first = Take();
    InitialValue initial{.variable = {std::string(first.text), first.position}};
    if (TakeIf(".")) {
      initial.equation = std::move(initial.variable);
      initial.variable = Name("a variable");
    }
    Expect("=");
    if (Peek().kind == TokenKind::kName) {
      initial.rule = Name("a number or a rule");
      if (TakeIf("(")) {
        do {
          initial.numbers.push_back(SignedNumber());
        } while (error_.ok() && TakeIf(","));
        Expect(")");
      }
    } else {
      initial.numbers.push_back(SignedNumber());
    }
    script_.initial.push_back(std::move(initial));
  }

  void SizeStatement() {
    Take();
    const bool fits = Peek().text == "x" && Peek(1).Is("=") && Peek(2).text == "h";
    if (!fits) return Expected("size x = h");
    next_ += 3;
    script_.inputs_are_units = true;
  }

  double SignedNumber() {
    const bool negative = TakeIf("-");
    if (Peek().kind != TokenKind::kNumber) {
      Expected("a number");
      return 0;
    }
    const double number = Number(Take());
    return negative ? -number : number;
  }

  double Number(const Token& token) {
    double number = 0;
    if (!absl::SimpleAtod(token.text, &number) || !std::isfinite(number)) {
      Fail(token.position, absl::StrCat(token.Description(), " is not a finite number"));
    }
    return number;
  }

  // ---- Expressions ----
  ExpressionPointer Make(Kind kind, Position position) {
    auto expression = std::make_unique<Expression>();
    expression->kind = kind;
    expression->position = position;
    return expression;
  }
  ExpressionPointer With(ExpressionPointer expression, ExpressionPointer operand) {
    expression->depth = std::max(expression->depth, operand->depth + 1);
    if (expression->depth > kDeepest) {
      Fail(operand->position, absl::StrCat("more than ", kDeepest,
                                           " operations within one another; give parts of it names"
                                           " of their own"));
    }
    expression->operands.push_back(std::move(operand));
    return expression;
  }
  ExpressionPointer Binary(Kind kind, Position position, ExpressionPointer left,
                           ExpressionPointer right) {
    return With(With(Make(kind, position), std::move(left)), std::move(right));
  }

  ExpressionPointer Sum() {
    ExpressionPointer sum = Product();
    while (error_.ok() && (Peek().Is("+") || Peek().Is("-"))) {
      const Token& token = Take();
      sum = Binary(token.text == "+" ? Kind::kAdd : Kind::kSubtract, token.position, std::move(sum),
                   Product());
    }
    return sum;
  }

  ExpressionPointer Product() {
    ExpressionPointer product = Factor();
    while (error_.ok() && (Peek().Is("*") || Peek().Is("/"))) {
      const Token& token = Take();
      product = Binary(token.text == "*" ? Kind::kMultiply : Kind::kDivide, token.position,
                       std::move(product), Factor());
    }
    return product;
  }

  // -h, W x, U tanh(h)
  ExpressionPointer Factor() {
    // Brackets and signs are the two ways to nest without an operand ahead of them.
    if (++nesting_ > kDeepest) {
      Fail(Peek().position, absl::StrCat("brackets and signs more than ", kDeepest, " deep"));
    }
    ExpressionPointer factor;
    if (error_.ok() && Peek().Is("-")) {
      const Position position = Take().position;
      factor = With(Make(Kind::kNegate, position), Factor());
    } else {
      factor = Operand();
      while (error_.ok() &&
             (Peek().Is(".") || Peek().Is("(") || Peek().kind == TokenKind::kNumber ||
              Peek().kind == TokenKind::kName)) {
        const Position position = factor->position;
        TakeIf(".");
        factor = Binary(Kind::kProduct, position, std::move(factor), Operand());
      }
    }
    --nesting_;
    return factor;
  }

  ExpressionPointer Operand() {
    const Token& token = Peek();
    ExpressionPointer operand = Make(Kind::kNumber, token.position);
    if (!error_.ok()) return operand;
    if (token.kind == TokenKind::kNumber) {
      operand->number = Number(Take());
    } else if (IsName(token, true)) {
      operand->kind = Kind::kName;
      operand->name = std::string(Take().text);
      if (Peek().Is("(") && FindFunction(operand->name) != nullptr) return Call(std::move(operand));
    } else if (TakeIf("(")) {
      operand = Sum();
      operand->in_brackets = true;
      Expect(")");
    } else {
      Expected("a name, a number or \"(\"");
    }
    return operand;
  }

  ExpressionPointer Call(ExpressionPointer call) {
    call->kind = Kind::kCall;
    Expect("(");
    do {
      call = With(std::move(call), Sum());
    } while (error_.ok() && TakeIf(","));
    Expect(")");
    return call;
  }

  const Source& source_;
  const std::vector<Token>& tokens_;
  size_t next_ = 0;
  int nesting_ = 0;
  Script script_;
  absl::Status error_;
};

}  // namespace

absl::StatusOr<Script> Parse(const Source& source) {
  const absl::StatusOr<Tokens> tokens = Tokenise(source);
  if (!tokens.ok()) return tokens.status();
  return Parser(source, *tokens).Run();
}

}  // namespace sluice::equations
