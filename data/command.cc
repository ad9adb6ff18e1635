#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sluice/data/text_source.h>

extern char** environ;  // POSIX has it declared in no header

namespace sluice {
namespace {

// Reads a child's standard output. Its standard error goes to an unnamed file: unlike a second
// pipe, a file cannot fill up and leave the child waiting.
class CommandSource : public TextSource {
 public:
  CommandSource(std::string command, pid_t child, int output, std::FILE* errors)
      : command_(std::move(command)), child_(child), output_(output), errors_(errors) {}
  ~CommandSource() override {
    close(output_);
    std::fclose(errors_);
    if (child_ > 0) {  // not read to the end: nobody wants the rest
      kill(child_, SIGKILL);
      Wait();
    }
  }

  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override {
    ssize_t bytes;
    do {
      bytes = read(output_, buffer.data(), buffer.size());
    } while (bytes < 0 && errno == EINTR);
    if (bytes < 0) return absl::ErrnoToStatus(errno, absl::StrCat("reading from ", command_));
    if (bytes > 0) return static_cast<size_t>(bytes);
    const int result = Wait();
    if (WIFEXITED(result) && WEXITSTATUS(result) == 0) return 0;
    return absl::InternalError(absl::StrCat(command_, HowItEnded(result), FirstErrorLine()));
  }

 private:
  int Wait() {
    int result = 0;
    while (waitpid(child_, &result, 0) < 0 && errno == EINTR) {
    }
    child_ = 0;
    return result;
  }

  static std::string HowItEnded(int result) {
    if (WIFSIGNALED(result)) return absl::StrCat(" was ended by signal ", WTERMSIG(result));
    return absl::StrCat(" failed with exit status ", WEXITSTATUS(result));
  }

  std::string FirstErrorLine() {
    char line[256] = {};
    std::rewind(errors_);
    if (std::fgets(line, sizeof(line), errors_) == nullptr) return "";
    std::string text(line);
    if (!text.empty() && text.back() == '\n') text.pop_back();
    return text.empty() ? "" : absl::StrCat(": ", text);
  }

  std::string command_;  // quoted, for messages
  pid_t child_;          // 0 once it was waited for
  int output_;
  std::FILE* errors_;
};

// posix_spawnp with nothing on standard input and the other two streams as given.
int Spawn(std::vector<std::string>& arguments, int output, int errors, pid_t& child) {
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
  const int error = posix_spawnp(&child, pointers[0], &actions, nullptr, pointers.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TextSource>> OpenCommand(std::vector<std::string> arguments) {
  if (arguments.empty()) return absl::InvalidArgumentError("a command needs a program to run");
  const std::string command = absl::StrCat("\"", absl::StrJoin(arguments, " "), "\"");
  std::FILE* errors = std::tmpfile();
  if (errors == nullptr) return absl::ErrnoToStatus(errno, "cannot make a temporary file");
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    const int error = errno;
    std::fclose(errors);
    return absl::ErrnoToStatus(error, absl::StrCat("cannot make a pipe for ", command));
  }
  pid_t child = 0;
  const int error = Spawn(arguments, ends[1], fileno(errors), child);
  close(ends[1]);
  if (error != 0) {
    close(ends[0]);
    std::fclose(errors);
    if (error == ENOENT) {
      return absl::NotFoundError(absl::StrCat("there is no program \"", arguments[0], "\""));
    }
    return absl::ErrnoToStatus(error, absl::StrCat("cannot run ", command));
  }
  return std::make_unique<CommandSource>(command, child, ends[0], errors);
}

}  // namespace sluice
