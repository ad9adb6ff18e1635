#ifndef SLUICE_DATA_CORPUS_H_
#define SLUICE_DATA_CORPUS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <sluice/data/batches.h>
#include <sluice/data/normalise.h>
#include <sluice/data/text_source.h>
#include <sluice/data/token_ids.h>
#include <sluice/data/vocabulary.h>

namespace sluice {

struct CorpusOptions {
  Unit unit = Unit::kCharacter;
  Normalisation normalisation = Normalisation::kNone;
  int64_t max_tokens = 0;      // only the first so many; 0: all
  int64_t max_vocabulary = 0;  // "<unk>" and the most frequent symbols, so many in all; 0: all
  // Of the tokens, rounded down. The rest is for training.
  double validation_share = 0.05;
  double test_share = 0.05;
};

// A text as ids, cut into three stretches: training, then validation, then test.
//
// The vocabulary is that of the whole text, `max_tokens` or not, as in "Dive into Deep Learning":
// so a run on the first 10,000 tokens has the symbols of a run on all. It thereby knows which
// symbols occur in validation and test, but not where; limit it with `max_vocabulary` to give
// "<unk>" a use.
//
// In memory are the ids, at one, two or four bytes by the size of the vocabulary, and while loading
// a block of a few megabytes. Loading runs in the caller's TBB arena.
class Corpus {
 public:
  // A registered corpus or a file of text, plain or .gz. Errors are those of OpenText, CountText
  // and EncodeText, and InvalidArgument for an option out of its range.
  static absl::StatusOr<Corpus> Load(absl::string_view name_or_path, const CorpusOptions& options);
  static absl::StatusOr<Corpus> FromText(absl::string_view name, absl::string_view text,
                                         const CorpusOptions& options);

  const std::string& name() const { return name_; }
  const CorpusOptions& options() const { return options_; }
  const Vocabulary& vocabulary() const { return *vocabulary_; }
  int64_t tokens() const { return ids_->size(); }  // of all three parts
  // Of the whole text, unpacked and without references, but before normalisation: its size and the
  // SHA-256 of its bytes, hexadecimal.
  int64_t bytes() const { return bytes_; }
  const std::string& sha256() const { return sha256_; }

  Part train() const;
  Part validation() const;
  Part test() const;

 private:
  using Open = std::function<absl::StatusOr<std::unique_ptr<TextSource>>()>;
  Corpus() = default;
  static absl::StatusOr<Corpus> Make(absl::string_view name, const CorpusOptions& options,
                                     std::unique_ptr<TextSource> source, const Open& open_again);
  absl::Status Read(std::unique_ptr<TextSource> source, const Open& open_again);

  std::string name_;
  CorpusOptions options_;
  std::shared_ptr<const Vocabulary> vocabulary_;
  std::shared_ptr<const TokenIds> ids_;
  int64_t bytes_ = 0;
  std::string sha256_;
  int64_t validation_begin_ = 0;
  int64_t test_begin_ = 0;
};

}  // namespace sluice

#endif  // SLUICE_DATA_CORPUS_H_
