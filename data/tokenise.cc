#include <algorithm>
#include <optional>

#include <absl/strings/str_cat.h>

#include <sluice/data/symbol_counts.h>
#include <sluice/data/tokenise.h>
#include <sluice/data/utf8.h>
#include <sluice/graph/parallel.h>

namespace sluice {
namespace {

// A byte takes about a nanosecond, give or take the factor of three between units.
void ForEachPiece(const TextBlocks& blocks, BlockSizes sizes,
                  absl::FunctionRef<void(int64_t, const TextPiece&)> body) {
  const std::vector<TextPiece>& pieces = blocks.pieces();
  ParallelFor(static_cast<int64_t>(pieces.size()), static_cast<double>(sizes.piece),
              [&](int64_t begin, int64_t end) {
                for (int64_t i = begin; i < end; ++i) body(i, pieces[i]);
              });
}

absl::Status InvalidAt(const TextBlocks& blocks, const TextPiece& piece, size_t offset) {
  const char* const block = blocks.pieces()[0].text.data();
  const char* const byte = piece.text.data() + offset;
  const int64_t line = blocks.lines() + std::count(block, byte, '\n') + 1;
  return absl::InvalidArgumentError(
      absl::StrCat("not valid UTF-8 at byte ", blocks.offset() + (byte - block), ", line ", line,
                   " (", "0x", absl::Hex(static_cast<uint8_t>(*byte), absl::kZeroPad2),
                   "); convert the text, for instance with iconv -f latin1 -t utf-8, or take bytes "
                   "as the unit"));
}

// The first invalid byte of the block, whichever thread found one first.
absl::Status FirstInvalid(const TextBlocks& blocks,
                          const std::vector<std::optional<size_t>>& invalid) {
  for (size_t i = 0; i < invalid.size(); ++i) {
    if (invalid[i]) return InvalidAt(blocks, blocks.pieces()[i], *invalid[i]);
  }
  return absl::OkStatus();
}

bool EndsWithoutLineEnd(const TextBlocks& blocks) {
  return !blocks.pieces().empty() && blocks.pieces().back().text.back() != '\n';
}

// Adds the counts of one block.
absl::Status CountBlock(const TextBlocks& blocks, Unit unit, Normalisation normalisation,
                        BlockSizes sizes, SymbolCounts& total) {
  const size_t pieces = blocks.pieces().size();
  std::vector<SymbolCounts> counts;
  for (size_t i = 0; i < pieces; ++i) counts.emplace_back(unit);
  std::vector<std::optional<size_t>> invalid(pieces);
  ForEachPiece(blocks, sizes, [&](int64_t i, const TextPiece& piece) {
    if (unit != Unit::kByte) invalid[i] = FirstInvalidByte(piece.text);
    if (invalid[i]) return;
    std::string scratch;
    counts[i].Add(Normalise(piece.text, unit, normalisation, piece.before, scratch));
  });
  if (absl::Status status = FirstInvalid(blocks, invalid); !status.ok()) return status;
  for (const SymbolCounts& count : counts) total.Add(count);
  return absl::OkStatus();
}

// Whether the text's last line, which has no end of its own, is given one.
bool AddsLineEnd(Unit unit, Normalisation normalisation) {
  return unit == Unit::kWord && normalisation != Normalisation::kLetters;
}

absl::Status Changed() {
  return absl::AbortedError("the text changed while it was read; try again");
}

// Encodes the block's pieces side by side, then copies them to where they belong: `done` ids are
// there already.
void EncodeBlock(const TextBlocks& blocks, const Vocabulary& vocabulary, BlockSizes sizes,
                 std::vector<std::vector<int32_t>>& encoded, int64_t& done, TokenIds& ids) {
  encoded.resize(std::max(encoded.size(), blocks.pieces().size()));
  ForEachPiece(blocks, sizes, [&](int64_t i, const TextPiece& piece) {
    std::string scratch;
    encoded[i].clear();
    vocabulary.AppendIds(
        Normalise(piece.text, vocabulary.unit(), vocabulary.normalisation(), piece.before, scratch),
        encoded[i]);
  });
  std::vector<int64_t> begins;
  for (size_t i = 0; i < blocks.pieces().size(); ++i) {
    begins.push_back(done);
    done += static_cast<int64_t>(encoded[i].size());
  }
  ForEachPiece(blocks, sizes, [&](int64_t i, const TextPiece&) {
    const int64_t room = std::max<int64_t>(0, ids.size() - begins[i]);
    const int64_t count = std::min<int64_t>(room, static_cast<int64_t>(encoded[i].size()));
    if (count > 0) ids.Write(begins[i], absl::MakeConstSpan(encoded[i]).first(count));
  });
}

}  // namespace

absl::StatusOr<CountedText> CountText(TextSource& source, Unit unit, Normalisation normalisation,
                                      int64_t max_vocabulary, BlockSizes sizes) {
  TextBlocks blocks(source, unit, normalisation, sizes);
  Sha256 hash;
  blocks.HashInto(&hash);
  SymbolCounts total(unit);
  bool open_line = false;
  while (true) {
    const absl::StatusOr<bool> more = blocks.Next();
    if (!more.ok()) return more.status();
    if (!*more) break;
    open_line = EndsWithoutLineEnd(blocks);
    absl::Status status = CountBlock(blocks, unit, normalisation, sizes, total);
    if (!status.ok()) return status;
  }
  if (open_line && AddsLineEnd(unit, normalisation)) total.Add("\n");
  if (blocks.bytes() == 0) return absl::InvalidArgumentError("the text is empty");
  if (total.tokens() == 0) {
    return absl::InvalidArgumentError(absl::StrCat("the text has no token left, unit ", Name(unit),
                                                   ", normalisation ", Name(normalisation)));
  }
  absl::StatusOr<Vocabulary> vocabulary =
      Vocabulary::FromSymbols(unit, normalisation, total.Ranked(max_vocabulary));
  if (!vocabulary.ok()) return vocabulary.status();
  return CountedText{*std::move(vocabulary), total.tokens(), blocks.bytes(), hash.Finish()};
}

absl::StatusOr<TokenIds> EncodeText(TextSource& source, const CountedText& counted, int64_t tokens,
                                    BlockSizes sizes) {
  const Vocabulary& vocabulary = counted.vocabulary;
  TextBlocks blocks(source, vocabulary.unit(), vocabulary.normalisation(), sizes);
  Sha256 hash;
  blocks.HashInto(&hash);
  TokenIds ids(tokens, vocabulary.size());
  std::vector<std::vector<int32_t>> encoded;
  int64_t done = 0;
  bool open_line = false;
  while (done < tokens) {
    const absl::StatusOr<bool> more = blocks.Next();
    if (!more.ok()) return more.status();
    if (!*more) break;
    open_line = EndsWithoutLineEnd(blocks);
    EncodeBlock(blocks, vocabulary, sizes, encoded, done, ids);
  }
  if (done < tokens && open_line && AddsLineEnd(vocabulary.unit(), vocabulary.normalisation())) {
    std::vector<int32_t> line_end;
    vocabulary.AppendIds("\n", line_end);
    ids.Write(done++, line_end);
  }
  if (done < tokens) return Changed();
  if (tokens < counted.tokens) return ids;  // the rest is neither needed nor read
  // What is left has no token, unless the text changed: then its sum tells.
  while (true) {
    const absl::StatusOr<bool> more = blocks.Next();
    if (!more.ok()) return more.status();
    if (!*more) break;
  }
  if (hash.Finish() != counted.sha256) return Changed();
  return ids;
}

}  // namespace sluice
