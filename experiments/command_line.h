#ifndef SLUICE_EXPERIMENTS_COMMAND_LINE_H_
#define SLUICE_EXPERIMENTS_COMMAND_LINE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/types/span.h>

namespace sluice {

// A number of tokens or the like: "500", "20k", "2M".
struct Count {
  int64_t value = 0;
};
bool AbslParseFlag(absl::string_view text, Count* count, std::string* error);
std::string AbslUnparseFlag(Count count);

// Exit codes of the program.
inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitInterrupted = 130;  // as shells report SIGINT

// A command of the program. Flags are Abseil's, declared where they are used; a command takes those
// it names.
struct Command {
  std::string name;
  std::string summary;                  // one line
  std::string usage;                    // behind "sluice "
  std::vector<std::string> flags;       // in the order of the help text
  std::vector<std::string> positional;  // what may follow the flags, for errors; empty: nothing
  absl::Status (*run)(absl::Span<const std::string> positional);
  // Flags that may stand without "=value", and what they then are.
  std::vector<std::pair<std::string, std::string>> implied = {};
  // Standard values that are this command's own.
  std::vector<std::pair<std::string, std::string>> standard = {};
};

// Sets the flags of `command` from "--name=value", "--name value" and, for booleans, "--name" and
// "--noname"; "--name" also for those with an implied value. The last of equals counts, but for
// lists, which add up. Returns what is not a flag. Errors
// name the nearest flag of the command.
absl::StatusOr<std::vector<std::string>> ParseFlags(const Command& command,
                                                    absl::Span<const std::string> arguments);

// The help text: of one command, or of all.
std::string HelpText(const Command& command);
std::string HelpText(absl::Span<const Command> commands);

// Wrong usage, which exits with kExitUsage. Other errors exit with kExitFailure.
absl::Status UsageError(absl::string_view text);
bool IsUsageError(const absl::Status& status);
// Turns an unknown name (NotFound) or a bad value (InvalidArgument) of a flag into a usage error.
absl::Status AsUsageError(absl::string_view flag, const absl::Status& status);

}  // namespace sluice

#endif  // SLUICE_EXPERIMENTS_COMMAND_LINE_H_
