#ifndef SLUICE_DATA_SYMBOL_COUNTS_H_
#define SLUICE_DATA_SYMBOL_COUNTS_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_map.h>
#include <absl/strings/string_view.h>

#include <sluice/data/code_point_table.h>
#include <sluice/data/normalise.h>

namespace sluice {

// How often each symbol occurs in a text, or in a piece of one.
class SymbolCounts {
 public:
  explicit SymbolCounts(Unit unit) : unit_(unit) {}

  // Counts the symbols of text that is normalised and valid.
  void Add(absl::string_view normalised);
  // Adds the counts of what follows in the text.
  void Add(const SymbolCounts& next);

  int64_t tokens() const { return tokens_; }

  // "<unk>" and the most frequent symbols, `limit` in all where it is not 0, in the order of a
  // Vocabulary.
  std::vector<std::string> Ranked(int64_t limit) const;

 private:
  void AddCharacters(absl::string_view text);
  void AddBytes(absl::string_view text);
  void AddWord(absl::string_view word, int64_t count);

  Unit unit_;
  int64_t tokens_ = 0;
  CodePointTable<int64_t> code_points_;  // or bytes
  absl::flat_hash_map<std::string, int64_t> index_of_word_;
  std::vector<std::pair<std::string, int64_t>> words_;  // with counts, by first appearance
};

}  // namespace sluice

#endif  // SLUICE_DATA_SYMBOL_COUNTS_H_
