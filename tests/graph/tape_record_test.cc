#include <thread>

#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

#include <sluice/ops/composed.h>

#include "graph/tapes.h"

namespace sluice {
namespace {

// A training step of a small recurrent net in many versions, which differ here and there.
struct Version {
  int steps = 3;
  double scale = 0.5;
  const char* scope = "rnn";
  int first_step = 0;
  int64_t batch = 4;
  bool bias_first = false;  // in the list of gradients
  bool gradients = true;
  bool second_gradients = false;
  bool ends_early = false;
  bool updates = true;
  bool squares = false;
  double after = 1;  // a constant behind the gradients; 1 and 2 occur in them
};

struct Weights : VariableStore {
  Weights() {
    Create("weights", {DType::kF32, {6, 6}}, SmallRandom);
    Create("bias", {DType::kF32, {6}}, SmallRandom);
  }
  // The same numbers, and no programs.
  Weights(const Weights& other) : Weights() {
    for (const Variable* variable : other.variables()) {
      Find(variable->path())->value() = variable->value().Clone();
    }
  }
};

struct Step {
  std::vector<Value> fetches;
  std::vector<const Shape*> shapes;  // of values, asked for along the way
};

Step RecordVersion(Tape& tape, VariableStore& store, const Version& version) {
  Step step;
  const auto keep = [&](Value value) {
    step.shapes.push_back(&value.shape());
    return value;
  };
  Variable& weights = *store.Find("weights");
  Variable& bias = *store.Find("bias");
  const Value x = tape.Feed(RandomFloats({version.batch, 6}, 1));
  Value h = keep(x * version.scale);
  for (int t = 0; t < version.steps; ++t) {
    const Tape::ScopeMark scope(tape, version.scope);
    const Tape::StepMark mark(tape, version.first_step + t);
    h = keep(Tanh(MatMul(h, tape.Use(weights)) + tape.Use(bias)));
    if (version.squares) h = keep(Square(h));
  }
  step.fetches = {h};
  if (version.ends_early) return step;
  const Value loss = keep(Sum(Square(h)));
  step.fetches.push_back(loss);
  if (!version.gradients) return step;
  std::vector<Variable*> by = {&weights, &bias};
  if (version.bias_first) std::swap(by[0], by[1]);
  std::vector<Value> gradients = Gradients(loss, by);
  if (version.second_gradients) gradients = Gradients(Sum(Square(gradients[0])), by);
  for (size_t i = 0; i < by.size(); ++i) {
    const Value update = keep(tape.Use(*by[i]) - gradients[i] * version.after);
    if (version.updates) tape.Write(*by[i], update);
    step.fetches.push_back(update);
  }
  return step;
}

std::vector<Version> Versions() {
  return {{},
          {.steps = 4},
          {.steps = 1},
          {.scale = 0.25},
          {.scope = "other"},
          {.first_step = 1},
          {.batch = 3},
          {.bias_first = true},
          {.gradients = false},
          {.second_gradients = true},
          {.ends_early = true},
          {.updates = false},
          {.squares = true},
          {.after = 2},
          {.after = 7}};
}

// All that a tape tells of its nodes, in words: those of two stores can be compared.
std::string Words(const Tape& tape) {
  std::string words;
  const NodeList& nodes = tape.nodes();
  for (NodeId id = 0; id < nodes.size(); ++id) {
    const Attributes& attributes = nodes.attributes(id);
    absl::StrAppend(&words, id, " ", nodes[id].op->name, " ", nodes[id].type.ToString(), " in ",
                    nodes.scope(id), " at ", nodes[id].step, " ", attributes.number, " ",
                    attributes.variable == nullptr ? "" : attributes.variable->path());
    for (const int64_t integer : attributes.integers) absl::StrAppend(&words, " ", integer);
    absl::StrAppend(&words, " of");
    for (const NodeId input : nodes.inputs(id)) absl::StrAppend(&words, " ", input);
    absl::StrAppend(&words, "\n");
  }
  return words;
}

struct Outcome {
  std::string words;
  std::vector<Tensor> fetches;
};

Outcome RunVersion(VariableStore& store, const Version& version) {
  Tape tape;
  const Step step = RecordVersion(tape, store, version);
  // Types that were asked for while recording are there to the end.
  for (const Shape* shape : step.shapes) EXPECT_TRUE(shape->valid());
  absl::StatusOr<std::vector<Tensor>> fetches = tape.Read(step.fetches);
  EXPECT_TRUE(fetches.ok()) << fetches.status();
  return {Words(tape), fetches.ok() ? *std::move(fetches) : std::vector<Tensor>()};
}

void ExpectSame(const Outcome& outcome, const Outcome& expected) {
  EXPECT_EQ(outcome.words, expected.words);
  ASSERT_EQ(outcome.fetches.size(), expected.fetches.size());
  for (size_t i = 0; i < expected.fetches.size(); ++i) {
    const Tensor& tensor = outcome.fetches[i];
    ASSERT_EQ(tensor.type(), expected.fetches[i].type());
    for (int64_t k = 0; k < tensor.shape().elements(); ++k) {
      ASSERT_EQ(tensor.At(k), expected.fetches[i].At(k)) << "fetch " << i << ", element " << k;
    }
  }
}

// A tape may begin like an earlier one and go on otherwise, anywhere; it records what it would have
// recorded alone.
TEST(TapeRecord, IsRepeatedAsFarAsItGoes) {
  for (const Version& first : Versions()) {
    for (const Version& second : Versions()) {
      Weights store;
      RunVersion(store, first);
      Weights alone(store);
      const Outcome expected = RunVersion(alone, second);
      ExpectSame(RunVersion(store, second), expected);
    }
  }
}

TEST(TapeRecord, OfSeveralIsTheOneThatGoesOnAlike) {
  Weights store;
  for (int round = 0; round < 3; ++round) {
    for (const Version& version : Versions()) {
      Weights alone(store);
      const Outcome expected = RunVersion(alone, version);
      ExpectSame(RunVersion(store, version), expected);
    }
  }
}

TEST(TapeRecord, IsSharedByTapesThatRepeatIt) {
  for (const Version& version : Versions()) {
    Weights store;
    RunVersion(store, {});
    RunVersion(store, version);
    Tape tape;
    RecordVersion(tape, store, version);
    Tape again;
    RecordVersion(again, store, version);
    EXPECT_EQ(tape.Recorded(), again.Recorded());
  }
}

TEST(TapeRecord, EndsAtAnError) {
  Weights store;
  RunVersion(store, {});
  Tape tape;
  const Value x = tape.Feed(RandomFloats({4, 6}, 1));
  const Value h = x * 0.5;
  const Tape::ScopeMark scope(tape, "rnn");
  const Tape::StepMark mark(tape, 0);
  const Value wrong = MatMul(h, h);
  tape.Use(*store.Find("weights"));
  EXPECT_FALSE(wrong.valid());
  EXPECT_EQ(tape.status().message(),
            "matmul: inner sizes differ: left is (4, 6), right is (4, 6); in rnn");
  EXPECT_EQ(tape.size(), 3);
}

TEST(TapeRecord, MayBeRepeatedByManyThreads) {
  Weights store;
  const Version version = {.updates = false};
  const Outcome expected = RunVersion(store, version);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 20; ++round) {
        Tape tape;
        const Value x = tape.Feed(RandomFloats({4, 6}, 1));
        Value h = x * 0.5;
        for (int t = 0; t < 3; ++t) {
          const Tape::ScopeMark scope(tape, "rnn");
          const Tape::StepMark mark(tape, t);
          h = Tanh(MatMul(h, tape.Use(*store.Find("weights"))) + tape.Use(*store.Find("bias")));
        }
        const absl::StatusOr<std::vector<Tensor>> fetches = tape.Read({{h}});
        ASSERT_TRUE(fetches.ok()) << fetches.status();
        EXPECT_EQ(fetches->front().At(5), expected.fetches[0].At(5));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace sluice
