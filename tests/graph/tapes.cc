#include "graph/tapes.h"

#include <algorithm>
#include <cmath>

#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

#include <sluice/ops/composed.h>

namespace sluice {

Tensor Floats(const Shape& shape, const std::vector<float>& values) { return {shape, values}; }

Tensor RandomFloats(const Shape& shape, uint64_t seed) {
  Tensor tensor(DType::kF32, shape);
  RandomStream random(MakeRandomKey(seed, "test"));
  for (float& value : tensor.values<float>()) value = static_cast<float>(2 * random.Uniform() - 1);
  return tensor;
}

Tensor SmallRandom(const TensorType& type, RandomKey key) {
  Tensor tensor(type);
  RandomStream random(key);
  for (float& value : tensor.values<float>()) value = static_cast<float>(random.Uniform() - 0.5);
  return tensor;
}

std::vector<std::string> Listing(const NodeList& nodes) {
  std::vector<std::string> lines;
  for (NodeId id = 0; id < nodes.size(); ++id) {
    std::string line = absl::StrCat(id, " ", nodes[id].op->name);
    for (const NodeId input : nodes.inputs(id)) absl::StrAppend(&line, " ", input);
    lines.push_back(line);
  }
  return lines;
}

int CountOps(const NodeList& nodes, absl::string_view op) {
  int count = 0;
  for (NodeId id = 0; id < nodes.size(); ++id) count += nodes[id].op->name == op ? 1 : 0;
  return count;
}

PlanGraph GraphOf(const Tape& tape, const std::vector<Value>& fetches) {
  PlanGraph graph;
  graph.nodes = tape.nodes();
  for (const Value& fetch : fetches) graph.fetches.push_back(fetch.node());
  for (const Tape::FeedRecord& feed : tape.feeds()) graph.feeds.push_back(feed.node);
  return graph;
}

namespace {

void ExpectNear(const Tensor& expected, const Tensor& actual, absl::string_view what) {
  ASSERT_EQ(expected.type(), actual.type()) << what;
  for (int64_t i = 0; i < expected.elements(); ++i) {
    const double tolerance = 1e-5 * std::max(1.0, std::abs(expected.At(i)));
    EXPECT_NEAR(expected.At(i), actual.At(i), tolerance) << what << ", element " << i;
  }
}

}  // namespace

void ExpectLevelsAgree(const Recording& record) {
  constexpr PlanLevel kLevels[] = {PlanLevel::kDebug, PlanLevel::kSimple, PlanLevel::kFull};
  VariableStore stores[3];
  std::vector<Tensor> results[3];
  for (int i = 0; i < 3; ++i) {
    Tape tape;
    const std::vector<Value> fetches = record(tape, stores[i]);
    absl::StatusOr<std::vector<Tensor>> read = tape.Read(fetches, {.plan = {.level = kLevels[i]}});
    ASSERT_TRUE(read.ok()) << read.status();
    results[i] = *read;
  }
  for (size_t i = 0; i < results[0].size(); ++i) {
    EXPECT_TRUE(SameBits(results[0][i], results[1][i])) << "fetch " << i;
    ExpectNear(results[0][i], results[2][i], absl::StrCat("fetch ", i));
  }
  for (const Variable* variable : stores[0].variables()) {
    const Variable* simple = stores[1].Find(variable->path());
    const Variable* full = stores[2].Find(variable->path());
    ASSERT_NE(simple, nullptr);
    ASSERT_NE(full, nullptr);
    EXPECT_TRUE(SameBits(variable->value(), simple->value())) << variable->path();
    ExpectNear(variable->value(), full->value(), variable->path());
  }
}

std::vector<Value> RecordTrainingStep(Tape& tape, VariableStore& store,
                                      const RecurrentSizes& sizes) {
  const Scope rnn = store.root() / "rnn" / "0";
  Variable& input_update = rnn.Trainable("input_update", {sizes.inputs, sizes.hidden}, SmallRandom);
  Variable& input_candidate =
      rnn.Trainable("input_candidate", {sizes.inputs, sizes.hidden}, SmallRandom);
  Variable& update = rnn.Trainable("update", {sizes.hidden, sizes.hidden}, SmallRandom);
  Variable& candidate = rnn.Trainable("candidate", {sizes.hidden, sizes.hidden}, SmallRandom);
  Variable& bias = rnn.Trainable("bias", {sizes.hidden}, SmallRandom);
  Variable& carried = rnn.Fixed("carried", {sizes.batch, sizes.hidden});
  Variable& read_out =
      store.root().Trainable("read_out", {sizes.hidden, sizes.symbols}, SmallRandom);

  const Value x = tape.Feed(RandomFloats({sizes.steps, sizes.batch, sizes.inputs}, 1));
  std::vector<int32_t> ids;
  for (int i = 0; i < sizes.steps * sizes.batch; ++i) ids.push_back(i % sizes.symbols);
  const Value targets = tape.Feed(Tensor({sizes.steps, sizes.batch}, ids));

  std::vector<Value> outputs;
  {
    const Tape::ScopeMark scope(tape, "rnn/0");
    Value h = tape.Use(carried);
    for (int t = 0; t < sizes.steps; ++t) {
      const Tape::StepMark step(tape, t);
      const Value x_t = Index(x, t);
      Value gate;
      {
        const Tape::ScopeMark gate_scope(tape, "rnn/0/update");
        gate = Sigmoid(MatMul(x_t, tape.Use(input_update)) + MatMul(h, tape.Use(update)) +
                       tape.Use(bias));
      }
      const Value proposal =
          Tanh(MatMul(x_t, tape.Use(input_candidate)) + MatMul(gate * h, tape.Use(candidate)));
      h = (1 - gate) * h + gate * proposal;
      outputs.push_back(h);
    }
    tape.Write(carried, h);
  }
  const Value loss = CrossEntropy(MatMul(Stack(outputs), tape.Use(read_out)), targets);
  const std::vector<Variable*> weights = store.trainable();
  const std::vector<Value> gradients = Gradients(loss, weights);
  const Tape::ScopeMark scope(tape, "optimizer");
  for (size_t i = 0; i < weights.size(); ++i) {
    tape.Write(*weights[i], tape.Use(*weights[i]) - 0.1 * gradients[i]);
  }
  std::vector<Value> fetches = {loss, outputs.back()};
  fetches.insert(fetches.end(), gradients.begin(), gradients.end());
  return fetches;
}

}  // namespace sluice
