#ifndef SLUICE_DATA_VOCABULARY_H_
#define SLUICE_DATA_VOCABULARY_H_

#include <cstdint>
#include <string>
#include <vector>

#include <absl/container/flat_hash_map.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/types/span.h>

#include <sluice/data/code_point_table.h>
#include <sluice/data/normalise.h>

namespace sluice {

inline constexpr absl::string_view kUnknownSymbol = "<unk>";
inline constexpr absl::string_view kEndOfLineSymbol = "<eos>";
inline constexpr int32_t kUnknownId = 0;

// Symbols and their ids 0 .. size() - 1. Id 0 is "<unk>", which stands for every symbol that is not
// in the vocabulary. The others are in descending order of their frequency in the text that the
// vocabulary was made from; equally frequent ones go by code point or byte, words by first
// appearance.
class Vocabulary {
 public:
  // From what `symbols()` gave, such as a checkpoint's. InvalidArgument where the first is not
  // "<unk>", one is there twice, or one is not of the unit.
  static absl::StatusOr<Vocabulary> FromSymbols(Unit unit, Normalisation normalisation,
                                                std::vector<std::string> symbols);

  Unit unit() const { return unit_; }
  Normalisation normalisation() const { return normalisation_; }
  int64_t size() const { return static_cast<int64_t>(symbols_.size()); }
  // All of them are UTF-8: a byte from 128 up is written as, for instance, "<0xE2>".
  const std::vector<std::string>& symbols() const { return symbols_; }

  // The ids of `text` after normalisation. "<eos>" stands for each '\n' in it, so the beginning of
  // a sentence ends with its last word. InvalidArgument, with the byte's offset, where the unit
  // needs UTF-8 and `text` is not.
  absl::StatusOr<std::vector<int32_t>> Encode(absl::string_view text) const;

  // The text of the ids: words with a space between them, "<eos>" as the end of a line, bytes as
  // they are. An id that is not in the vocabulary reads "<unk>".
  std::string Decode(absl::Span<const int32_t> ids) const;

  // Appends the ids of text that is normalised and valid already, and is not cut inside a symbol.
  void AppendIds(absl::string_view normalised, std::vector<int32_t>& ids) const;

 private:
  Vocabulary() = default;
  absl::Status Index();
  absl::Status IndexSymbol(int32_t id);
  void AppendCharacters(absl::string_view text, std::vector<int32_t>& ids) const;

  Unit unit_ = Unit::kCharacter;
  Normalisation normalisation_ = Normalisation::kNone;
  std::vector<std::string> symbols_;
  // For characters and bytes; what is not there is 0, which is "<unk>".
  CodePointTable<int32_t> code_points_;
  absl::flat_hash_map<std::string, int32_t> words_;
};

// The symbol of a byte.
std::string ByteSymbol(uint8_t byte);

// Calls visit(word) for each word of normalised text; for a '\n', visit("<eos>").
template <typename Visit>
void ForEachWord(absl::string_view text, Visit visit) {
  const auto is_space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  size_t begin = 0;
  while (begin < text.size()) {
    if (is_space(text[begin])) {
      if (text[begin] == '\n') visit(kEndOfLineSymbol);
      ++begin;
      continue;
    }
    size_t end = begin + 1;
    while (end < text.size() && !is_space(text[end])) ++end;
    visit(text.substr(begin, end - begin));
    begin = end;
  }
}

}  // namespace sluice

#endif  // SLUICE_DATA_VOCABULARY_H_
