#ifndef SLUICE_TESTS_SUPPORT_TEMPORARY_FOLDER_H_
#define SLUICE_TESTS_SUPPORT_TEMPORARY_FOLDER_H_

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace sluice {

// A folder of its own that goes when the test does.
class TemporaryFolder {
 public:
  // mkdtemp replaces the last six letters.
  TemporaryFolder() : path_(testing::TempDir() + "sluice_XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) ADD_FAILURE() << "no folder can be made at " << path_;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }
  // Returns the path of the new file.
  std::string Write(const std::string& name, const std::string& bytes) const {
    const std::string file = path_ + "/" + name;
    std::ofstream(file, std::ios::binary) << bytes;
    return file;
  }

 private:
  std::string path_;
};

}  // namespace sluice

#endif  // SLUICE_TESTS_SUPPORT_TEMPORARY_FOLDER_H_
