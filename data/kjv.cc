#include <algorithm>

#include <absl/strings/str_cat.h>

#include <sluice/data/text_source.h>

namespace sluice {
namespace {

constexpr int64_t kVerses = 31'102;

// `bible -f` prints each verse on a line of its own after its reference: "Ge1:1 In the beginning".
// This hands on the lines without the references.
class VerseSource : public TextSource {
 public:
  explicit VerseSource(std::unique_ptr<TextSource> printed) : printed_(std::move(printed)) {}

  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override {
    // What remains is never longer than what was read, so it fits in the same buffer. A read that
    // leaves nothing is repeated, for 0 would mean the end.
    while (true) {
      const absl::StatusOr<size_t> bytes = printed_->Read(buffer);
      if (!bytes.ok()) return bytes.status();
      if (*bytes == 0) return CheckCount();
      const size_t kept = Strip(buffer.first(*bytes));
      if (bad_) return Unexpected();
      if (kept > 0) return kept;
    }
  }

 private:
  // Moves the text to the front of `bytes`, returns its length. A reference may be cut by the end
  // of the buffer; then the next call goes on with it.
  size_t Strip(absl::Span<char> bytes) {
    size_t kept = 0;
    for (const char c : bytes) {
      if (!in_reference_) {
        bytes[kept++] = c;
        in_reference_ = c == '\n';
        verses_ += c == '\n' ? 1 : 0;
      } else if (c == ' ') {
        bad_ = !seen_colon_;
        in_reference_ = seen_colon_ = false;
      } else {
        bad_ = c == '\n';
        seen_colon_ = seen_colon_ || c == ':';
      }
      if (bad_) break;
    }
    return kept;
  }

  absl::StatusOr<size_t> CheckCount() const {
    if (verses_ == kVerses && in_reference_ && !seen_colon_) return 0;
    return absl::DataLossError(absl::StrCat("the program bible printed ", verses_, " verses, not ",
                                            kVerses, "; install the package bible-kjv again"));
  }

  absl::Status Unexpected() const {
    return absl::DataLossError(absl::StrCat("the program bible printed a line without a reference ",
                                            "after verse ", verses_,
                                            "; is it the one of the package bible-kjv?"));
  }

  std::unique_ptr<TextSource> printed_;
  bool in_reference_ = true;
  bool seen_colon_ = false;
  bool bad_ = false;
  int64_t verses_ = 0;
};

absl::StatusOr<std::unique_ptr<TextSource>> OpenVerses() {
  absl::StatusOr<std::unique_ptr<TextSource>> printed =
      OpenCommand({"bible", "-f", "gen1:1-rev22:21"});
  if (!printed.ok()) return printed.status();
  return std::make_unique<VerseSource>(*std::move(printed));
}

const RegisterCorpus kCorpus(
    {.name = "kjv",
     .description = "the Bible in the King James version, one verse a line (4.1 MB, ASCII)",
     .package = "bible-kjv",
     .open = OpenVerses});

}  // namespace
}  // namespace sluice
