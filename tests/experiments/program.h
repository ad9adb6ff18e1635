#ifndef SLUICE_TESTS_EXPERIMENTS_PROGRAM_H_
#define SLUICE_TESTS_EXPERIMENTS_PROGRAM_H_

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include <absl/flags/reflection.h>
#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include <sluice/experiments/commands.h>
#include <sluice/experiments/interrupt.h>

#include "support/temporary_folder.h"

namespace sluice {

// What a command line left behind.
struct Outcome {
  int exit_code = 0;
  std::string out;
  std::string error;
};

// Puts flags back at its end, without Abseil's lines on standard error about it.
class QuietFlagSaver {
 public:
  ~QuietFlagSaver() {
    testing::internal::CaptureStderr();
    saver_.reset();
    testing::internal::GetCapturedStderr();
  }

 private:
  std::unique_ptr<absl::FlagSaver> saver_ = std::make_unique<absl::FlagSaver>();
};

// Runs command lines in a folder of its own. Flags are global, so each command line starts from
// their standard values and leaves them behind.
class ProgramTest : public testing::Test {
 protected:
  // Whether somebody asked to stop is a property of the process: forgets what a test before did. No
  // signal is caught until a command does.
  void SetUp() override {
    CatchInterrupts();
    for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, SIG_DFL);
  }

  static Outcome Sluice(const std::vector<std::string>& arguments) {
    const QuietFlagSaver saver;
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    Outcome outcome;
    outcome.exit_code = RunCommandLine(arguments);
    outcome.out = testing::internal::GetCapturedStdout();
    outcome.error = testing::internal::GetCapturedStderr();
    return outcome;
  }

  // The same in a process of its own, which leaves nothing behind.
  Outcome Process(const std::vector<std::string>& arguments) const {
    std::string command = SLUICE_PROGRAM_DIR "/sluice";
    for (const std::string& argument : arguments) absl::StrAppend(&command, " \"", argument, "\"");
    absl::StrAppend(&command, " >", Path("out"), " 2>", Path("error"));
    const int result = std::system(command.c_str());
    return {WIFEXITED(result) ? WEXITSTATUS(result) : -1, Read(Path("out")), Read(Path("error"))};
  }

  std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }
  std::string Write(const std::string& name, const std::string& bytes) const {
    std::ofstream(Path(name), std::ios::binary) << bytes;
    return Path(name);
  }
  static std::string Read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static bool Exists(const std::string& path) { return std::filesystem::exists(path); }
  static nlohmann::json ReadJson(const std::string& path) {
    return nlohmann::json::parse(Read(path));
  }

  // 4,000 characters that a tiny model learns something of: 3,600 to train, 200 and 200 to test.
  std::string Text() const {
    std::string text;
    for (int i = 0; text.size() < 4000; ++i) {
      absl::StrAppend(&text, "the ", i % 3 == 0 ? "traveller" : "time", " of day ", i % 7, "\n");
    }
    return Write("text.txt", text.substr(0, 4000));
  }

  // A comparison or training that takes a moment.
  std::vector<std::string> Tiny(const std::string& command,
                                const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {command,         "--corpus=" + Text(), "--hidden=8",
                                          "--embedding=4", "--batch=4",          "--steps=8",
                                          "--tokens=2k",   "--threads=1"};
    if (command == "compare") {
      arguments.insert(arguments.end(), {"--seeds=1", "--cells=gru", "--out=" + Path("results"),
                                         "--sample_tokens=10", "--prefixes=time,the "});
    }
    if (command == "train") arguments.push_back("--model=" + Path("model.sluice"));
    arguments.insert(arguments.end(), more.begin(), more.end());  // the last of equals counts
    return arguments;
  }

 private:
  TemporaryFolder folder_;
};

}  // namespace sluice

#endif  // SLUICE_TESTS_EXPERIMENTS_PROGRAM_H_
