#ifndef SLUICE_LAYERS_EQUATIONS_LEXER_H_
#define SLUICE_LAYERS_EQUATIONS_LEXER_H_

#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

namespace sluice::equations {

// Where something stands, for errors: both from 1, columns in bytes.
struct Position {
  int line = 1;
  int column = 1;
};

// A text of equations and what errors call it: "mine.cell".
struct Source {
  std::string name;
  absl::string_view text;
  Position start;  // of the text's first byte

  // "mine.cell:4:12: <message>"
  absl::Status ErrorAt(Position position, absl::string_view message) const;
};

enum class TokenKind : uint8_t {
  kName,     // letters, digits and _, with a prime at the end: f, W_z, h'
  kNumber,   // 0.5, 1e-3
  kSymbol,   // one of = ( ) , : . + - * /
  kLineEnd,  // of a statement: a new line or ;
  kRest,     // what stands behind the word `source`, to the end of the line
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  Position position;
  absl::string_view text;  // of the source

  bool Is(absl::string_view symbol) const { return kind == TokenKind::kSymbol && text == symbol; }
  // For "found ...".
  std::string Description() const;
};

struct Tokens {
  std::vector<Token> tokens;  // the last one is kEnd; there are no empty statements
  std::string title;          // of the comment ahead of everything, if there is one
};

// A statement goes on behind the end of a line that ends in an operator, a comma or "(".
absl::StatusOr<Tokens> Tokenise(const Source& source);

}  // namespace sluice::equations

#endif  // SLUICE_LAYERS_EQUATIONS_LEXER_H_
