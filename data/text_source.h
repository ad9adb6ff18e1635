#ifndef SLUICE_DATA_TEXT_SOURCE_H_
#define SLUICE_DATA_TEXT_SOURCE_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/types/span.h>

#include <sluice/graph/registry.h>

namespace sluice {

// The bytes of a text, one after the other, from wherever they are kept.
class TextSource {
 public:
  virtual ~TextSource() = default;
  // Fills `buffer` from its start and returns how many bytes it got: fewer than asked for do not
  // mean the end, 0 does. After an error or the end it must not be called again.
  virtual absl::StatusOr<size_t> Read(absl::Span<char> buffer) = 0;
};

// A regular file, unpacked where its name ends in ".gz". Errors: NotFound, PermissionDenied and the
// system's other reasons; InvalidArgument for a directory, a pipe and a ".gz" that
// holds no gzip data; while reading, DataLoss for gzip data that is damaged or ends too early.
absl::StatusOr<std::unique_ptr<TextSource>> OpenTextFile(const std::string& path);

// What a program, found along PATH, writes to its standard output. No shell is involved; standard
// input is empty. NotFound where there is no such program; at the end of the output, Internal with
// the first line of its standard error where it failed.
absl::StatusOr<std::unique_ptr<TextSource>> OpenCommand(std::vector<std::string> arguments);

// The bytes of `text`, which must outlive the source.
std::unique_ptr<TextSource> OpenMemory(absl::string_view text);

// A text that is known by name.
struct CorpusRecord {
  static constexpr const char* kKind = "corpus";

  std::string name;
  std::string description;  // one line, for listings
  std::string package;      // the Debian package that brings the text; empty where none is needed
  // Opens the text from its start; called once for each pass over the text. A NotFound error is
  // turned into the advice to install `package`.
  std::function<absl::StatusOr<std::unique_ptr<TextSource>>()> open;
};

// By name; a corpus registers itself in its own .cc file: `const RegisterCorpus kKjv({...});`
using CorpusRegistry = Registry<CorpusRecord>;
using RegisterCorpus = Register<CorpusRecord>;

// The text of a registered corpus, or else of the file at that path ("./kjv" names a file that is
// called like a corpus). NotFound where it is neither.
absl::StatusOr<std::unique_ptr<TextSource>> OpenText(absl::string_view name_or_path);

}  // namespace sluice

#endif  // SLUICE_DATA_TEXT_SOURCE_H_
