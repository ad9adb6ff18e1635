#ifndef SLUICE_DATA_TEXT_BLOCKS_H_
#define SLUICE_DATA_TEXT_BLOCKS_H_

#include <cstdint>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <sluice/data/normalise.h>
#include <sluice/data/sha256.h>
#include <sluice/data/text_source.h>

namespace sluice {

// Bytes that are held at a time, and bytes that one thread works on. Large enough that starting a
// piece does not show, small enough that a piece stays in the second-level cache.
struct BlockSizes {
  int64_t block = 4 << 20;   // at least 16
  int64_t piece = 64 << 10;  // at least 8
};

// A part of a text that can be cut into tokens without its neighbours.
struct TextPiece {
  absl::string_view text;
  LettersState before;  // what kLetters knows of the text ahead of it
};

// Reads a text block by block and cuts each block into pieces, never inside a code point and, where
// words are the unit, never inside a word; so the pieces' tokens, one piece after the other, are
// the tokens of the text. A word longer than a block is held whole.
class TextBlocks {
 public:
  TextBlocks(TextSource& source, Unit unit, Normalisation normalisation, BlockSizes sizes = {});

  // Reads the next block; false when there is none. Errors are the source's.
  absl::StatusOr<bool> Next();

  // The block, valid until Next().
  const std::vector<TextPiece>& pieces() const { return pieces_; }
  // Bytes and line ends ahead of the block.
  int64_t offset() const { return offset_; }
  int64_t lines() const { return lines_; }
  // Bytes read so far: all of them once Next() has said false.
  int64_t bytes() const { return bytes_; }

  // From now on sum what is read.
  void HashInto(Sha256* hash) { hash_ = hash; }

 private:
  absl::Status Fill();
  void DropBlock();
  void Cut();

  TextSource& source_;
  Unit unit_;
  Normalisation normalisation_;
  BlockSizes sizes_;
  Sha256* hash_ = nullptr;
  std::string buffer_;  // the block, and behind it what belongs to the next
  size_t used_ = 0;     // bytes of buffer_ that hold text
  size_t block_size_ = 0;
  bool ended_ = false;
  LettersState before_;
  int64_t offset_ = 0;
  int64_t lines_ = 0;
  int64_t bytes_ = 0;
  std::vector<TextPiece> pieces_;
};

}  // namespace sluice

#endif  // SLUICE_DATA_TEXT_BLOCKS_H_
