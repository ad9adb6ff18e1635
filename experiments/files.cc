#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <absl/strings/str_cat.h>

#include <sluice/experiments/files.h>

namespace sluice {
namespace {

absl::Status CannotWrite(const std::string& path, absl::string_view reason) {
  return absl::UnavailableError(absl::StrCat("cannot write ", path, ": ", reason));
}

std::string UnfinishedName(const std::string& path) { return path + ".unfinished"; }

}  // namespace

absl::Status WriteWholeFile(const std::string& path, absl::string_view bytes) {
  errno = 0;
  std::ofstream file(UnfinishedName(path), std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  std::error_code error;
  if (!file) {
    const std::string reason = std::strerror(errno);
    std::filesystem::remove(UnfinishedName(path), error);
    return CannotWrite(path, reason);
  }
  std::filesystem::rename(UnfinishedName(path), path, error);
  return error ? CannotWrite(path, error.message()) : absl::OkStatus();
}

absl::Status CheckWritable(const std::string& path) {
  std::error_code error;
  if (path.empty()) return CannotWrite("\"\"", "it is no name of a file");
  if (std::filesystem::is_directory(path, error)) return CannotWrite(path, "it is a folder");
  errno = 0;
  std::ofstream file(UnfinishedName(path), std::ios::binary);
  if (!file) return CannotWrite(path, std::strerror(errno));
  file.close();
  std::filesystem::remove(UnfinishedName(path), error);
  return absl::OkStatus();
}

}  // namespace sluice
