#include "support/gradient_check.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <sluice/graph/gradients.h>
#include <sluice/graph/program.h>
#include <sluice/graph/random.h>
#include <sluice/ops/elementwise.h>
#include <sluice/ops/movement.h>

namespace sluice::testing {
namespace {

// Away from zero, so that no element of the function goes unseen.
Tensor Weights(const Shape& shape, uint64_t seed) {
  RandomStream random(seed);
  Tensor weights(DType::kF64, shape);
  for (double& weight : weights.values<double>()) {
    weight = (random.Uniform() < 0.5 ? -1 : 1) * (0.5 + random.Uniform());
  }
  return weights;
}

GradientCheck NothingCompared(absl::string_view why) {
  return {false, std::numeric_limits<double>::infinity(), std::string(why)};
}

std::string Place(const Shape& shape, int64_t position) {
  std::vector<int64_t> index;
  const auto strides = RowMajorStrides(shape);
  for (int axis = 0; axis < shape.rank(); ++axis) {
    index.push_back(position / strides[axis] % shape[axis]);
  }
  return absl::StrCat("(", absl::StrJoin(index, ", "), ")");
}

std::vector<Value> FloatsOf(absl::Span<const Value> values) {
  std::vector<Value> floats;
  for (const Value& value : values) {
    if (IsFloat(value.dtype())) floats.push_back(value);
  }
  return floats;
}

// The function, planned, with inputs that change one element at a time.
class MovedInputs {
 public:
  MovedInputs(Program program, std::vector<Value> feeds, absl::Span<const Tensor> inputs)
      : program_(std::move(program)), feeds_(std::move(feeds)) {
    for (const Tensor& input : inputs) inputs_.push_back(input.Clone());
  }

  // The derivative of the weighted sum by one element, from central differences with a step and
  // with half of it.
  absl::StatusOr<double> Derivative(size_t input, int64_t position, double step,
                                    const Tensor& weights) {
    const absl::StatusOr<double> whole = Difference(input, position, step, weights);
    if (!whole.ok()) return whole;
    const absl::StatusOr<double> half = Difference(input, position, step / 2, weights);
    if (!half.ok()) return half;
    return (4 * *half - *whole) / 3;
  }

 private:
  // The difference is taken for each element of the result before they are summed: what the input
  // does not reach cancels exactly.
  absl::StatusOr<double> Difference(size_t input, int64_t position, double step,
                                    const Tensor& weights) {
    double& element = inputs_[input].data<double>()[position];
    const double before = element;
    const double above = before + step;
    const double below = before - step;
    element = above;
    const absl::StatusOr<std::vector<Tensor>> high = Run();
    element = below;
    const absl::StatusOr<std::vector<Tensor>> low = Run();
    element = before;
    if (!high.ok()) return high.status();
    if (!low.ok()) return low.status();
    double sum = 0;
    for (int64_t i = 0; i < weights.elements(); ++i) {
      sum += weights.At(i) * (high->front().At(i) - low->front().At(i));
    }
    return sum / (above - below);
  }

  absl::StatusOr<std::vector<Tensor>> Run() {
    std::vector<FeedTensor> given;
    for (size_t i = 0; i < feeds_.size(); ++i) given.push_back({feeds_[i], inputs_[i]});
    return program_.Run(given);
  }

  Program program_;
  std::vector<Value> feeds_;
  std::vector<Tensor> inputs_;
};

}  // namespace

GradientCheck CheckGradient(const Function& function, absl::Span<const Tensor> inputs,
                            const GradientCheckOptions& options) {
  Tape tape;
  std::vector<Value> feeds;
  for (const Tensor& input : inputs) {
    if (input.dtype() == DType::kF32) return NothingCompared("an input is f32; use f64");
    feeds.push_back(tape.Feed(input));
  }
  const std::vector<Value> floats = FloatsOf(feeds);
  const Value value = function(feeds);
  if (!tape.status().ok()) return NothingCompared(tape.status().message());
  if (!value.valid()) return NothingCompared("the function recorded nothing");
  if (value.dtype() != DType::kF64) {
    return NothingCompared(absl::StrCat("the function is ", value.type().ToString(), ", not f64"));
  }
  const Tensor weights = Weights(value.shape(), options.seed);
  const std::vector<Value> gradients = Gradients(value * tape.Feed(weights), floats);
  const absl::StatusOr<std::vector<Tensor>> analytic = tape.Read(gradients);
  if (!analytic.ok()) return NothingCompared(analytic.status().message());
  absl::StatusOr<Program> program = Plan(tape, {value});
  if (!program.ok()) return NothingCompared(program.status().message());

  MovedInputs moved(std::move(*program), feeds, inputs);
  GradientCheck check;
  int64_t compared = 0;
  size_t which_float = 0;
  for (size_t input = 0; input < inputs.size(); ++input) {
    if (!IsFloat(inputs[input].dtype())) continue;
    const Tensor& gradient = (*analytic)[which_float++];
    for (int64_t i = 0; i < inputs[input].elements(); ++i, ++compared) {
      double step = options.step * std::max(1.0, std::abs(inputs[input].At(i)));
      double error = 0;
      absl::StatusOr<double> numeric;
      // A kink within the step (of relu) and a strong curvature go away with smaller steps; a wrong
      // derivative does not.
      for (int attempt = 0; attempt < 3; ++attempt, step /= 16) {
        numeric = moved.Derivative(input, i, step, weights);
        if (!numeric.ok()) return NothingCompared(numeric.status().message());
        const double scale =
            std::max({options.floor, std::abs(gradient.At(i)), std::abs(*numeric)});
        error = std::abs(gradient.At(i) - *numeric) / scale;
        if (std::isnan(error)) error = std::numeric_limits<double>::infinity();
        if (error <= options.tolerance) break;
      }
      if (compared > 0 && error <= check.worst_error) continue;
      check.worst_error = error;
      check.report =
          absl::StrCat("input ", input, ", element ", Place(inputs[input].shape(), i), " of ",
                       inputs[input].shape().ToString(), ": analytic ", gradient.At(i),
                       ", numeric ", *numeric, ", relative error ", error);
    }
  }
  if (compared == 0) return NothingCompared("there is no float input to compare");
  check.ok = check.worst_error <= options.tolerance;
  return check;
}

GradientCheck CheckSecondGradient(const Function& function, absl::Span<const Tensor> inputs,
                                  const GradientCheckOptions& options) {
  // All first gradients in one row, of which `CheckGradient` takes the weighted sum.
  const Function first_gradients = [&](absl::Span<const Value> values) {
    const Value value = function(values);
    if (!value.valid()) return value;
    const Value weights = value.tape()->Feed(Weights(value.shape(), options.seed + 1));
    std::vector<Value> rows;
    for (const Value& gradient : Gradients(value * weights, FloatsOf(values))) {
      rows.push_back(Reshape(gradient, {gradient.shape().elements()}));
    }
    return Concat(rows, 0);
  };
  return CheckGradient(first_gradients, inputs, options);
}

}  // namespace sluice::testing
