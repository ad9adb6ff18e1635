#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/strip.h>

#include <sluice/layers/equations/lexer.h>

namespace sluice::equations {
namespace {

constexpr absl::string_view kSymbols = "=(),:.+-*/";
// Behind these a statement is not complete.
constexpr absl::string_view kOpen = "(,+-*/";
// Quoted in errors up to this length.
constexpr size_t kLongestQuote = 40;

bool IsNameByte(char c) { return absl::ascii_isalnum(c) || c == '_'; }

class Lexer {
 public:
  explicit Lexer(const Source& source)
      : source_(source), rest_(source.text), position_(source.start) {}

  absl::StatusOr<Tokens> Run() {
    while (!rest_.empty()) {
      if (absl::Status status = Next(); !status.ok()) return status;
    }
    if (!AtStatementStart()) Add(TokenKind::kLineEnd, 0);
    Add(TokenKind::kEnd, 0);
    return std::move(result_);
  }

 private:
  absl::Status Next() {
    const char c = rest_.front();
    if (c == ' ' || c == '\t' || c == '\r') {
      Advance(1);
    } else if (c == '\n' || c == ';') {
      EndLine();
    } else if (c == '#') {
      Comment();
    } else if (absl::ascii_isdigit(c) ||
               (c == '.' && rest_.size() > 1 && absl::ascii_isdigit(rest_[1]))) {
      Add(TokenKind::kNumber, NumberLength());
    } else if (IsNameByte(c)) {
      Name();
    } else if (kSymbols.find(c) != absl::string_view::npos) {
      Add(TokenKind::kSymbol, 1);
    } else {
      return source_.ErrorAt(
          position_,
          absl::ascii_isprint(c)
              ? absl::StrCat("unexpected \"", rest_.substr(0, 1), "\"")
              : absl::StrFormat("unexpected byte 0x%02X", static_cast<unsigned char>(c)));
    }
    return absl::OkStatus();
  }

  bool AtStatementStart() const {
    return result_.tokens.empty() || result_.tokens.back().kind == TokenKind::kLineEnd;
  }

  void EndLine() {
    const bool new_line = rest_.front() == '\n';
    const bool open = !AtStatementStart() && result_.tokens.back().kind == TokenKind::kSymbol &&
                      kOpen.find(result_.tokens.back().text[0]) != absl::string_view::npos;
    if (AtStatementStart() || (new_line && open)) {
      Advance(1);
    } else {
      Add(TokenKind::kLineEnd, 1);
    }
    if (new_line) position_ = {position_.line + 1, 1};
  }

  void Comment() {
    const absl::string_view comment = rest_.substr(0, rest_.find('\n'));
    if (result_.tokens.empty() && result_.title.empty()) {
      result_.title = std::string(absl::StripAsciiWhitespace(absl::StripPrefix(comment, "#")));
    }
    Advance(comment.size());
  }

  void Name() {
    size_t length = 1;
    while (length < rest_.size() && IsNameByte(rest_[length])) ++length;
    if (length < rest_.size() && rest_[length] == '\'') ++length;
    const bool is_source = AtStatementStart() && rest_.substr(0, length) == "source";
    Add(TokenKind::kName, length);
    if (!is_source || absl::StartsWith(absl::StripLeadingAsciiWhitespace(rest_), "=")) return;
    Add(TokenKind::kRest, std::min(rest_.find('\n'), rest_.size()));
  }

  size_t NumberLength() const {
    size_t length = 0;
    const auto digits = [&] {
      while (length < rest_.size() && absl::ascii_isdigit(rest_[length])) ++length;
    };
    digits();
    if (length < rest_.size() && rest_[length] == '.') ++length;
    digits();
    if (length < rest_.size() && (rest_[length] == 'e' || rest_[length] == 'E')) {
      const size_t mantissa = length++;
      if (length < rest_.size() && (rest_[length] == '+' || rest_[length] == '-')) ++length;
      const size_t exponent = length;
      digits();
      if (length == exponent) return mantissa;
    }
    return length;
  }

  void Add(TokenKind kind, size_t length) {
    result_.tokens.push_back({kind, position_, rest_.substr(0, length)});
    Advance(length);
  }
  void Advance(size_t length) {
    rest_.remove_prefix(length);
    position_.column += static_cast<int>(length);
  }

  const Source& source_;
  absl::string_view rest_;
  Position position_;
  Tokens result_;
};

}  // namespace

absl::Status Source::ErrorAt(Position position, absl::string_view message) const {
  return absl::InvalidArgumentError(
      absl::StrCat(name, ":", position.line, ":", position.column, ": ", message));
}

std::string Token::Description() const {
  if (kind == TokenKind::kEnd) return "the end of the text";
  if (kind == TokenKind::kLineEnd) return text == ";" ? "\";\"" : "the end of the line";
  if (text.size() <= kLongestQuote) return absl::StrCat("\"", text, "\"");
  return absl::StrCat("\"", text.substr(0, kLongestQuote), "...\"");
}

absl::StatusOr<Tokens> Tokenise(const Source& source) { return Lexer(source).Run(); }

}  // namespace sluice::equations
