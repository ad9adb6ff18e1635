#include <algorithm>

#include <sluice/data/symbol_counts.h>
#include <sluice/data/utf8.h>
#include <sluice/data/vocabulary.h>

namespace sluice {

void SymbolCounts::Add(absl::string_view normalised) {
  switch (unit_) {
    case Unit::kCharacter:
      return AddCharacters(normalised);
    case Unit::kByte:
      return AddBytes(normalised);
    case Unit::kWord:
      ForEachWord(normalised, [&](absl::string_view word) { AddWord(word, 1); });
      return;
  }
}

void SymbolCounts::AddCharacters(absl::string_view text) {
  int64_t ascii[128] = {};
  int64_t tokens = 0;
  for (size_t offset = 0; offset < text.size(); ++tokens) {
    const auto byte = static_cast<uint8_t>(text[offset]);
    if (byte < 0x80) {
      ++ascii[byte];
      ++offset;
      continue;
    }
    const DecodedCodePoint decoded = DecodeCodePoint(text, offset);
    ++code_points_.At(decoded.code_point);
    offset += static_cast<size_t>(std::max(decoded.bytes, 1));
  }
  for (char32_t c = 0; c < 128; ++c) code_points_.At(c) += ascii[c];
  tokens_ += tokens;
}

void SymbolCounts::AddBytes(absl::string_view text) {
  int64_t counts[256] = {};
  for (const char c : text) ++counts[static_cast<uint8_t>(c)];
  for (char32_t c = 0; c < 256; ++c) code_points_.At(c) += counts[c];
  tokens_ += static_cast<int64_t>(text.size());
}

void SymbolCounts::AddWord(absl::string_view word, int64_t count) {
  tokens_ += count;
  auto found = index_of_word_.find(word);
  if (found == index_of_word_.end()) {
    found = index_of_word_.emplace(word, static_cast<int64_t>(words_.size())).first;
    words_.emplace_back(word, 0);
  }
  words_[found->second].second += count;
}

void SymbolCounts::Add(const SymbolCounts& next) {
  if (unit_ == Unit::kWord) {
    for (const auto& [word, count] : next.words_) AddWord(word, count);
    return;
  }
  next.code_points_.ForEach([&](char32_t c, int64_t count) { code_points_.At(c) += count; });
  tokens_ += next.tokens_;
}

std::vector<std::string> SymbolCounts::Ranked(int64_t limit) const {
  std::vector<std::pair<std::string, int64_t>> counts = words_;
  code_points_.ForEach([&](char32_t c, int64_t count) {
    std::string symbol;
    if (unit_ == Unit::kByte) {
      symbol = ByteSymbol(static_cast<uint8_t>(c));
    } else {
      AppendCodePoint(c, symbol);
    }
    counts.emplace_back(std::move(symbol), count);
  });
  // Stable: equals stay in the order of code points or of first appearance.
  std::stable_sort(counts.begin(), counts.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::vector<std::string> symbols = {std::string(kUnknownSymbol)};
  for (auto& [symbol, count] : counts) {
    if (limit > 0 && static_cast<int64_t>(symbols.size()) >= limit) break;
    // A text may hold the word "<unk>", as the Penn Treebank does: it is the one that is there.
    if (symbol != kUnknownSymbol) symbols.push_back(std::move(symbol));
  }
  return symbols;
}

}  // namespace sluice
