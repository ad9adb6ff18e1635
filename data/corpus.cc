#include <algorithm>
#include <cmath>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <sluice/data/corpus.h>
#include <sluice/data/tokenise.h>

namespace sluice {
namespace {

absl::Status CheckOptions(const CorpusOptions& options) {
  if (options.max_tokens < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_tokens must be 0 (all of them) or positive, not ", options.max_tokens));
  }
  // One symbol would be "<unk>" alone.
  if (options.max_vocabulary < 0 || options.max_vocabulary == 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "max_vocabulary must be 0 (no limit) or at least 2, not ", options.max_vocabulary));
  }
  // Written so that NaN does not pass.
  const bool good = options.validation_share >= 0 && options.test_share >= 0 &&
                    options.validation_share + options.test_share < 1;
  if (!good) {
    return absl::InvalidArgumentError(absl::StrCat(
        "validation_share ", options.validation_share, " and test_share ", options.test_share,
        " must not be negative and must leave something to train on"));
  }
  return absl::OkStatus();
}

int64_t Share(int64_t tokens, double share) {
  return static_cast<int64_t>(std::floor(static_cast<double>(tokens) * share));
}

absl::Status Annotate(const absl::Status& status, absl::string_view name) {
  // An error from a file names it already.
  if (absl::StrContains(status.message(), absl::StrCat("\"", name, "\""))) return status;
  return absl::Status(status.code(), absl::StrCat("corpus \"", name, "\": ", status.message()));
}

}  // namespace

absl::StatusOr<Corpus> Corpus::Load(absl::string_view name_or_path, const CorpusOptions& options) {
  // What goes wrong here names the text already.
  absl::StatusOr<std::unique_ptr<TextSource>> source = OpenText(name_or_path);
  if (!source.ok()) return source.status();
  return Make(name_or_path, options, *std::move(source), [&] { return OpenText(name_or_path); });
}

absl::StatusOr<Corpus> Corpus::FromText(absl::string_view name, absl::string_view text,
                                        const CorpusOptions& options) {
  return Make(name, options, OpenMemory(text),
              [&]() -> absl::StatusOr<std::unique_ptr<TextSource>> { return OpenMemory(text); });
}

absl::StatusOr<Corpus> Corpus::Make(absl::string_view name, const CorpusOptions& options,
                                    std::unique_ptr<TextSource> source, const Open& open_again) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return Annotate(status, name);
  Corpus corpus;
  corpus.name_ = std::string(name);
  corpus.options_ = options;
  if (absl::Status status = corpus.Read(std::move(source), open_again); !status.ok()) {
    return Annotate(status, name);
  }
  const int64_t tokens = corpus.tokens();
  corpus.test_begin_ = tokens - Share(tokens, options.test_share);
  corpus.validation_begin_ = corpus.test_begin_ - Share(tokens, options.validation_share);
  return corpus;
}

absl::Status Corpus::Read(std::unique_ptr<TextSource> source, const Open& open_again) {
  absl::StatusOr<CountedText> counted =
      CountText(*source, options_.unit, options_.normalisation, options_.max_vocabulary);
  if (!counted.ok()) return counted.status();
  const int64_t tokens =
      options_.max_tokens == 0 ? counted->tokens : std::min(options_.max_tokens, counted->tokens);
  absl::StatusOr<std::unique_ptr<TextSource>> again = open_again();
  if (!again.ok()) return again.status();
  absl::StatusOr<TokenIds> ids = EncodeText(**again, *counted, tokens);
  if (!ids.ok()) return ids.status();
  ids_ = std::make_shared<const TokenIds>(*std::move(ids));
  vocabulary_ = std::make_shared<const Vocabulary>(std::move(counted->vocabulary));
  bytes_ = counted->bytes;
  sha256_ = std::move(counted->sha256);
  return absl::OkStatus();
}

Part Corpus::train() const { return Part(ids_, 0, validation_begin_, name_, "train"); }
Part Corpus::validation() const {
  return Part(ids_, validation_begin_, test_begin_, name_, "validation");
}
Part Corpus::test() const { return Part(ids_, test_begin_, tokens(), name_, "test"); }

}  // namespace sluice
