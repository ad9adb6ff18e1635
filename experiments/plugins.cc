#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <dlfcn.h>
#include <link.h>

#include <sluice/cmake/plugin_stamp.h>
#include <sluice/experiments/command_line.h>
#include <sluice/experiments/plugins.h>
#include <sluice/graph/registry.h>

namespace sluice {
namespace {

absl::StatusOr<std::string> ReadLibrary(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    return absl::InvalidArgumentError(absl::StrCat("plug-in ", path, " is a folder"));
  }
  std::ifstream file(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (!file.is_open() || file.bad()) {
    return absl::NotFoundError(
        absl::StrCat("cannot read the plug-in ", path, ": ", std::strerror(errno)));
  }
  if (!absl::StartsWith(bytes,
                        "\x7F"
                        "ELF")) {
    return absl::InvalidArgumentError(absl::StrCat("plug-in ", path, " is not a shared library"));
  }
  return bytes;
}

// The loader maps what the file says it holds, and reading behind its end would end the process.
absl::Status CheckComplete(const std::string& path, absl::string_view bytes) {
  const auto cut = [&] {
    return absl::InvalidArgumentError(absl::StrCat("plug-in ", path, " is cut short"));
  };
  ElfW(Ehdr) header;
  if (bytes.size() < sizeof header) return cut();
  std::memcpy(&header, bytes.data(), sizeof header);
  for (size_t i = 0; i < header.e_phnum; ++i) {
    ElfW(Phdr) segment;
    const size_t place = header.e_phoff + i * sizeof segment;
    if (place > bytes.size() || bytes.size() - place < sizeof segment) return cut();
    std::memcpy(&segment, bytes.data() + place, sizeof segment);
    if (segment.p_offset > bytes.size() || bytes.size() - segment.p_offset < segment.p_filesz) {
      return cut();
    }
  }
  return absl::OkStatus();
}

// Loading runs the library's code, so what it was built against is read from its bytes.
absl::Status CheckStamp(const std::string& path, absl::string_view bytes) {
  const absl::string_view start(kStampStart.data(), kStampStart.size());
  const size_t begin = bytes.find(start);
  if (begin == absl::string_view::npos) {
    return absl::InvalidArgumentError(absl::StrCat(
        path,
        " is no plug-in of sluice: it does not say which version it was built against, as "
        "sluice_add_plugin (CMake) makes it do"));
  }
  const absl::string_view stamp = bytes.substr(begin, kPluginStamp.size());
  if (stamp == absl::string_view(kPluginStamp.data(), kPluginStamp.size())) {
    return absl::OkStatus();
  }
  const absl::string_view rest = stamp.substr(start.size());
  const absl::string_view version = rest.substr(0, rest.find_first_of("/;"));
  const absl::string_view ours(kStampVersion.data(), kStampVersion.size());
  return absl::FailedPreconditionError(absl::StrCat(
      "plug-in ", path, " was built against ",
      version == ours ? absl::StrCat("other headers of sluice ", ours, " than this program")
                      : absl::StrCat("sluice ", version, ", this is ", ours),
      "; build it again"));
}

// An exception of a library's static constructors cannot leave dlopen: it ends the process, with
// these words.
std::string& LoadingPath() {
  static std::string& path = *new std::string();
  return path;
}
[[noreturn]] void EndWithException() {
  std::string text = "an exception when it was loaded";
  try {
    if (const std::exception_ptr exception = std::current_exception()) {
      std::rethrow_exception(exception);
    }
  } catch (const std::exception& error) {
    absl::StrAppend(&text, ": ", error.what());
  } catch (...) {
  }
  std::fprintf(stderr, "sluice: plug-in %s: %s\n", LoadingPath().c_str(), text.c_str());
  std::_Exit(kExitFailure);
}

absl::Status Load(const std::string& path) {
  const absl::StatusOr<std::string> bytes = ReadLibrary(path);
  if (!bytes.ok()) return bytes.status();
  absl::Status status = CheckComplete(path, *bytes);
  if (status.ok()) status = CheckStamp(path, *bytes);
  if (!status.ok()) return status;
  // A path with a slash, so that no other folder is searched.
  const std::string absolute = std::filesystem::absolute(path).string();
  const auto failed = [&](absl::string_view text) {
    return absl::FailedPreconditionError(absl::StrCat("plug-in ", path, ": ", text));
  };
  LoadingPath() = path;
  const std::terminate_handler before = std::set_terminate(EndWithException);
  const void* library = dlopen(absolute.c_str(), RTLD_NOW | RTLD_LOCAL);
  std::set_terminate(before);
  if (library == nullptr) return failed(dlerror());
  if (status = RegistrationStatus(); !status.ok()) return failed(status.message());
  return absl::OkStatus();
}

}  // namespace

absl::Status LoadPlugins(absl::Span<const std::string> paths) {
  for (const std::string& path : paths) {
    if (absl::Status status = Load(path); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace sluice
