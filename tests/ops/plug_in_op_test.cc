// Ops that a user registers: a right one works and is planned like the library's, a wrong gradient
// is found.

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/graph/gradients.h>
#include <sluice/graph/passes/run_passes.h>
#include <sluice/graph/registry.h>
#include <sluice/ops/elementwise.h>
#include <sluice/ops/product.h>
#include <sluice/ops/reduction.h>

#include "support/gradient_check.h"
#include "support/memory_replay.h"

namespace sluice::testing {
namespace {

template <typename T, T (*kFunction)(T)>
void Tile(int64_t n, const void* const* inputs, double, void* output) {
  const T* in = static_cast<const T*>(inputs[0]);
  T* out = static_cast<T*>(output);
  for (int64_t i = 0; i < n; ++i) out[i] = kFunction(in[i]);
}

template <typename T>
T TanhOf(T x) {
  return std::tanh(x);
}
template <typename T>
T ArctanOf(T x) {
  return std::atan(x);
}

Op Unary(const char* name, const char* formula, TileFunctions tiles, Differentiation gradient) {
  return {.name = name,
          .kind = OpKind::kElementwise,
          .formula = formula,
          .arity = 1,
          .type = ElementwiseType,
          .kernel = RunElementwise,
          .gradient = std::move(gradient),
          .tiles = tiles,
          .flops = [](absl::Span<const TensorType>, const TensorType& output) {
            return 20 * static_cast<double>(output.shape.elements());
          }};
}

const TileFunctions kTanhTiles{Tile<float, TanhOf<float>>, Tile<double, TanhOf<double>>};
const TileFunctions kArctanTiles{Tile<float, ArctanOf<float>>, Tile<double, ArctanOf<double>>};

const RegisterOps kOps({
    // The derivative is 1 - y^2; this one forgets the square.
    Unary("test_wrong_tanh", "tanh(x)", kTanhTiles,
          [](const GradientArguments& arguments) {
            return InputGradients{arguments.gradient * (1 - arguments.output)};
          }),
    // Right in value, wrong only in the second derivative: the gradient's own gradient is cut.
    Unary("test_once_tanh", "tanh(x)", kTanhTiles,
          [](const GradientArguments& arguments) {
            return InputGradients{arguments.gradient *
                                  (1 - Square(StopGradient(arguments.output)))};
          }),
    // Wrong in one element of many: the first row's gradient is 1 % too large.
    Unary("test_nearly_tanh", "tanh(x)", kTanhTiles,
          [](const GradientArguments& arguments) {
            const Value x = arguments.inputs[0];
            const Value excess = 0.01 * Equal(x, Max(x)) + NumberLike(1, x);
            return InputGradients{arguments.gradient * (1 - Square(arguments.output)) * excess};
          }),
    Unary("test_arctan", "arctan(x)", kArctanTiles,
          [](const GradientArguments& arguments) {
            return InputGradients{arguments.gradient / (1 + Square(arguments.inputs[0]))};
          }),
});

// ---- Ops of other kinds, for planning ----

// (R, C) -> (R, C): each row from its end.
absl::Status ReverseRows(const KernelArguments& arguments) {
  const Shape& shape = arguments.inputs[0].type.shape;
  const auto* in = arguments.inputs[0].as<double>();
  auto* out = arguments.output.as<double>();
  for (int64_t i = 0; i < shape.elements(); ++i) {
    const int64_t column = i % shape.back(0);
    out[i] = in[i - column + shape.back(0) - 1 - column];
  }
  return absl::OkStatus();
}

// (R, C) -> (C)
absl::Status SumSquares(const KernelArguments& arguments) {
  const Shape& shape = arguments.inputs[0].type.shape;
  const auto* in = arguments.inputs[0].as<double>();
  auto* out = arguments.output.as<double>();
  std::fill_n(out, shape.back(0), 0.0);
  for (int64_t i = 0; i < shape.elements(); ++i) out[i % shape.back(0)] += in[i] * in[i];
  return absl::OkStatus();
}

// 3 x, or 3 x + y.
absl::Status Triple(const KernelArguments& arguments) {
  const auto* in = arguments.inputs[0].as<double>();
  auto* out = arguments.output.as<double>();
  for (int64_t i = 0; i < arguments.output.type.shape.elements(); ++i) {
    out[i] = 3 * in[i] + (arguments.inputs.size() > 1 ? arguments.inputs[1].as<double>()[i] : 0);
  }
  return absl::OkStatus();
}

absl::StatusOr<TensorType> LikeInput(const TypeArguments& arguments) { return arguments.inputs[0]; }
absl::StatusOr<TensorType> OneRow(const TypeArguments& arguments) {
  return TensorType{arguments.inputs[0].dtype, {arguments.inputs[0].shape.back(0)}};
}
double OneAnElement(absl::Span<const TensorType>, const TensorType& output) {
  return static_cast<double>(output.shape.elements());
}
template <typename T>
void PlusTile(int64_t n, const void* const* inputs, double, void* output) {
  const T* a = static_cast<const T*>(inputs[0]);
  const T* b = static_cast<const T*>(inputs[1]);
  for (int64_t i = 0; i < n; ++i) static_cast<T*>(output)[i] = a[i] + b[i];
}

const RegisterOps kPlannedOps({
    {.name = "test_reversed_rows",
     .kind = OpKind::kMove,
     .formula = "each row of x from its end",
     .type = LikeInput,
     .kernel = ReverseRows,
     .gradient = Differentiation::None(),
     .flops = OneAnElement,
     .row_by_row = [](const Attributes&, const Shape&) { return true; },
     .copies = true},
    {.name = "test_squares_of_columns",
     .kind = OpKind::kReduction,
     .formula = "sum of x^2 over rows",
     .type = OneRow,
     .kernel = SumSquares,
     .gradient = Differentiation::None(),
     .flops = OneAnElement,
     .adds_over_rows = [](const Attributes&) { return true; }},
    {.name = "test_plus",
     .kind = OpKind::kElementwise,
     .formula = "a + b",
     .arity = 2,
     .type = ElementwiseType,
     .kernel = RunElementwise,
     .gradient = Differentiation::None(),
     .tiles = {PlusTile<float>, PlusTile<double>},
     .flops = OneAnElement,
     .neutral = 0},
    {.name = "test_thrice",
     .kind = OpKind::kMove,
     .formula = "3 x",
     .type = LikeInput,
     .kernel = Triple,
     .gradient = Differentiation::None(),
     .flops = OneAnElement,
     .adding = "test_thrice_onto"},
    {.name = "test_thrice_onto",
     .kind = OpKind::kMove,
     .formula = "3 x + y",
     .arity = 2,
     .type = LikeInput,
     .kernel = Triple,
     .gradient = Differentiation::None(),
     .flops = OneAnElement,
     .overwritable_input = 1},
    {.name = "test_f32_only",
     .kind = OpKind::kElementwise,
     .formula = "tanh(x)",
     .type = ElementwiseType,
     .kernel = RunElementwise,
     .gradient = Differentiation::None(),
     .tiles = {Tile<float, TanhOf<float>>},
     .flops = OneAnElement},
});

Function Recorded(absl::string_view name) {
  const Op* op = OpRegistry::Global().Find(name);
  return [op](absl::Span<const Value> inputs) { return inputs[0].tape()->Record(*op, inputs); };
}

Tensor Numbers() {
  Tensor numbers(DType::kF64, {4, 5});
  for (int64_t i = 0; i < 20; ++i) numbers.data<double>()[i] = 0.17 * static_cast<double>(i) - 1.6;
  return numbers;
}

TEST(GradientCheck, FindsWrongGradient) {
  const GradientCheck check = CheckGradient(Recorded("test_wrong_tanh"), {Numbers()});
  EXPECT_FALSE(check.ok);
  EXPECT_GT(check.worst_error, 0.5);
  EXPECT_EQ(check.report.find("input 0, element ("), 0U) << check.report;
}

TEST(GradientCheck, FindsWrongSecondGradient) {
  EXPECT_TRUE(CheckGradient(Recorded("test_once_tanh"), {Numbers()}).ok);
  const GradientCheck check = CheckSecondGradient(Recorded("test_once_tanh"), {Numbers()});
  EXPECT_FALSE(check.ok);
  EXPECT_GT(check.worst_error, 0.5);
}

TEST(GradientCheck, FindsOneWrongElementAndNamesIt) {
  const GradientCheck check = CheckGradient(Recorded("test_nearly_tanh"), {Numbers()});
  EXPECT_FALSE(check.ok);
  EXPECT_NEAR(check.worst_error, 0.01, 1e-3);
  EXPECT_EQ(check.report.find("input 0, element (3, 4) of (4, 5): analytic "), 0U) << check.report;
}

TEST(GradientCheck, DoesNotPassWhereNothingIsCompared) {
  const GradientCheck no_floats =
      CheckGradient([](absl::Span<const Value> inputs) { return Cast(inputs[0], DType::kF64); },
                    {Tensor::Scalar<int32_t>(1)});
  EXPECT_FALSE(no_floats.ok);
  EXPECT_EQ(no_floats.report, "there is no float input to compare");
  const GradientCheck f32 = CheckGradient(
      [](absl::Span<const Value> inputs) { return Tanh(inputs[0]); }, {Tensor::Scalar(1.0F)});
  EXPECT_FALSE(f32.ok);
  EXPECT_EQ(f32.report, "an input is f32; use f64");
  const GradientCheck error = CheckGradient(
      [](absl::Span<const Value> inputs) { return Sum(inputs[0], {7}); }, {Numbers()});
  EXPECT_FALSE(error.ok);
  EXPECT_EQ(error.report, "sum: axis 7 is not an axis of (4, 5)");
}

TEST(GradientCheck, NotANumberFails) {
  const GradientCheck check = CheckGradient(
      [](absl::Span<const Value> inputs) { return Sqrt(inputs[0]); }, {Tensor::Scalar(-1.0)});
  EXPECT_FALSE(check.ok);
  EXPECT_EQ(check.worst_error, std::numeric_limits<double>::infinity());
}

TEST(PlugInOp, WorksLikeTheLibrarysOwn) {
  ASSERT_TRUE(RegistrationStatus().ok());
  EXPECT_TRUE(CheckGradient(Recorded("test_arctan"), {Numbers()}).ok);
  EXPECT_TRUE(CheckSecondGradient(Recorded("test_arctan"), {Numbers()}).ok);

  // Broadcast into, computed in place, differentiated along with the library's ops, in f32.
  Tape tape;
  const Op& arctan = *OpRegistry::Global().Find("test_arctan");
  const Value x = tape.Feed(Numbers().Cast(DType::kF32));
  const Value y = Tanh(tape.Record(arctan, {2 * x}));
  const absl::StatusOr<std::vector<Tensor>> read = tape.Read({y, Gradients(y, {x})[0]});
  ASSERT_TRUE(read.ok()) << read.status();
  for (int64_t i = 0; i < 20; ++i) {
    const double number = Numbers().At(i);
    const double expected = std::tanh(std::atan(2 * number));
    EXPECT_NEAR((*read)[0].At(i), expected, 1e-6);
    EXPECT_NEAR((*read)[1].At(i), (1 - expected * expected) * 2 / (1 + 4 * number * number), 2e-6);
  }
}

// ---- Planning: by what a record says, not by who wrote it ----

PlanGraph FullPlan(const std::vector<Value>& fetches) {
  return RunPasses(GraphOf(*fetches[0].tape(), fetches), PlanLevel::kFull);
}

std::vector<std::string> NamesOf(const PlanGraph& graph) {
  std::vector<std::string> names;
  for (NodeId id = 0; id < graph.nodes.size(); ++id) names.push_back(graph.nodes[id].op->name);
  return names;
}

// Level full gives what level debug gives, for any number of threads.
void ExpectPlansAgree(const std::vector<Value>& fetches) {
  Tape& tape = *fetches[0].tape();
  const auto debug = tape.Read(fetches, {.plan = {.level = PlanLevel::kDebug}});
  ASSERT_TRUE(debug.ok()) << debug.status();
  for (const int count : {1, 2, 3}) {
    const Threads threads(count);
    const auto full = tape.Read(fetches, {.arena = threads.arena()});
    ASSERT_TRUE(full.ok()) << full.status();
    for (size_t i = 0; i < fetches.size(); ++i) {
      for (int64_t k = 0; k < (*debug)[i].elements(); ++k) {
        ASSERT_NEAR((*full)[i].At(k), (*debug)[i].At(k), 1e-12) << "fetch " << i;
      }
    }
  }
  ExpectMemoryHolds(tape, fetches);
}

class PlannedPlugIn : public ::testing::Test {
 protected:
  Value Feed(const Shape& shape) {
    Tensor tensor(DType::kF64, shape);
    RandomStream random(MakeRandomKey(++feeds_, "plug-in"));
    for (double& element : tensor.values<double>()) element = random.Uniform() - 0.5;
    return tape_.Feed(tensor);
  }
  Value Call(absl::string_view name, std::vector<Value> inputs, Attributes attributes = {}) {
    return tape_.Record(*OpRegistry::Global().Find(name), inputs, attributes);
  }

  Tape tape_;
  uint64_t feeds_ = 0;
};

TEST_F(PlannedPlugIn, ElementwiseOpsRunInGroups) {
  const Value x = Feed({70, 50});
  Value y = x;
  for (int i = 0; i < 9; ++i) y = Call("test_arctan", {y * 2});
  const Stages stages = FindStages(FullPlan({y}));
  ASSERT_EQ(stages.groups.size(), 1U);
  EXPECT_EQ(stages.groups[0].members.size(), 18U);
  ExpectPlansAgree({y});
}

TEST_F(PlannedPlugIn, RowByRowOpsRunInChains) {
  const Value w = Feed({48, 48});
  Value h = Feed({67, 48});
  for (int i = 0; i < 6; ++i) h = Call("test_reversed_rows", {MatMul(h, w)});
  const PlanGraph graph = FullPlan({h});
  const Stages stages = FindStages(graph);
  for (NodeId id = 0; id < graph.nodes.size(); ++id) {
    if (graph.nodes[id].op->name != "test_reversed_rows") continue;
    ASSERT_NE(stages.stage_of[id], Stages::kNone);
    EXPECT_EQ(stages.stages[stages.stage_of[id]].rows, 67);
  }
  EXPECT_EQ(stages.stages.size(), 1U);
  ExpectPlansAgree({h});
}

TEST_F(PlannedPlugIn, CallsThatAddOverRowsAreJoined) {
  const Value x = Feed({3, 4}), y = Feed({5, 4});
  const Value sum = Call("test_squares_of_columns", {x}) + Call("test_squares_of_columns", {y});
  EXPECT_THAT(NamesOf(FullPlan({sum})),
              ::testing::ElementsAre("feed", "feed", "concat", "test_squares_of_columns"));
  ExpectPlansAgree({sum});
}

TEST_F(PlannedPlugIn, CopiesOfConstantsAreConstants) {
  const Value x = Feed({3, 4});
  const Value copy = Call("test_reversed_rows", {tape_.Constant(2, DType::kF64, {3, 4})});
  EXPECT_THAT(NamesOf(FullPlan({x - copy})),
              ::testing::UnorderedElementsAre("feed", "constant", "subtract"));
  ExpectPlansAgree({x - copy});
}

TEST_F(PlannedPlugIn, NeutralNumbersGo) {
  const Value x = Feed({3, 4});
  const Value same = Call("test_plus", {x, tape_.Constant(0, DType::kF64)});
  const Value other = Call("test_plus", {x, tape_.Constant(1, DType::kF64)});
  EXPECT_THAT(NamesOf(FullPlan({Exp(same)})), ::testing::ElementsAre("feed", "exp"));
  EXPECT_THAT(NamesOf(FullPlan({other})),
              ::testing::UnorderedElementsAre("feed", "constant", "test_plus"));
  ExpectPlansAgree({Exp(same), other});
}

TEST_F(PlannedPlugIn, ResultsAreAddedInPlace) {
  const Value x = Feed({3, 4}), y = Exp(Feed({3, 4}));
  const Value sum = Call("test_thrice", {x}) + y;
  const PlanGraph graph = FullPlan({sum});
  EXPECT_THAT(NamesOf(graph), ::testing::ElementsAre("feed", "feed", "exp", "test_thrice_onto"));
  const MemoryPlan plan = PlaceValues(graph, /*reuse=*/true, FindStages(graph));
  EXPECT_EQ(plan.places[3].offset, plan.places[2].offset);
  ExpectPlansAgree({sum});
}

// ---- Records that cannot work ----

TEST(PlugInOp, ElementwiseOpsTakeNoMoreInputsThanAKernelHolds) {
  for (const int arity : {kAnyNumber, 0, 9}) {
    Op op = Unary("test_too_many", "x", kTanhTiles, Differentiation::None());
    op.arity = arity;
    EXPECT_EQ(OpRegistry::Global().Add(op).message(),
              "op \"test_too_many\": an element-wise op takes 1 to 8 inputs");
  }
  EXPECT_EQ(OpRegistry::Global().Find("test_too_many"), nullptr);
}

TEST(PlugInOp, ProductsTakeTwoOperands) {
  for (const int arity : {kAnyNumber, 0, 1}) {
    Op op = *OpRegistry::Global().Find("matmul");
    op.name = "test_half_product";
    op.arity = arity;
    EXPECT_EQ(OpRegistry::Global().Add(op).message(),
              "op \"test_half_product\": a product takes a left and a right operand");
  }
  EXPECT_EQ(OpRegistry::Global().Find("test_half_product"), nullptr);
}

TEST(PlugInOp, ElementwiseOpsWithoutAFunctionOfADtypeTakeNoneOfIt) {
  Tape tape;
  const Value x = tape.Feed(Tensor(DType::kF64, {3}));
  tape.Record(*OpRegistry::Global().Find("test_f32_only"), {x});
  EXPECT_EQ(tape.status().message(), "test_f32_only: has no tile function for f64");
}

}  // namespace
}  // namespace sluice::testing
