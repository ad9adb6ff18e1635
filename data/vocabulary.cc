#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include <sluice/data/utf8.h>
#include <sluice/data/vocabulary.h>

namespace sluice {
namespace {

// The byte that a symbol stands for, -1 where it stands for none.
int ByteOfSymbol(absl::string_view symbol) {
  if (symbol.size() == 1) {
    const auto byte = static_cast<uint8_t>(symbol[0]);
    return byte < 0x80 ? byte : -1;
  }
  uint32_t byte = 0;
  if (symbol.size() != 6 || !absl::SimpleHexAtoi(symbol.substr(1, 4), &byte)) return -1;
  return byte >= 0x80 && ByteSymbol(static_cast<uint8_t>(byte)) == symbol ? static_cast<int>(byte)
                                                                          : -1;
}

absl::Status NotOfUnit(int32_t id, absl::string_view symbol, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("vocabulary: symbol ", id, ", \"", symbol, "\", is not ", what));
}

}  // namespace

std::string ByteSymbol(uint8_t byte) {
  if (byte < 0x80) return std::string(1, static_cast<char>(byte));
  const std::string digits = absl::StrCat(absl::Hex(byte, absl::kZeroPad2));
  return absl::StrCat("<0x", absl::AsciiStrToUpper(digits), ">");
}

absl::StatusOr<Vocabulary> Vocabulary::FromSymbols(Unit unit, Normalisation normalisation,
                                                   std::vector<std::string> symbols) {
  Vocabulary vocabulary;
  vocabulary.unit_ = unit;
  vocabulary.normalisation_ = normalisation;
  vocabulary.symbols_ = std::move(symbols);
  if (absl::Status status = vocabulary.Index(); !status.ok()) return status;
  return vocabulary;
}

absl::Status Vocabulary::Index() {
  if (symbols_.empty() || symbols_[0] != kUnknownSymbol) {
    return absl::InvalidArgumentError(
        absl::StrCat("vocabulary: the first symbol must be \"", kUnknownSymbol, "\""));
  }
  for (int32_t id = 1; id < static_cast<int32_t>(symbols_.size()); ++id) {
    if (absl::Status status = IndexSymbol(id); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Vocabulary::IndexSymbol(int32_t id) {
  const std::string& symbol = symbols_[id];
  int32_t* slot = nullptr;
  if (unit_ == Unit::kWord) {
    if (symbol.empty()) return NotOfUnit(id, symbol, "a word");
    if (symbol != kUnknownSymbol) slot = &words_[symbol];
  } else if (unit_ == Unit::kByte) {
    const int byte = ByteOfSymbol(symbol);
    if (byte < 0) return NotOfUnit(id, symbol, "a byte");
    slot = &code_points_.At(static_cast<char32_t>(byte));
  } else {
    const DecodedCodePoint decoded =
        symbol.empty() ? DecodedCodePoint{} : DecodeCodePoint(symbol, 0);
    if (decoded.bytes == 0 || static_cast<size_t>(decoded.bytes) != symbol.size()) {
      return NotOfUnit(id, symbol, "a character");
    }
    slot = &code_points_.At(decoded.code_point);
  }
  if (slot == nullptr || *slot != 0) {
    return absl::InvalidArgumentError(absl::StrCat("vocabulary: symbol \"", symbol,
                                                   "\" is there twice, as ",
                                                   slot == nullptr ? 0 : *slot, " and ", id));
  }
  *slot = id;
  return absl::OkStatus();
}

void Vocabulary::AppendCharacters(absl::string_view text, std::vector<int32_t>& ids) const {
  int32_t ascii[128];
  for (char32_t c = 0; c < 128; ++c) ascii[c] = code_points_.Get(c);
  // No more tokens than bytes: written in place, cut to length at the end.
  size_t count = ids.size();
  ids.resize(count + text.size());
  for (size_t offset = 0; offset < text.size();) {
    const auto byte = static_cast<uint8_t>(text[offset]);
    if (byte < 0x80) {
      ids[count++] = ascii[byte];
      ++offset;
      continue;
    }
    const DecodedCodePoint decoded = DecodeCodePoint(text, offset);
    ids[count++] = decoded.bytes == 0 ? kUnknownId : code_points_.Get(decoded.code_point);
    offset += static_cast<size_t>(decoded.bytes == 0 ? 1 : decoded.bytes);
  }
  ids.resize(count);
}

void Vocabulary::AppendIds(absl::string_view normalised, std::vector<int32_t>& ids) const {
  switch (unit_) {
    case Unit::kCharacter:
      return AppendCharacters(normalised, ids);
    case Unit::kByte:
      for (const char c : normalised) ids.push_back(code_points_.Get(static_cast<uint8_t>(c)));
      return;
    case Unit::kWord:
      ForEachWord(normalised, [&](absl::string_view word) {
        const auto found = words_.find(word);
        ids.push_back(found == words_.end() ? kUnknownId : found->second);
      });
      return;
  }
}

absl::StatusOr<std::vector<int32_t>> Vocabulary::Encode(absl::string_view text) const {
  if (unit_ != Unit::kByte) {
    if (const std::optional<size_t> invalid = FirstInvalidByte(text)) {
      return absl::InvalidArgumentError(
          absl::StrCat("the text to encode is not valid UTF-8 at byte ", *invalid));
    }
  }
  std::string scratch;
  std::vector<int32_t> ids;
  AppendIds(Normalise(text, unit_, normalisation_, {}, scratch), ids);
  return ids;
}

std::string Vocabulary::Decode(absl::Span<const int32_t> ids) const {
  std::string text;
  for (const int32_t id : ids) {
    const bool known = id > 0 && id < size();
    const absl::string_view symbol = known ? absl::string_view(symbols_[id]) : kUnknownSymbol;
    if (unit_ == Unit::kByte && known) {
      text.push_back(static_cast<char>(ByteOfSymbol(symbol)));
    } else if (unit_ != Unit::kWord) {
      absl::StrAppend(&text, symbol);
    } else if (symbol == kEndOfLineSymbol) {
      text.push_back('\n');
    } else {
      if (!text.empty() && text.back() != '\n') text.push_back(' ');
      absl::StrAppend(&text, symbol);
    }
  }
  return text;
}

}  // namespace sluice
