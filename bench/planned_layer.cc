#include <cstring>
#include <string>
#include <vector>

#include <absl/strings/str_cat.h>

#include <sluice/bench/planned_layer.h>
#include <sluice/graph/gradients.h>
#include <sluice/layers/recurrent.h>
#include <sluice/ops/composed.h>

namespace sluice {
namespace {

const char* CellSpecOf(LayerKind kind) {
  switch (kind) {
    case LayerKind::kGru:
      return "gru:reset=after:biases=two";
    case LayerKind::kGruBefore:
      return "gru:reset=before:biases=one";
    case LayerKind::kLstm:
      return "lstm:biases=one";
  }
  return "";
}

// In the order of LayerKind.
std::vector<std::string> GateNames(LayerKind kind) {
  if (kind == LayerKind::kLstm) return {"input", "forget", "candidate", "output"};
  return {"update", "reset", "candidate"};
}

// The variables that the bias vectors are, in the order of LayerKind.
std::vector<std::string> BiasPaths(LayerKind kind) {
  std::vector<std::string> paths;
  for (const std::string& gate : GateNames(kind)) {
    paths.push_back(absl::StrCat(gate, kind == LayerKind::kGru ? "/input_bias" : "/bias"));
  }
  if (kind == LayerKind::kGru) paths.push_back("candidate/recurrent_bias");
  return paths;
}

std::string PathOf(absl::string_view name) { return absl::StrCat("layer/0/", name); }

// Column block `gate` of (rows, gates, hidden), to or from (rows, hidden).
enum class Way { kOutOf, kInto };
void CopyGate(Tensor& all, int64_t gate, Tensor& one, Way way) {
  const int64_t gates = all.shape()[1];
  const int64_t hidden = all.shape()[2];
  for (int64_t row = 0; row < all.shape()[0]; ++row) {
    float* wide = all.data<float>() + (row * gates + gate) * hidden;
    float* narrow = one.data<float>() + row * hidden;
    std::memcpy(way == Way::kOutOf ? narrow : wide, way == Way::kOutOf ? wide : narrow,
                hidden * sizeof(float));
  }
}

}  // namespace

PlannedLayer::PlannedLayer(LayerKind kind, const LayerSize& size, const LayerInputs& inputs,
                           int threads, PlanLevel level)
    : kind_(kind), threads_(threads), program_(Record(size, inputs, level)) {}

absl::StatusOr<Program> PlannedLayer::Record(const LayerSize& size, const LayerInputs& inputs,
                                             PlanLevel level) {
  const Recurrent layer(variables_.root() / "layer",
                        {.cell = CellSpecOf(kind_), .inputs = size.inputs, .hidden = size.hidden});
  if (!variables_.status().ok()) return variables_.status();
  CopyWeights(inputs);
  Tape tape;
  std::vector<Value> by = {tape.Feed(inputs.x), tape.Feed(inputs.h)};
  std::vector<std::string> paths = {"x", "h"};
  State initial{{"h", by[1]}};
  if (kind_ == LayerKind::kLstm) {
    by.push_back(tape.Feed(inputs.c));
    paths.push_back("c");
    initial.Set("c", by.back());
  }
  for (Variable* variable : variables_.trainable()) {
    by.push_back(tape.Use(*variable));
    paths.push_back(variable->path());
  }
  const Value outputs = layer.Run(by[0], {.initial = {initial}}).outputs;
  const std::vector<Value> gradients = Gradients(outputs * tape.Feed(inputs.output_gradient), by);
  tape.Write(ResultOf("outputs", outputs.shape()), outputs);
  for (size_t i = 0; i < gradients.size(); ++i) {
    tape.Write(ResultOf(paths[i], gradients[i].shape()), gradients[i]);
  }
  return Plan(tape, {}, {.level = level});
}

void PlannedLayer::CopyWeights(const LayerInputs& inputs) {
  for (Variable* variable : variables_.trainable()) {
    std::memset(variable->value().raw(), 0, variable->value().bytes());
  }
  Tensor input_weights = inputs.input_weights;
  Tensor recurrent_weights = inputs.recurrent_weights;
  const std::vector<std::string> gates = GateNames(kind_);
  for (size_t gate = 0; gate < gates.size(); ++gate) {
    const auto value = [&](const char* name) -> Tensor& {
      return variables_.Find(PathOf(absl::StrCat(gates[gate], "/", name)))->value();
    };
    CopyGate(input_weights, gate, value("input_weights"), Way::kOutOf);
    CopyGate(recurrent_weights, gate, value("recurrent_weights"), Way::kOutOf);
  }
  const std::vector<std::string> biases = BiasPaths(kind_);
  for (size_t i = 0; i < biases.size(); ++i) {
    Tensor& bias = variables_.Find(PathOf(biases[i]))->value();
    std::memcpy(bias.raw(), inputs.biases.data<float>() + i * bias.elements(), bias.bytes());
  }
}

Variable& PlannedLayer::ResultOf(const std::string& path, const Shape& shape) {
  return (variables_.root() / "results").Fixed(path, shape);
}

const Tensor& PlannedLayer::ResultAt(const std::string& path) const {
  return variables_.Find(absl::StrCat("results/", path))->value();
}

absl::Status PlannedLayer::Step() {
  if (!program_.ok()) return program_.status();
  return program_->Run({}, {.arena = threads_.arena()}).status();
}

LayerResults PlannedLayer::Results() const {
  LayerResults results{
      .outputs = ResultAt("outputs").Clone(), .x = ResultAt("x").Clone(), .h = ResultAt("h")};
  if (kind_ == LayerKind::kLstm) results.c = ResultAt("c");
  const std::vector<std::string> gates = GateNames(kind_);
  const auto count = static_cast<int64_t>(gates.size());
  const int64_t inputs = results.x.shape()[2];
  const int64_t hidden = results.h.shape()[1];
  results.input_weights = Tensor(DType::kF32, {inputs, count, hidden});
  results.recurrent_weights = Tensor(DType::kF32, {hidden, count, hidden});
  results.biases = Tensor(DType::kF32, {BiasVectors(kind_), hidden});
  for (int64_t gate = 0; gate < count; ++gate) {
    Tensor of_input = ResultAt(PathOf(absl::StrCat(gates[gate], "/input_weights")));
    Tensor of_state = ResultAt(PathOf(absl::StrCat(gates[gate], "/recurrent_weights")));
    CopyGate(results.input_weights, gate, of_input, Way::kInto);
    CopyGate(results.recurrent_weights, gate, of_state, Way::kInto);
  }
  const std::vector<std::string> biases = BiasPaths(kind_);
  for (size_t i = 0; i < biases.size(); ++i) {
    const Tensor& bias = ResultAt(PathOf(biases[i]));
    std::memcpy(results.biases.data<float>() + i * hidden, bias.raw(), bias.bytes());
  }
  return results;
}

}  // namespace sluice
