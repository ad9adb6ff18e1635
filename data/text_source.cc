#include <algorithm>
#include <cerrno>
#include <cstring>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <sluice/data/text_source.h>

namespace sluice {
namespace {

absl::Status CannotRead(absl::string_view path, int error) {
  return absl::ErrnoToStatus(error, absl::StrCat("cannot read \"", path, "\""));
}

class FileSource : public TextSource {
 public:
  FileSource(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  ~FileSource() override { close(descriptor_); }

  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override {
    ssize_t bytes;
    do {
      bytes = read(descriptor_, buffer.data(), buffer.size());
    } while (bytes < 0 && errno == EINTR);
    if (bytes < 0) return CannotRead(path_, errno);
    return static_cast<size_t>(bytes);
  }

 private:
  std::string path_;
  int descriptor_;
};

class GzipSource : public TextSource {
 public:
  GzipSource(std::string path, gzFile file) : path_(std::move(path)), file_(file) {
    gzbuffer(file_, 256 << 10);
  }
  ~GzipSource() override { gzclose(file_); }

  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override {
    const size_t wanted = std::min<size_t>(buffer.size(), 1 << 30);
    const int bytes = gzread(file_, buffer.data(), static_cast<unsigned>(wanted));
    // zlib hands out what is not gzip data as it is.
    if (gzdirect(file_)) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", path_, "\" holds no gzip data; rename it if it is plain text"));
    }
    int error = Z_OK;
    const absl::string_view text = gzerror(file_, &error);
    if (bytes > 0) return static_cast<size_t>(bytes);
    if (error == Z_BUF_ERROR) {
      return absl::DataLossError(absl::StrCat(
          "\"", path_, "\": the gzip data ends too early; the file is incomplete, fetch it again"));
    }
    if (error == Z_ERRNO) return CannotRead(path_, errno);
    if (bytes < 0) {
      return absl::DataLossError(absl::StrCat("\"", path_, "\": the gzip data is damaged (",
                                              Reason(text), "); fetch it again"));
    }
    return 0;
  }

 private:
  // zlib says "<fd:3>: reason".
  static absl::string_view Reason(absl::string_view text) {
    const size_t colon = text.rfind(": ");
    return colon == absl::string_view::npos ? text : text.substr(colon + 2);
  }

  std::string path_;
  gzFile file_;
};

class MemorySource : public TextSource {
 public:
  explicit MemorySource(absl::string_view text) : rest_(text) {}

  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override {
    const size_t bytes = std::min(buffer.size(), rest_.size());
    std::copy_n(rest_.data(), bytes, buffer.data());
    rest_.remove_prefix(bytes);
    return bytes;
  }

 private:
  absl::string_view rest_;
};

// Only a regular, non-empty file can be read twice and is worth it.
absl::Status CheckFile(const std::string& path, int descriptor) {
  struct stat status;
  if (fstat(descriptor, &status) != 0) return CannotRead(path, errno);
  if (S_ISDIR(status.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", path, "\" is a directory; name a text file in it"));
  }
  if (!S_ISREG(status.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", path,
                     "\" is no regular file, and a text is read twice; "
                     "write it to a file first"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<TextSource>> OpenTextFile(const std::string& path) {
  // O_NONBLOCK: opening a pipe without a writer would wait for ever before it could be refused.
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return CannotRead(path, errno);
  if (absl::Status status = CheckFile(path, descriptor); !status.ok()) {
    close(descriptor);
    return status;
  }
  if (!absl::EndsWith(path, ".gz")) return std::make_unique<FileSource>(path, descriptor);
  gzFile file = gzdopen(descriptor, "rb");
  if (file == nullptr) {
    close(descriptor);
    return absl::ResourceExhaustedError(absl::StrCat("no memory to unpack \"", path, "\""));
  }
  return std::make_unique<GzipSource>(path, file);
}

std::unique_ptr<TextSource> OpenMemory(absl::string_view text) {
  return std::make_unique<MemorySource>(text);
}

}  // namespace sluice
