#ifndef SLUICE_DATA_TOKENISE_H_
#define SLUICE_DATA_TOKENISE_H_

#include <cstdint>
#include <string>

#include <absl/status/statusor.h>

#include <sluice/data/normalise.h>
#include <sluice/data/text_blocks.h>
#include <sluice/data/text_source.h>
#include <sluice/data/token_ids.h>
#include <sluice/data/vocabulary.h>

namespace sluice {

// A text goes by twice, each time in parallel and a block at a time: first to be counted, which
// gives the vocabulary and the number of tokens, then to be turned into ids that are stored where
// and as narrow as they stay. The result does not depend on block sizes or threads.

struct CountedText {
  Vocabulary vocabulary;
  int64_t tokens = 0;
  int64_t bytes = 0;
  std::string sha256;  // of the bytes as read
};

// The first pass. `max_vocabulary` limits the number of symbols, "<unk>" included; 0 is no limit.
// InvalidArgument for an empty text and, unless bytes are the unit, for text that is not UTF-8,
// with offset and line of the first invalid byte.
absl::StatusOr<CountedText> CountText(TextSource& source, Unit unit, Normalisation normalisation,
                                      int64_t max_vocabulary, BlockSizes sizes = {});

// The second pass: the first `tokens` ids, of counted.tokens at the most. Aborted where the text
// turns out not to be the one that was counted; a part that is not asked for is not looked at.
absl::StatusOr<TokenIds> EncodeText(TextSource& source, const CountedText& counted, int64_t tokens,
                                    BlockSizes sizes = {});

}  // namespace sluice

#endif  // SLUICE_DATA_TOKENISE_H_
