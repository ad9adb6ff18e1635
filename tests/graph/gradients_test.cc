#include <gtest/gtest.h>

#include <sluice/ops/composed.h>

#include "graph/tapes.h"

namespace sluice {
namespace {

std::vector<Tensor> ReadAll(Tape& tape, absl::Span<const Value> values) {
  absl::StatusOr<std::vector<Tensor>> read = tape.Read(values);
  EXPECT_TRUE(read.ok()) << read.status();
  return read.ok() ? *std::move(read) : std::vector<Tensor>(values.size());
}

TEST(Gradients, OfAValueUsedTwiceAddUp) {
  Tape tape;
  const Value x = tape.Feed(Floats({2}, {3, 4}));
  const Value y = x * x + x;
  EXPECT_EQ(ReadAll(tape, Gradients(y, {x}))[0].values<float>(), (std::vector<float>{7, 9}));
}

TEST(Gradients, OfAValueThatIsItsOwnTargetAreOnes) {
  Tape tape;
  const Value x = tape.Feed(Floats({2}, {3, 4}));
  EXPECT_EQ(ReadAll(tape, Gradients(x, {x}))[0].values<float>(), (std::vector<float>{1, 1}));
}

TEST(Gradients, OfAnUnusedValueAreZerosInItsShape) {
  Tape tape;
  const Value x = tape.Feed(Floats({}, {3}));
  const Value unused = tape.Feed(Floats({2, 3}, {1, 2, 3, 4, 5, 6}));
  const Value y = x * 2;
  const Value later = tape.Feed(Floats({4}, {1, 2, 3, 4}));
  const std::vector<Tensor> gradients = ReadAll(tape, Gradients(y, {unused, x, later}));
  EXPECT_TRUE(SameBits(gradients[0], Tensor(DType::kF32, {2, 3})));
  EXPECT_EQ(gradients[1].At(0), 2);
  EXPECT_TRUE(SameBits(gradients[2], Tensor(DType::kF32, {4})));
}

TEST(Gradients, MayBeTakenByIntermediateValues) {
  Tape tape;
  const Value x = tape.Feed(Floats({}, {3}));
  const Value square = x * x;
  const Value y = square * square;
  const std::vector<Tensor> gradients = ReadAll(tape, Gradients(y, {square, x}));
  EXPECT_EQ(gradients[0].At(0), 18);
  EXPECT_EQ(gradients[1].At(0), 108);
}

TEST(Gradients, AreOrdinaryOpsWithGradients) {
  Tape tape;
  const Value x = tape.Feed(Floats({}, {2}));
  const Value first = Gradients(x * x * x, {x})[0];
  const Value second = Gradients(first, {x})[0];
  const Value third = Gradients(second, {x})[0];
  const std::vector<Tensor> values = ReadAll(tape, {first, second, third});
  EXPECT_EQ(values[0].At(0), 12);
  EXPECT_EQ(values[1].At(0), 12);
  EXPECT_EQ(values[2].At(0), 6);
}

TEST(Gradients, SumOverBroadcastAxes) {
  Tape tape;
  const Value x = tape.Feed(Floats({2, 1}, {1, 2}));
  const Value y = tape.Feed(Floats({3}, {1, 10, 100}));
  const std::vector<Tensor> gradients = ReadAll(tape, Gradients(x * y, {x, y}));
  EXPECT_EQ(gradients[0].shape(), (Shape{2, 1}));
  EXPECT_EQ(gradients[0].values<float>(), (std::vector<float>{111, 111}));
  EXPECT_EQ(gradients[1].values<float>(), (std::vector<float>{3, 3, 3}));
}

TEST(Gradients, ByVariablesAreByTheirOldValues) {
  VariableStore store;
  Variable& variable = store.Create(
      "a", {DType::kF32, {}}, [](const TensorType&, RandomKey) { return Tensor::Scalar(5.0F); });
  Tape tape;
  const Value old = tape.Use(variable);
  const Value loss = old * old;
  tape.Write(variable, old + 1);
  Variable* const by[] = {&variable};
  EXPECT_EQ(ReadAll(tape, Gradients(loss, by))[0].At(0), 10);
}

TEST(Gradients, OfIntegersAreAnError) {
  Tape tape;
  const Value ids = tape.Feed(Tensor(Shape{2}, std::vector<int32_t>{1, 2}));
  EXPECT_FALSE(Gradients(ids, {ids})[0].valid());
  EXPECT_EQ(tape.status().message(),
            "gradients: the value is i32 (2); only f32 and f64 have gradients");
}

TEST(Gradients, ByIntegersAreAnError) {
  Tape tape;
  const Value ids = tape.Feed(Tensor(Shape{2}, std::vector<int32_t>{1, 2}));
  const Value x = tape.Feed(Floats({}, {1}));
  Gradients(x, {x, ids});
  EXPECT_EQ(tape.status().message(),
            "gradients: value 1 is i32 (2); only f32 and f64 have gradients");
}

TEST(Gradients, ByValuesOfAnotherTapeAreAnError) {
  Tape tape;
  Tape other;
  const Value x = tape.Feed(Floats({}, {1}));
  Gradients(x, {other.Feed(Floats({}, {1}))});
  EXPECT_EQ(tape.status().message(), "gradients: value 0 is not on this tape");
}

TEST(Gradients, StopWhereTheyAreStopped) {
  Tape tape;
  const Value x = tape.Feed(Floats({}, {3}));
  EXPECT_EQ(ReadAll(tape, Gradients(StopGradient(x) * x, {x}))[0].At(0), 3);
}

TEST(Gradients, OfSlicesOfOneTensorAreOneConcatenation) {
  constexpr int kSteps = 50;
  Tape tape;
  const Value x = tape.Feed(RandomFloats({kSteps, 4, 3}, 1));
  Value sum = Sum(Square(Index(x, 0)));
  for (int t = 1; t < kSteps; ++t) sum = sum + Sum(Square(Index(x, t)));
  const NodeId before = tape.size();
  const Value gradient = Gradients(sum, {x})[0];
  EXPECT_EQ(CountOps(tape.nodes(), "concat"), 1);
  for (NodeId id = before; id < tape.size(); ++id) {
    const Node& node = tape.nodes()[id];
    EXPECT_FALSE(node.op->accumulates && node.type.shape == x.shape()) << id;
  }
  const std::vector<Tensor> values = ReadAll(tape, {gradient, 2 * x});
  EXPECT_TRUE(SameBits(values[0], values[1]));
}

TEST(Gradients, OfSlicesThatOverlapOrLeaveGapsAddUp) {
  Tape tape;
  const Value x = tape.Feed(Floats({6}, {1, 2, 3, 4, 5, 6}));
  const Value y = Sum(Slice(x, 0, 1, 4)) + 10 * Sum(Slice(x, 0, 3, 5));
  EXPECT_EQ(ReadAll(tape, Gradients(y, {x}))[0].values<float>(),
            (std::vector<float>{0, 1, 1, 11, 10, 0}));
}

TEST(Gradients, OfSlicesAlongTwoAxesAddUp) {
  Tape tape;
  const Value x = tape.Feed(Floats({2, 2}, {1, 2, 3, 4}));
  const Value y = Sum(Slice(x, 0, 0, 1)) + 10 * Sum(Slice(x, 1, 0, 1)) + 100 * Sum(x);
  EXPECT_EQ(ReadAll(tape, Gradients(y, {x}))[0].values<float>(),
            (std::vector<float>{111, 101, 110, 100}));
}

TEST(Gradients, OfGathersFromOneTableAreOneScatter) {
  Tape tape;
  const Value table = tape.Feed(RandomFloats({5, 2}, 1));
  Value sum = tape.Constant(0, DType::kF32);
  for (int t = 0; t < 10; ++t) {
    const Value ids = tape.Feed(Tensor(Shape{2}, std::vector<int32_t>{t % 4, 0}));
    sum = sum + Sum(Gather(table, ids));
  }
  const Value gradient = Gradients(sum, {table})[0];
  EXPECT_EQ(CountOps(tape.nodes(), "scatter_add"), 1);
  EXPECT_EQ(ReadAll(tape, {gradient})[0].values<float>(),
            (std::vector<float>{13, 13, 3, 3, 2, 2, 2, 2, 0, 0}));
}

TEST(Gradients, BelongToTheScopeAndStepOfWhatTheyDifferentiate) {
  Tape tape;
  const Value x = tape.Feed(Floats({}, {3}));
  Value y;
  {
    const Tape::ScopeMark scope(tape, "rnn");
    const Tape::StepMark step(tape, 4);
    y = Tanh(x);
  }
  const Value gradient = Gradients(y, {x})[0];
  EXPECT_EQ(tape.nodes().scope(gradient.node()), "rnn");
  EXPECT_EQ(tape.nodes()[gradient.node()].step, 4);
  EXPECT_EQ(tape.nodes()[(x + x).node()].step, -1);
}

TEST(Gradients, FailOnARuleThatMakesAnotherType) {
  const Op wrong = {.name = "wrong",
                    .kind = OpKind::kMove,
                    .formula = "x",
                    .type = OpRegistry::Global().Find("negate")->type,
                    .kernel = OpRegistry::Global().Find("negate")->kernel,
                    .gradient = [](const GradientArguments& arguments) {
                      return InputGradients{Sum(arguments.gradient)};
                    }};
  Tape tape;
  const Value x = tape.Feed(Floats({2}, {1, 2}));
  Gradients(tape.Record(wrong, {x}), {x});
  EXPECT_EQ(tape.status().message(),
            "wrong: its gradient rule made f32 () for input 0, which is f32 (2)");
}

struct ChainCounts {
  int64_t forward;
  int64_t both;
  int64_t planned;
};

ChainCounts RunChain(int length) {
  Tape tape;
  const Value x = tape.Feed(Floats({}, {0.5}));
  Value y = x;
  for (int i = 0; i < length; ++i) y = Sin(y);
  ChainCounts counts = {tape.size(), 0, 0};
  const Value gradient = Gradients(y, {x})[0];
  counts.both = tape.size();
  absl::StatusOr<Program> program = Plan(tape, {y, gradient});
  EXPECT_TRUE(program.ok()) << program.status();
  counts.planned = program->nodes().size();
  EXPECT_TRUE(program->Run().ok());
  return counts;
}

TEST(Gradients, OfAMillionNodesAreLinear) {
  const ChainCounts small = RunChain(1000);
  const ChainCounts large = RunChain(1'000'000);
  EXPECT_LE(large.forward, 1000 * small.forward);
  EXPECT_LE(large.both, 1000 * small.both);
  EXPECT_LE(large.both, 4 * large.forward);
  EXPECT_LE(large.planned, 1000 * small.planned);
}

TEST(Gradients, OfManyUsesOfOneValueAreLinear) {
  Tape tape;
  const Value x = tape.Feed(Floats({}, {0}));
  Value sum = x;
  constexpr int kUses = 300'000;
  for (int i = 0; i < kUses; ++i) sum = sum + x;
  const NodeId forward = tape.size();
  const Value gradient = Gradients(sum, {x})[0];
  EXPECT_LE(tape.size(), 4 * forward);
  EXPECT_EQ(ReadAll(tape, {gradient})[0].At(0), kUses + 1);
}

}  // namespace
}  // namespace sluice
