// Our side of pytorch_peer.py: a model that trains when told to.
//   training_steps CELL T B V EMBEDDING H LAYERS THREADS LEVEL
// Without layers the model is its logits, and only the loss of (T * B, V) of them is computed.
// Reads commands, a line each, and answers each with a line of JSON:
//   save FOLDER   writes the batch and all trainable variables there, one file of raw numbers each
//                 -> {"shapes": {file: [rows, columns]}}
//   steps COUNT   -> {"seconds": of one step, "loss": of the last one, before its update,
//                     "peak_bytes": variables and intermediate values, as planned,
//                     "allocated_bytes": what is in use after a step, which is also its peak,
//                     "resident_bytes": the most memory that the process had in use, without what
//                     it had before the model}

#include <chrono>
#include <fstream>
#include <functional>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_replace.h>
#include <malloc.h>
#include <nlohmann/json.hpp>

#include <sluice/bench/loss_model.h>
#include <sluice/bench/settings.h>
#include <sluice/bench/training_model.h>
#include <sluice/graph/program_cache.h>

namespace sluice {
namespace {

using nlohmann::json;

// What the commands are given to.
struct Training {
  std::function<absl::StatusOr<double>()> update;
  VariableStore& variables;
  std::vector<std::pair<std::string, Tensor>> data;
};

json Save(const Training& training, const std::string& folder) {
  json shapes;
  const auto save = [&](const std::string& path, const Tensor& tensor) {
    const std::string file = absl::StrReplaceAll(path, {{"/", "."}});
    std::ofstream stream(folder + "/" + file, std::ios::binary);
    stream.write(static_cast<const char*>(tensor.raw()), tensor.bytes());
    json& shape = shapes[file] = json::array();
    for (int axis = 0; axis < tensor.shape().rank(); ++axis) shape.push_back(tensor.shape()[axis]);
  };
  for (const auto& [name, tensor] : training.data) save(name, tensor);
  for (const Variable* variable : training.variables.trainable()) {
    save(variable->path(), variable->value());
  }
  return {{"shapes", shapes}};
}

// The most memory that the process has had in use so far.
int64_t ResidentBytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (!absl::StartsWith(line, "VmHWM:")) continue;
    std::istringstream words(line.substr(6));
    int64_t kilobytes = 0;
    words >> kilobytes;
    return kilobytes * 1024;
  }
  return 0;
}

// What was asked for and not given back.
int64_t AllocatedBytes() {
  const struct mallinfo2 heap = mallinfo2();
  return static_cast<int64_t>(heap.uordblks + heap.hblkhd);
}

// Before there is a model.
struct MemoryBefore {
  int64_t allocated = AllocatedBytes();
  int64_t resident = ResidentBytes();
};

json Steps(const Training& training, int64_t count, const MemoryBefore& before) {
  const auto start = std::chrono::steady_clock::now();
  double last = 0;
  for (int64_t step = 0; step < count; ++step) {
    const absl::StatusOr<double> loss = training.update();
    if (!loss.ok()) return {{"error", std::string(loss.status().message())}};
    last = *loss;
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  int64_t bytes = training.variables.programs().bytes();
  for (const Variable* variable : training.variables.variables()) {
    bytes += variable->value().bytes();
  }
  return {{"seconds", seconds.count() / static_cast<double>(count)},
          {"loss", last},
          {"peak_bytes", bytes},
          {"allocated_bytes", AllocatedBytes() - before.allocated},
          {"resident_bytes", ResidentBytes() - before.resident}};
}

json Answer(const Training& training, const MemoryBefore& before, const std::string& line) {
  std::istringstream words(line);
  std::string command, argument;
  words >> command >> argument;
  if (command == "save") return Save(training, argument);
  int64_t count = 0;
  if (command == "steps" && absl::SimpleAtoi(argument, &count) && count > 0) {
    return Steps(training, count, before);
  }
  return {{"error", "unknown command: " + line}};
}

int Serve(const std::vector<std::string>& arguments) {
  std::vector<int64_t> numbers;
  for (size_t i = 1; i + 1 < arguments.size(); ++i) {
    int64_t number = 0;
    if (absl::SimpleAtoi(arguments[i], &number)) numbers.push_back(number);
  }
  const std::optional<PlanLevel> level =
      arguments.empty() ? std::nullopt : LevelOfName(arguments.back());
  if (numbers.size() != 7 || arguments.size() != 9 || !level.has_value()) {
    std::cerr << "usage: training_steps CELL T B V EMBEDDING H LAYERS THREADS LEVEL\n";
    return 2;
  }
  const ModelSize size{numbers[0], numbers[1], numbers[2],
                       numbers[3], numbers[4], static_cast<int>(numbers[5])};
  const auto threads = static_cast<int>(numbers[6]);
  const MemoryBefore before;
  const auto serve = [&](const Training& training) {
    for (std::string line; std::getline(std::cin, line);) {
      std::cout << Answer(training, before, line).dump() << std::endl;
    }
    return 0;
  };
  if (size.layers == 0) {
    LossModel model(size.steps * size.batch, size.vocabulary, threads, *level);
    return serve({.update = [&] { return model.Update(); },
                  .variables = model.variables(),
                  .data = {{"targets", model.targets()}}});
  }
  TrainingModel model(arguments[0], size, threads, *level);
  return serve({.update = [&] { return model.Update(); },
                .variables = model.model().variables(),
                .data = {{"inputs", model.batch().inputs}, {"targets", model.batch().targets}}});
}

}  // namespace
}  // namespace sluice

int main(int argc, char** argv) { return sluice::Serve({argv + 1, argv + argc}); }
