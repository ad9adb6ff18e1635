#ifndef SLUICE_DATA_NORMALISE_H_
#define SLUICE_DATA_NORMALISE_H_

#include <cstdint>
#include <string>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

namespace sluice {

// What one token is.
enum class Unit : uint8_t {
  kCharacter,  // one code point; the text must be UTF-8
  kByte,       // any bytes will do
  // What stands between ASCII white space; each line's end is the token "<eos>", as in Mikolov's
  // edition of the Penn Treebank. Punctuation is not split off. The text must be UTF-8.
  kWord,
};

// What is done to the text before it is cut into tokens.
enum class Normalisation : uint8_t {
  kNone,
  // Lower-case by a fixed table (Latin with its first supplement and extension, Greek, Cyrillic),
  // whatever the locale; for bytes A-Z only.
  kLower,
  // As in "Dive into Deep Learning": of each line, every run of anything but A-Z and a-z becomes
  // one space, spaces at either end go, the rest turns lower-case; the lines are joined with
  // nothing between them. Words are the runs of letters, and there is no "<eos>".
  kLetters,
};

// "character", "byte", "word"; "none", "lower", "letters".
absl::string_view Name(Unit unit);
absl::string_view Name(Normalisation normalisation);
// The reverse. InvalidArgument, naming the choices, for anything else.
absl::StatusOr<Unit> ParseUnit(absl::string_view name);
absl::StatusOr<Normalisation> ParseNormalisation(absl::string_view name);

// The lower-case form by the table of kLower; it takes as many bytes of UTF-8 as the original.
char32_t LowerCodePoint(char32_t code_point);

// What kLetters has to know of the text before a place where that text was cut.
struct LettersState {
  bool in_line = false;  // the line has had a letter
  bool gap = false;      // something else came after it
  friend bool operator==(const LettersState&, const LettersState&) = default;
};

// The state after `text`, when it was `before` ahead of it. Looks back only to the last letter or
// line end.
LettersState StateAfter(absl::string_view text, LettersState before);

// The normalised form of a piece of text. May keep it in `scratch` and point there; may also point
// into `text`. A piece must not be cut inside a code point, nor inside a word if words are the
// unit.
absl::string_view Normalise(absl::string_view text, Unit unit, Normalisation normalisation,
                            LettersState before, std::string& scratch);

}  // namespace sluice

#endif  // SLUICE_DATA_NORMALISE_H_
