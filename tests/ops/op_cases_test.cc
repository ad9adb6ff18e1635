// Every registered op through its record's samples: forward, first and second gradients. An op
// without samples or without a case fails here.

#include "ops/op_cases.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/graph/gradients.h>
#include <sluice/graph/registry.h>

#include "support/gradient_check.h"
#include "support/read.h"

namespace sluice::testing {
namespace {

using Condition = bool (*)(const Op&);

// Ops of the library, without those that tests registered and those that have a check of their own.
std::vector<std::string> RegisteredOps(Condition condition) {
  std::vector<std::string> names;
  for (const Op* op : OpRegistry::Global().All()) {
    const OpCase* op_case = FindCase(op->name);
    const bool own = op_case != nullptr && op_case->own_check != nullptr;
    if (!absl::StartsWith(op->name, "test_") && !own && condition(*op)) names.push_back(op->name);
  }
  return names;
}

std::string Describe(const Sample& sample) {
  return absl::StrJoin(sample.inputs, ", ", [](std::string* text, const SampleInput& input) {
    absl::StrAppend(text, input.type.ToString());
  });
}

double Ulp(double number) {
  const auto magnitude = static_cast<float>(std::fabs(number));
  return std::nextafter(magnitude, std::numeric_limits<float>::infinity()) - magnitude;
}

class AnyOp : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const absl::Status tested = CheckIsTested(op_);
    ASSERT_TRUE(tested.ok()) << tested.message();
  }

  // The samples in a dtype; one that its record gives in that very dtype is taken as it is.
  std::vector<Sample> SamplesIn(DType dtype) const {
    std::vector<Sample> samples;
    for (const Sample& sample : op_.samples) {
      // A packed operand's shape is that of its dtype's kernel.
      const bool fixed = absl::StartsWith(op_.name, "packed_matmul");
      if (fixed && sample.inputs.front().type.dtype != dtype) continue;
      samples.push_back(fixed ? sample : Retyped(op_, sample, dtype));
    }
    return samples;
  }

  absl::StatusOr<Tensor> Run(const Sample& sample, absl::Span<const Tensor> inputs,
                             PlanLevel level) const {
    Tape tape;
    std::vector<Value> feeds;
    for (const Tensor& input : inputs) feeds.push_back(tape.Feed(input));
    const Value value = RecordSample(op_, sample, feeds);
    return ReadTensor(value, {.plan = {.level = level}});
  }

  double Tolerance(const ReferenceArguments& arguments, double expected, double magnitude) const {
    if (!IsFloat(arguments.output.dtype)) return 0;
    const bool is_sum = case_->accuracy == Accuracy::kSum;
    if (arguments.output.dtype == DType::kF64) {
      return 1e-12 * (is_sum ? magnitude : std::fabs(expected));
    }
    switch (case_->accuracy) {
      case Accuracy::kRounded:
        return Ulp(expected);
      case Accuracy::kFunction:
        return 4 * Ulp(expected);
      case Accuracy::kSum:
        return 2e-6 * magnitude;
      case Accuracy::kNormal:
        break;
    }
    return 4e-6;
  }

  void ExpectReference(const Sample& sample, PlanLevel level) const {
    SCOPED_TRACE(absl::StrCat(Describe(sample), level == PlanLevel::kDebug ? ", debug" : ""));
    const std::vector<Tensor> inputs = DrawInputs(sample, case_->draw, 3);
    const absl::StatusOr<Tensor> result = Run(sample, inputs, level);
    ASSERT_TRUE(result.ok()) << result.status();
    const ReferenceArguments arguments{inputs, sample.attributes, result->type()};
    const std::vector<double> expected = case_->reference(arguments);
    std::vector<Tensor> magnitudes;
    for (const Tensor& input : inputs) {
      magnitudes.push_back(input.Clone());
      if (input.dtype() == DType::kF32) {
        for (float& element : magnitudes.back().values<float>()) element = std::fabs(element);
      } else if (input.dtype() == DType::kF64) {
        for (double& element : magnitudes.back().values<double>()) element = std::fabs(element);
      }
    }
    const std::vector<double> magnitude =
        case_->accuracy == Accuracy::kSum
            ? case_->reference({magnitudes, sample.attributes, result->type()})
            : expected;
    ASSERT_EQ(result->elements(), static_cast<int64_t>(expected.size()));
    for (size_t i = 0; i < expected.size(); ++i) {
      const double tolerance = Tolerance(arguments, expected[i], magnitude[i]);
      ASSERT_LE(std::fabs(result->At(static_cast<int64_t>(i)) - expected[i]), tolerance)
          << "element " << i << " is " << result->At(static_cast<int64_t>(i)) << ", not "
          << expected[i];
    }
  }

  bool IsFlatIn(size_t input) const {
    return std::find(case_->flat_inputs.begin(), case_->flat_inputs.end(), input) !=
           case_->flat_inputs.end();
  }

  // The op as a function of the inputs that it is not flat in; and these inputs.
  std::pair<Function, std::vector<Tensor>> Differentiable(const Sample& sample) const {
    const std::vector<Tensor> inputs = DrawInputs(sample, case_->draw, 4);
    std::vector<Tensor> moved;
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!IsFlatIn(i)) moved.push_back(inputs[i]);
    }
    const Function function = [this, sample, inputs](absl::Span<const Value> values) {
      std::vector<Value> all;
      size_t next = 0;
      for (size_t i = 0; i < inputs.size(); ++i) {
        all.push_back(IsFlatIn(i) ? values.front().tape()->Feed(inputs[i]) : values[next++]);
      }
      return RecordSample(op_, sample, all);
    };
    return {function, moved};
  }

  // Samples that a gradient check can take: f64 in, f64 out.
  std::vector<Sample> SamplesToDifferentiate() const {
    std::vector<Sample> samples;
    for (const Sample& sample : SamplesIn(DType::kF64)) {
      for (const SampleInput& input : sample.inputs) {
        if (!IsFloat(input.type.dtype)) continue;
        samples.push_back(sample);
        break;
      }
    }
    return samples;
  }

  const Op& op_ = *OpRegistry::Global().Find(GetParam());
  const OpCase* case_ = FindCase(GetParam());
};

class IntegerOp : public AnyOp {};
class DifferentiableOp : public AnyOp {};

TEST_P(AnyOp, AgreesWithReferenceInF64) {
  for (const Sample& sample : SamplesIn(DType::kF64)) {
    ExpectReference(sample, PlanLevel::kSimple);
    ExpectReference(sample, PlanLevel::kDebug);
  }
}

TEST_P(AnyOp, AgreesWithReferenceInF32) {
  for (const Sample& sample : SamplesIn(DType::kF32)) {
    ExpectReference(sample, PlanLevel::kSimple);
    ExpectReference(sample, PlanLevel::kDebug);
  }
}

TEST_P(IntegerOp, AgreesWithReference) {
  for (const Sample& sample : op_.samples) {
    ExpectReference(Retyped(op_, sample, DType::kI32), PlanLevel::kSimple);
  }
}

TEST_P(AnyOp, AgreesWithReferenceOfLargeInputs) {
  for (const Sample& sample : case_->large) ExpectReference(sample, PlanLevel::kSimple);
}

TEST_P(DifferentiableOp, HasExactGradient) {
  ASSERT_FALSE(SamplesToDifferentiate().empty());
  for (const Sample& sample : SamplesToDifferentiate()) {
    SCOPED_TRACE(Describe(sample));
    const auto [function, inputs] = Differentiable(sample);
    const GradientCheck check = CheckGradient(function, inputs);
    EXPECT_TRUE(check.ok) << check.report;
  }
}

TEST_P(DifferentiableOp, HasExactSecondGradient) {
  for (const Sample& sample : SamplesToDifferentiate()) {
    SCOPED_TRACE(Describe(sample));
    const auto [function, inputs] = Differentiable(sample);
    const GradientCheck check = CheckSecondGradient(function, inputs);
    EXPECT_TRUE(check.ok) << check.report;
  }
}

// An op without a gradient, or an input that an op is flat in: zeros of the input's shape.
TEST_P(AnyOp, HasZeroGradientWhereItIsFlat) {
  for (const DType dtype : {DType::kF32, DType::kF64}) {
    for (const Sample& sample : SamplesIn(dtype)) {
      SCOPED_TRACE(Describe(sample));
      Tape tape;
      std::vector<Value> inputs;
      for (const Tensor& tensor : DrawInputs(sample, case_->draw, 5)) {
        inputs.push_back(tape.Feed(tensor));
      }
      const Value result = RecordSample(op_, sample, inputs);
      ASSERT_TRUE(result.valid()) << tape.status();
      for (size_t i = 0; i < inputs.size(); ++i) {
        if (op_.gradient.differentiable() && !IsFlatIn(i)) continue;
        if (!IsFloat(inputs[i].dtype())) continue;
        const absl::StatusOr<std::vector<Tensor>> read = tape.Read(Gradients(result, {inputs[i]}));
        ASSERT_TRUE(read.ok()) << read.status();
        EXPECT_TRUE(SameBits(read->front(), Tensor(inputs[i].type()))) << "input " << i;
      }
    }
  }
}

std::string NameOf(const ::testing::TestParamInfo<std::string>& test) { return test.param; }

INSTANTIATE_TEST_SUITE_P(Registered, AnyOp,
                         ::testing::ValuesIn(RegisteredOps([](const Op&) { return true; })),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(Registered, IntegerOp, ::testing::ValuesIn(RegisteredOps([](const Op& op) {
                           return op.kind == OpKind::kElementwise && op.tiles.i32 != nullptr;
                         })),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(Registered, DifferentiableOp,
                         ::testing::ValuesIn(RegisteredOps([](const Op& op) {
                           return op.gradient.differentiable();
                         })),
                         NameOf);

TEST(SourceOp, PassesItsOwnCheck) {
  for (const OpCase& op_case : OpCases()) {
    if (op_case.own_check == nullptr) continue;
    const absl::Status status = op_case.own_check();
    EXPECT_TRUE(status.ok()) << op_case.name << ": " << status;
  }
}

TEST(OpCases, NameRegisteredOpsOnly) {
  EXPECT_TRUE(RegistrationStatus().ok()) << RegistrationStatus();
  for (const OpCase& op_case : OpCases()) {
    EXPECT_NE(OpRegistry::Global().Find(op_case.name), nullptr) << op_case.name;
  }
}

TEST(OpCases, RejectOpThatNobodyTests) {
  Op op = *OpRegistry::Global().Find("tanh");
  EXPECT_TRUE(CheckIsTested(op).ok());
  op.samples.clear();
  EXPECT_EQ(CheckIsTested(op).message(), "op \"tanh\" has no samples in its record");
  op = *OpRegistry::Global().Find("tanh");
  op.name = "arctan";
  EXPECT_EQ(CheckIsTested(op).message(), "op \"arctan\" has no case in tests/ops/op_cases.cc");
}

}  // namespace
}  // namespace sluice::testing
