#include <algorithm>
#include <cmath>

#include <absl/flags/reflection.h>
#include <absl/strings/cord.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>

#include <sluice/experiments/command_line.h>
#include <sluice/graph/nearest.h>

namespace sluice {
namespace {

// Marks a status as wrong usage.
constexpr char kUsagePayload[] = "sluice/usage";

bool Takes(const Command& command, absl::string_view name) {
  return std::find(command.flags.begin(), command.flags.end(), name) != command.flags.end();
}

// Given several times, such a flag is all of what was given. Empty is its standard value.
bool IsList(absl::string_view name) {
  const absl::CommandLineFlag* flag = absl::FindCommandLineFlag(name);
  return flag != nullptr && flag->IsOfType<std::vector<std::string>>();
}

bool IsBoolean(absl::string_view name) {
  const absl::CommandLineFlag* flag = absl::FindCommandLineFlag(name);
  return flag != nullptr && flag->IsOfType<bool>();
}

// nullptr where the flag is not among them.
const std::string* ValueOf(absl::Span<const std::pair<std::string, std::string>> values,
                           absl::string_view name) {
  for (const auto& [flag, value] : values) {
    if (flag == name) return &value;
  }
  return nullptr;
}

absl::Status UnknownFlag(const Command& command, absl::string_view name) {
  return UsageError(absl::StrCat("sluice ", command.name, " has no flag --", name,
                                 NearestNameHint(name, command.flags), "\nTry: sluice help ",
                                 command.name));
}

absl::Status SetFlag(const Command& command, absl::string_view name, absl::string_view value) {
  if (!Takes(command, name)) return UnknownFlag(command, name);
  absl::CommandLineFlag& flag = *absl::FindCommandLineFlag(name);
  std::string all(value);
  if (IsList(name) && !flag.CurrentValue().empty()) {
    all = absl::StrCat(flag.CurrentValue(), ",", value);
  }
  std::string error;
  if (flag.ParseFrom(all, &error)) return absl::OkStatus();
  // Abseil puts a sentence of its own ahead of the reason, if there is one.
  absl::string_view reason = error;
  absl::ConsumePrefix(&reason,
                      absl::StrCat("Illegal value '", value, "' specified for flag '", name, "'"));
  absl::ConsumePrefix(&reason, "; ");
  return UsageError(absl::StrCat("--", name, ": \"", value, "\" does not fit",
                                 reason.empty() ? "" : ": ", reason));
}

// "  --hidden=256  Units of each layer."
std::string FlagLine(const Command& command, absl::string_view name) {
  const absl::CommandLineFlag& flag = *absl::FindCommandLineFlag(name);
  const std::string* own = ValueOf(command.standard, name);
  std::string line = absl::StrCat("  --", name, "=", own != nullptr ? *own : flag.DefaultValue());
  constexpr size_t kColumn = 30;
  line.append(line.size() < kColumn ? kColumn - line.size() : 1, ' ');
  return absl::StrCat(line, flag.Help(), "\n");
}

}  // namespace

bool AbslParseFlag(absl::string_view text, Count* count, std::string* error) {
  absl::string_view digits = text;
  double scale = 1;
  for (const auto& [suffix, factor] : {std::pair("k", 1e3), {"K", 1e3}, {"M", 1e6}, {"G", 1e9}}) {
    if (absl::ConsumeSuffix(&digits, suffix)) {
      scale = factor;
      break;
    }
  }
  double number = 0;
  if (!absl::SimpleAtod(digits, &number) || !(number >= 0) || number * scale > 9e15) {
    *error = "a count is a number that is not negative, such as 500, 20k or 2M";
    return false;
  }
  count->value = std::llround(number * scale);
  return true;
}

std::string AbslUnparseFlag(Count count) {
  if (count.value != 0 && count.value % 1'000'000 == 0) {
    return absl::StrCat(count.value / 1'000'000, "M");
  }
  if (count.value != 0 && count.value % 1'000 == 0) return absl::StrCat(count.value / 1'000, "k");
  return absl::StrCat(count.value);
}

absl::StatusOr<std::vector<std::string>> ParseFlags(const Command& command,
                                                    absl::Span<const std::string> arguments) {
  for (const auto& [name, value] : command.standard) {
    if (absl::Status status = SetFlag(command, name, value); !status.ok()) return status;
  }
  std::vector<std::string> positional;
  for (size_t i = 0; i < arguments.size(); ++i) {
    absl::string_view argument = arguments[i];
    if (!absl::ConsumePrefix(&argument, "--")) {
      if (command.positional.empty() || positional.size() == command.positional.size()) {
        return UsageError(absl::StrCat("sluice ", command.name, " does not take \"", arguments[i],
                                       "\"; flags start with --\nTry: sluice help ", command.name));
      }
      positional.push_back(arguments[i]);
      continue;
    }
    const size_t equals = argument.find('=');
    const absl::string_view name = argument.substr(0, equals);
    absl::Status status;
    if (equals != absl::string_view::npos) {
      status = SetFlag(command, name, argument.substr(equals + 1));
    } else if (!Takes(command, name) && absl::StartsWith(name, "no") &&
               Takes(command, name.substr(2)) && IsBoolean(name.substr(2))) {
      status = SetFlag(command, name.substr(2), "false");
    } else if (IsBoolean(name)) {
      status = SetFlag(command, name, "true");
    } else if (const std::string* implied = ValueOf(command.implied, name)) {
      status = SetFlag(command, name, *implied);
    } else if (!Takes(command, name)) {
      status = UnknownFlag(command, name);
    } else if (i + 1 == arguments.size()) {
      status = UsageError(absl::StrCat("--", name, " needs a value: --", name, "=..."));
    } else {
      status = SetFlag(command, name, arguments[++i]);
    }
    if (!status.ok()) return status;
  }
  return positional;
}

std::string HelpText(const Command& command) {
  std::string text = absl::StrCat("Usage: sluice ", command.usage, "\n\n", command.summary, "\n");
  if (!command.flags.empty()) absl::StrAppend(&text, "\nFlags, with their standard values:\n");
  for (const std::string& name : command.flags) absl::StrAppend(&text, FlagLine(command, name));
  return text;
}

std::string HelpText(absl::Span<const Command> commands) {
  std::string text =
      "Usage: sluice COMMAND [--flag=value ...]\n\n"
      "Compares recurrent gate designs.\n\nCommands:\n";
  for (const Command& command : commands) {
    absl::StrAppend(&text, "  ", command.name, std::string(10 - command.name.size(), ' '),
                    command.summary, "\n");
  }
  return absl::StrCat(text, "  help      Says what a command takes: sluice help COMMAND\n");
}

absl::Status UsageError(absl::string_view text) {
  absl::Status status = absl::InvalidArgumentError(text);
  status.SetPayload(kUsagePayload, absl::Cord());
  return status;
}

bool IsUsageError(const absl::Status& status) {
  return status.GetPayload(kUsagePayload).has_value();
}

absl::Status AsUsageError(absl::string_view flag, const absl::Status& status) {
  if (!absl::IsNotFound(status) && !absl::IsInvalidArgument(status)) return status;
  return UsageError(absl::StrCat("--", flag, ": ", status.message()));
}

}  // namespace sluice
