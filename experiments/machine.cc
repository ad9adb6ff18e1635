#include <fstream>
#include <thread>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <sluice/experiments/machine.h>
#include <sluice/ops/kernels/kernel_table.h>

namespace sluice {
namespace {

std::string ProcessorName() {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line)) {
    if (!absl::StartsWith(line, "model name")) continue;
    return std::string(absl::StripAsciiWhitespace(line.substr(line.find(':') + 1)));
  }
  return "unknown";
}

}  // namespace

Machine ThisMachine() {
  Machine machine;
  machine.processor = ProcessorName();
  machine.cores = static_cast<int>(std::thread::hardware_concurrency());
  machine.memory_bytes = int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGE_SIZE);
  machine.instruction_set = Kernels().instruction_set;
#if defined(__clang__)
  machine.compiler = absl::StrCat("clang ", __clang_version__);
#else
  machine.compiler = absl::StrCat("gcc ", __VERSION__);
#endif
#ifdef NDEBUG
  machine.build = "Release";
#else
  machine.build = "Debug";
#endif
  utsname names;
  if (uname(&names) == 0) machine.system = absl::StrCat(names.sysname, " ", names.release);
  return machine;
}

}  // namespace sluice
