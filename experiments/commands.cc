#include <cstdio>
#include <exception>

#include <absl/flags/flag.h>
#include <absl/strings/str_cat.h>

#include <sluice/experiments/commands.h>
#include <sluice/experiments/flags.h>
#include <sluice/experiments/interrupt.h>
#include <sluice/experiments/plugins.h>
#include <sluice/graph/nearest.h>
#include <sluice/graph/registry.h>

namespace sluice {
namespace {

std::vector<Command> Commands() {
  return {CompareCommand(), TrainCommand(), SampleCommand(),   ListCommand(),
          GraphCommand(),   ProbeCommand(), ReproduceCommand()};
}

const Command* FindCommand(absl::Span<const Command> commands, absl::string_view name) {
  for (const Command& command : commands) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

absl::Status UnknownCommand(absl::Span<const Command> commands, absl::string_view name) {
  std::vector<std::string> names = {"help"};
  for (const Command& command : commands) names.push_back(command.name);
  return UsageError(absl::StrCat("no command \"", name, "\"", NearestNameHint(name, names),
                                 "\nTry: sluice help"));
}

absl::Status Help(absl::Span<const Command> commands, absl::Span<const std::string> arguments) {
  if (arguments.empty()) {
    std::fputs(HelpText(commands).c_str(), stdout);
    return absl::OkStatus();
  }
  const Command* command = FindCommand(commands, arguments[0]);
  if (command == nullptr) return UnknownCommand(commands, arguments[0]);
  std::fputs(HelpText(*command).c_str(), stdout);
  return absl::OkStatus();
}

absl::Status Dispatch(absl::Span<const std::string> arguments) {
  if (absl::Status status = RegistrationStatus(); !status.ok()) return status;
  const std::vector<Command> commands = Commands();
  if (arguments.empty()) {
    return UsageError(absl::StrCat("a command is missing\n\n", HelpText(commands)));
  }
  const std::string& name = arguments[0];
  if (name == "help" || name == "--help" || name == "-h") {
    return Help(commands, arguments.subspan(1));
  }
  const Command* command = FindCommand(commands, name);
  if (command == nullptr) return UnknownCommand(commands, name);
  for (const std::string& argument : arguments.subspan(1)) {
    if (argument == "--help" || argument == "-h") return Help(commands, {{name}});
  }
  const absl::StatusOr<std::vector<std::string>> positional =
      ParseFlags(*command, arguments.subspan(1));
  if (!positional.ok()) return positional.status();
  if (absl::Status status = LoadPlugins(absl::GetFlag(FLAGS_plugin)); !status.ok()) return status;
  return command->run(*positional);
}

}  // namespace

int RunCommandLine(absl::Span<const std::string> arguments) {
  absl::Status status;
  try {
    status = Dispatch(arguments);
  } catch (const std::bad_alloc&) {
    status =
        absl::ResourceExhaustedError("out of memory; try a smaller --hidden, --batch or --steps");
  } catch (const std::exception& error) {
    status = absl::InternalError(error.what());
  } catch (...) {
    status = absl::InternalError("an exception that is no std::exception");
  }
  if (!status.ok()) {
    std::fprintf(stderr, "sluice: %s\n", std::string(status.message()).c_str());
    return IsUsageError(status) ? kExitUsage : kExitFailure;
  }
  return Interrupted() ? kExitInterrupted : 0;
}

}  // namespace sluice
