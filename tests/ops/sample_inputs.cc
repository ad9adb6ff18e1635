// The part of op_cases.h that makes inputs of samples.

#include <algorithm>
#include <cmath>

#include <sluice/graph/random.h>
#include <sluice/graph/tape.h>

#include "ops/op_cases.h"

namespace sluice::testing {
namespace {

// A different number for each of `count` elements, evenly spread, in random order.
std::vector<double> Spread(int64_t count, double low, double high, RandomStream& random) {
  std::vector<double> numbers(count);
  for (int64_t i = 0; i < count; ++i) {
    numbers[i] = low + (high - low) * (static_cast<double>(i) + 0.5) / static_cast<double>(count);
  }
  random.Shuffle(numbers);
  return numbers;
}

double DrawOne(const SampleInput& input, Draw draw, RandomStream& random) {
  while (true) {
    double number = input.low + (input.high - input.low) * random.Uniform();
    if (draw == Draw::kHalves) number = std::floor(2 * number) / 2;
    if (draw != Draw::kOffZero || std::abs(number) >= 0.05) return number;
  }
}

// Where an op's `integers` name a dtype, for a sample's dtype says nothing about it.
int DTypePosition(const Op& op) {
  if (op.name == "cast") return 0;
  if (op.kind == OpKind::kRandom) return 1;
  return -1;
}

}  // namespace

Sample Retyped(const Op& op, const Sample& sample, DType dtype) {
  Sample result = sample;
  for (SampleInput& input : result.inputs) {
    if (IsFloat(input.type.dtype)) input.type.dtype = dtype;
  }
  if (const int position = DTypePosition(op); position >= 0) {
    result.attributes.integers[position] = static_cast<int64_t>(dtype);
  }
  return result;
}

std::vector<Tensor> DrawInputs(const Sample& sample, Draw draw, uint64_t seed) {
  RandomStream random(seed);
  int64_t count = 0;
  for (const SampleInput& input : sample.inputs) count += input.type.shape.elements();
  const SampleInput& first = sample.inputs.front();
  const std::vector<double> spread = Spread(count, first.low, first.high, random);
  size_t next = 0;
  std::vector<Tensor> tensors;
  for (const SampleInput& input : sample.inputs) {
    Tensor tensor(DType::kF64, input.type.shape);
    for (double& element : tensor.values<double>()) {
      if (input.type.dtype == DType::kI32) {
        element = std::floor(input.low + (input.high - input.low) * random.Uniform());
      } else {
        element = draw == Draw::kApart ? spread[next++] : DrawOne(input, draw, random);
        element = static_cast<float>(element);
      }
    }
    tensors.push_back(tensor.Cast(input.type.dtype));
  }
  return tensors;
}

Value RecordSample(const Op& op, const Sample& sample, absl::Span<const Value> inputs) {
  return inputs.front().tape()->Record(op, inputs, sample.attributes);
}

}  // namespace sluice::testing
