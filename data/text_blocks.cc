#include <algorithm>
#include <cstring>

#include <absl/strings/ascii.h>

#include <sluice/data/text_blocks.h>
#include <sluice/data/utf8.h>

namespace sluice {
namespace {

bool IsSpace(char c) { return absl::ascii_isspace(static_cast<unsigned char>(c)); }

// The last place in `text` behind which nothing belongs to what is ahead of it; 0 where there is
// none.
size_t LastCut(absl::string_view text, Unit unit) {
  size_t cut = text.size();
  if (unit == Unit::kWord) {
    while (cut > 0 && !IsSpace(text[cut - 1])) --cut;
    return cut;
  }
  // A sequence that its lead byte says goes on beyond the end moves to the next block.
  for (size_t back = 1; back <= 3 && back <= text.size(); ++back) {
    const auto byte = static_cast<uint8_t>(text[text.size() - back]);
    if (IsContinuationByte(byte)) continue;
    return static_cast<size_t>(SequenceBytes(byte)) > back ? text.size() - back : cut;
  }
  return cut;
}

// The first such place at or after `wanted`; the end of `text` at the latest.
size_t NextCut(absl::string_view text, size_t wanted, Unit unit) {
  if (wanted >= text.size()) return text.size();
  if (unit == Unit::kWord) {
    while (wanted < text.size() && !IsSpace(text[wanted - 1])) ++wanted;
    return wanted;
  }
  // Three at the most: more continuation bytes than that are an error, found in the piece ahead.
  for (int i = 0; i < 3 && wanted < text.size(); ++i) {
    if (!IsContinuationByte(static_cast<uint8_t>(text[wanted]))) break;
    ++wanted;
  }
  return wanted;
}

}  // namespace

TextBlocks::TextBlocks(TextSource& source, Unit unit, Normalisation normalisation, BlockSizes sizes)
    : source_(source), unit_(unit), normalisation_(normalisation), sizes_(sizes) {
  buffer_.resize(static_cast<size_t>(sizes.block));
}

absl::Status TextBlocks::Fill() {
  while (used_ < buffer_.size()) {
    const absl::StatusOr<size_t> bytes =
        source_.Read(absl::MakeSpan(&buffer_[used_], buffer_.size() - used_));
    if (!bytes.ok()) return bytes.status();
    if (*bytes == 0) {
      ended_ = true;
      break;
    }
    if (hash_ != nullptr) hash_->Add(absl::string_view(&buffer_[used_], *bytes));
    used_ += *bytes;
    bytes_ += static_cast<int64_t>(*bytes);
  }
  return absl::OkStatus();
}

void TextBlocks::DropBlock() {
  const absl::string_view block(buffer_.data(), block_size_);
  offset_ += static_cast<int64_t>(block_size_);
  lines_ += std::count(block.begin(), block.end(), '\n');
  before_ = StateAfter(block, before_);
  used_ -= block_size_;
  std::memmove(buffer_.data(), buffer_.data() + block_size_, used_);
  block_size_ = 0;
}

absl::StatusOr<bool> TextBlocks::Next() {
  DropBlock();
  while (block_size_ == 0 && !ended_) {
    if (absl::Status status = Fill(); !status.ok()) return status;
    const absl::string_view text(buffer_.data(), used_);
    block_size_ = ended_ ? used_ : LastCut(text, unit_);
    if (block_size_ == 0 && !ended_) buffer_.resize(2 * buffer_.size());
  }
  // Whatever was held back at the end of the last block came with this one: after the source's end
  // nothing is left.
  Cut();
  return !pieces_.empty();
}

void TextBlocks::Cut() {
  pieces_.clear();
  const absl::string_view block(buffer_.data(), block_size_);
  const auto piece_size = static_cast<size_t>(sizes_.piece);
  for (size_t begin = 0; begin < block.size();) {
    const size_t end = NextCut(block, begin + piece_size, unit_);
    TextPiece piece{.text = block.substr(begin, end - begin)};
    if (normalisation_ == Normalisation::kLetters) {
      piece.before = StateAfter(block.substr(0, begin), before_);
    }
    pieces_.push_back(piece);
    begin = end;
  }
}

}  // namespace sluice
