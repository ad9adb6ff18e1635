#ifndef SLUICE_TESTS_DATA_TEST_FILES_H_
#define SLUICE_TESTS_DATA_TEST_FILES_H_

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <absl/status/statusor.h>
#include <gtest/gtest.h>

#include <sluice/data/text_source.h>

#include "support/temporary_folder.h"

namespace sluice {

// A folder that goes when the test does, with more kinds of files.
class TestFiles : public TemporaryFolder {
 public:
  // Packed by the gzip program, so as not to test zlib by zlib. `name` ends in ".gz".
  std::string WriteGzip(const std::string& name, const std::string& bytes) const {
    const std::string plain = Write(name.substr(0, name.size() - 3), bytes);
    EXPECT_EQ(std::system(("gzip -f '" + plain + "'").c_str()), 0);
    return plain + ".gz";
  }
  std::string WriteProgram(const std::string& name, const std::string& script) const {
    const std::string path = Write(name, "#!/bin/sh\n" + script);
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return path;
  }
};

// Puts PATH back at its end.
class TestPath {
 public:
  explicit TestPath(const std::string& path) : before_(getenv("PATH")) {
    setenv("PATH", path.c_str(), 1);
  }
  ~TestPath() { setenv("PATH", before_.c_str(), 1); }

 private:
  std::string before_;
};

// All of a source, read in parts of `part` bytes.
inline absl::StatusOr<std::string> ReadAll(TextSource& source, size_t part = 1 << 16) {
  std::string text;
  std::string buffer(part, '\0');
  while (true) {
    const absl::StatusOr<size_t> bytes = source.Read(absl::MakeSpan(buffer.data(), part));
    if (!bytes.ok()) return bytes.status();
    if (*bytes == 0) return text;
    text.append(buffer, 0, *bytes);
  }
}

inline absl::StatusOr<std::string> ReadAll(absl::StatusOr<std::unique_ptr<TextSource>> source,
                                           size_t part = 1 << 16) {
  if (!source.ok()) return source.status();
  return ReadAll(**source, part);
}

}  // namespace sluice

#endif  // SLUICE_TESTS_DATA_TEST_FILES_H_
