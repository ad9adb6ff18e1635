#include <cmath>
#include <numbers>

#include <absl/strings/str_cat.h>

#include <sluice/graph/parallel.h>
#include <sluice/ops/kernels/kernel_table.h>
#include <sluice/ops/random.h>
#include <sluice/ops/record.h>

namespace sluice {
namespace {

// integers: key (its bits), dtype, sizes.
Attributes RandomAttributes(RandomKey key, DType dtype, const Shape& shape) {
  Attributes attributes{.integers = {static_cast<int64_t>(key), static_cast<int64_t>(dtype)}};
  for (const int64_t size : shape.sizes()) attributes.integers.push_back(size);
  return attributes;
}

absl::StatusOr<TensorType> RandomType(const TypeArguments& arguments) {
  const TensorType& step = arguments.inputs[0];
  if (step.dtype != DType::kI32 || step.shape.rank() != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("the step must be i32 (), got ", step.ToString()));
  }
  const auto& integers = arguments.attributes.integers;
  const auto dtype = static_cast<DType>(integers[1]);
  const Shape shape(absl::MakeConstSpan(integers).subspan(2));
  if (!IsFloat(dtype)) {
    return absl::InvalidArgumentError(
        absl::StrCat("makes f32 or f64, not ", TensorType{dtype, shape}.ToString()));
  }
  return TensorType{dtype, shape};
}

// By a kernel, or f64 by element(words of this position).
template <typename Element>
absl::Status Fill(const KernelArguments& arguments, void (*f32)(const RandomTask&), double cost,
                  Element element) {
  const auto key = static_cast<RandomKey>(arguments.attributes.integers[0]);
  const auto step = static_cast<uint64_t>(arguments.inputs[0].as<int32_t>()[0]);
  const int64_t count = arguments.output.type.shape.elements();
  if (arguments.output.type.dtype == DType::kF32) {
    float* out = arguments.output.as<float>();
    ParallelFor(count, cost, [&](int64_t begin, int64_t end) {
      f32({key, step, static_cast<uint64_t>(begin), end - begin, out + begin});
    });
    return absl::OkStatus();
  }
  double* out = arguments.output.as<double>();
  ParallelFor(count, 20, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      out[i] = element(Philox(key, step, static_cast<uint64_t>(i)));
    }
  });
  return absl::OkStatus();
}

using Words = std::array<uint32_t, 4>;

absl::Status RunUniform(const KernelArguments& arguments) {
  return Fill(arguments, Kernels().random.uniform, 1,
              [](const Words& words) { return UniformF64(words[0], words[1]); });
}

// Box-Muller on two words for each number; 1 - u keeps the logarithm's argument above zero.
absl::Status RunNormal(const KernelArguments& arguments) {
  return Fill(arguments, Kernels().random.normal, 2, [](const Words& words) {
    const double u = UniformF64(words[0], words[1]);
    const double v = UniformF64(words[2], words[3]);
    return std::sqrt(-2 * std::log(1 - u)) * std::cos(2 * std::numbers::pi * v);
  });
}

double RandomFlops(absl::Span<const TensorType>, const TensorType& output) {
  return 60 * static_cast<double>(output.shape.elements());
}

Op RandomRecord(const char* name, const char* formula, Kernel kernel) {
  return {.name = name,
          .kind = OpKind::kRandom,
          .formula = formula,
          .arity = 1,
          .type = RandomType,
          .kernel = kernel,
          .gradient = Differentiation::None(),
          .flops = RandomFlops,
          .samples = {{{{{DType::kI32, {}}, 0, 10}}, RandomAttributes(42, DType::kF32, {50, 40})}}};
}

const RegisterOps kOps({RandomRecord("uniform", "random numbers in [0, 1)", RunUniform),
                        RandomRecord("normal", "random numbers of mean 0 and variance 1",
                                     RunNormal)});

}  // namespace

Value Uniform(Value step, RandomKey key, DType dtype, const Shape& shape) {
  if (!CheckShape("uniform", step, shape)) return Value(step.tape(), kNoNode);
  static const Op& op = OpNamed("uniform");
  return RecordOp(op, {step}, RandomAttributes(key, dtype, shape));
}

Value Normal(Value step, RandomKey key, DType dtype, const Shape& shape) {
  if (!CheckShape("normal", step, shape)) return Value(step.tape(), kNoNode);
  static const Op& op = OpNamed("normal");
  return RecordOp(op, {step}, RandomAttributes(key, dtype, shape));
}

}  // namespace sluice
