#include "graph/tapes.h"

#include <algorithm>
#include <cmath>

#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>
#include <tbb/global_control.h>

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

namespace {

void ExpectNear(const Tensor& expected, const Tensor& actual, absl::string_view what) {
  ASSERT_EQ(expected.type(), actual.type()) << what;
  const double relative = expected.dtype() == DType::kF64 ? 1e-12 : 1e-5;
  for (int64_t i = 0; i < expected.elements(); ++i) {
    const double tolerance = relative * std::max(1.0, std::abs(expected.At(i)));
    ASSERT_NEAR(expected.At(i), actual.At(i), tolerance) << what << ", element " << i;
  }
}

}  // namespace

void ExpectLevelsAgree(const Recording& record) {
  // As many workers as are asked for, also where the machine has fewer processors.
  static const tbb::global_control workers(tbb::global_control::max_allowed_parallelism, 8);
  static const Threads& one = *new Threads(1);
  static const Threads& three = *new Threads(3);
  struct Run {
    PlanLevel level;
    const Threads& threads;
    VariableStore store{VariableStoreOptions()};
    std::vector<Tensor> results = {};
  };
  // The first of each level is what the second must be to the last bit.
  Run runs[] = {{PlanLevel::kDebug, one},    {PlanLevel::kDebug, three}, {PlanLevel::kSimple, one},
                {PlanLevel::kSimple, three}, {PlanLevel::kFull, one},    {PlanLevel::kFull, three}};
  for (Run& run : runs) {
    Tape tape;
    const std::vector<Value> fetches = record(tape, run.store);
    absl::StatusOr<std::vector<Tensor>> read =
        tape.Read(fetches, {.arena = run.threads.arena(), .plan = {.level = run.level}});
    ASSERT_TRUE(read.ok()) << read.status();
    run.results = *std::move(read);
    for (const Variable* variable : run.store.variables()) run.results.push_back(variable->value());
  }
  for (const Run& run : runs) {
    const bool full = run.level == PlanLevel::kFull;
    const Run& expected = full && &run.threads == &three ? runs[4] : runs[0];
    ASSERT_EQ(run.results.size(), expected.results.size());
    for (size_t i = 0; i < run.results.size(); ++i) {
      const std::string what = absl::StrCat("level ", static_cast<int>(run.level), ", ",
                                            run.threads.count(), " threads, fetch or variable ", i);
      if (full && &expected == &runs[0]) {
        ExpectNear(expected.results[i], run.results[i], what);
      } else {
        EXPECT_TRUE(SameBits(expected.results[i], run.results[i])) << what;
      }
    }
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
