#include <algorithm>
#include <array>

#include <absl/strings/str_cat.h>

#include <sluice/graph/elementwise_group.h>
#include <sluice/graph/parallel.h>
#include <sluice/ops/elementwise.h>
#include <sluice/ops/kernels/kernel_table.h>
#include <sluice/ops/record.h>
#include <sluice/ops/reduction.h>

namespace sluice {
namespace {

TileFunctions TilesOf(ElementwiseOp op) {
  const auto& row = Kernels().elementwise[static_cast<int>(op)];
  return {row[0], row[1], row[2]};
}

// ---- Types ----

template <bool kInteger>
absl::StatusOr<TensorType> TableType(const TypeArguments& arguments) {
  if (!kInteger && !IsFloat(arguments.inputs[0].dtype)) {
    return absl::InvalidArgumentError(
        absl::StrCat("takes f32 or f64, got ", arguments.inputs[0].ToString()));
  }
  return ElementwiseType(arguments);
}
constexpr TypeRule kReal = TableType<false>;
constexpr TypeRule kNumeric = TableType<true>;

// ---- Gradients ----

// What reaches one input: from the gradient g, the result y, the inputs in order, and the op's
// number p.
using Derivative = Value (*)(Value g, Value y, Value first, Value second, Value third, double p);

struct NoGradient {};
[[maybe_unused]] constexpr NoGradient kNoGradient;

template <typename F>
constexpr Derivative DerivativeOf(F f) {
  if constexpr (std::is_invocable_r_v<Value, F, Value, Value, Value, Value, Value, double>) {
    return f;
  } else {
    return nullptr;
  }
}

Differentiation RuleOf(const std::array<Derivative, 3>& derivatives) {
  if (derivatives == std::array<Derivative, 3>{}) return Differentiation::None();
  return [derivatives](const GradientArguments& arguments) {
    std::array<Value, 3> in = {};
    std::copy(arguments.inputs.begin(), arguments.inputs.end(), in.begin());
    InputGradients gradients(arguments.inputs.size());
    for (size_t i = 0; i < gradients.size(); ++i) {
      if (!arguments.needed[i] || derivatives[i] == nullptr) continue;
      const Value gradient = derivatives[i](arguments.gradient, arguments.output, in[0], in[1],
                                            in[2], arguments.attributes.number);
      // Summed over the axes along which the input was broadcast.
      gradients[i] = SumTo(gradient, in[i].shape());
    }
    return gradients;
  };
}

// ---- Records ----

Sample SampleOf(std::initializer_list<Shape> shapes, double low, double high, double number) {
  Sample sample;
  for (const Shape& shape : shapes) sample.inputs.push_back({{DType::kF32, shape}, low, high});
  sample.attributes.number = number;
  return sample;
}

uint32_t LinearInputs(ElementwiseOp op) {
  if (op == ElementwiseOp::multiply_op) return 0b11;
  return op == ElementwiseOp::negate_op || op == ElementwiseOp::divide_op ? 0b1 : 0;
}

Op MakeRecord(const char* name, ElementwiseOp op, const char* formula, int arity, TypeRule type,
              Differentiation gradient, double low, double high, double flops, double number = 0) {
  std::vector<Sample> samples;
  if (arity == 1) {
    samples = {SampleOf({{7, 33}}, low, high, number)};
  } else if (arity == 2) {
    samples = {SampleOf({{7, 33}, {7, 33}}, low, high, number),
               SampleOf({{5, 4, 3}, {4, 1}}, low, high, number),
               SampleOf({{3}, {2, 3}}, low, high, number)};
  } else {
    samples = {SampleOf({{7, 33}, {7, 33}, {7, 33}}, low, high, number),
               SampleOf({{4, 1}, {4, 5}, {5}}, low, high, number)};
  }
  return {.name = name,
          .kind = OpKind::kElementwise,
          .formula = formula,
          .arity = arity,
          .type = type,
          .kernel = RunElementwise,
          .gradient = std::move(gradient),
          .tiles = TilesOf(op),
          .flops =
              [flops](absl::Span<const TensorType>, const TensorType& output) {
                return flops * static_cast<double>(output.shape.elements());
              },
          .samples = std::move(samples),
          .linear_inputs = LinearInputs(op),
          .neutral = op == ElementwiseOp::multiply_op ? std::optional<double>(1) : std::nullopt,
          .accumulates = op == ElementwiseOp::add_op};
}

// ---- Cast ----

absl::StatusOr<TensorType> CastType(const TypeArguments& arguments) {
  return TensorType{static_cast<DType>(arguments.attributes.integers[0]),
                    arguments.inputs[0].shape};
}

template <typename From, typename To>
void CastElements(const KernelArguments& arguments) {
  const From* from = arguments.inputs[0].as<From>();
  To* to = arguments.output.as<To>();
  ParallelFor(arguments.output.type.shape.elements(), 0.2, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) to[i] = static_cast<To>(from[i]);
  });
}

template <typename From>
void CastFrom(const KernelArguments& arguments) {
  switch (arguments.output.type.dtype) {
    case DType::kF32:
      return CastElements<From, float>(arguments);
    case DType::kF64:
      return CastElements<From, double>(arguments);
    case DType::kI32:
      return CastElements<From, int32_t>(arguments);
  }
}

absl::Status RunCast(const KernelArguments& arguments) {
  switch (arguments.inputs[0].type.dtype) {
    case DType::kF32:
      CastFrom<float>(arguments);
      break;
    case DType::kF64:
      CastFrom<double>(arguments);
      break;
    case DType::kI32:
      CastFrom<int32_t>(arguments);
      break;
  }
  return absl::OkStatus();
}

Op CastRecord() {
  return {
      .name = "cast",
      .kind = OpKind::kMove,  // the dtype changes, so no tile function and no place in the input
      .formula = "x in another dtype",
      .arity = 1,
      .type = CastType,
      .kernel = RunCast,
      .gradient =
          [](const GradientArguments& arguments) {
            return InputGradients{Cast(arguments.gradient, arguments.inputs[0].dtype())};
          },
      .flops = NoFlops,
      .samples = {{.inputs = {{{DType::kF32, {5, 6}}}},
                   .attributes = {.integers = {static_cast<int64_t>(DType::kF32)}}},
                  {.inputs = {{{DType::kI32, {5}}, -3, 4}},
                   .attributes = {.integers = {static_cast<int64_t>(DType::kF32)}}}}};
}

#define SLUICE_DERIVATIVE(first, second, third, derivative)                    \
  DerivativeOf([]([[maybe_unused]] Value g, [[maybe_unused]] Value y,          \
                  [[maybe_unused]] Value first, [[maybe_unused]] Value second, \
                  [[maybe_unused]] Value third, [[maybe_unused]] double p) { return derivative; })
#define SLUICE_UNARY(name, Function, dtypes, value, by_x, low, high, flops) \
  MakeRecord(#name, ElementwiseOp::name##_op, #value, 1, dtypes,            \
             RuleOf({SLUICE_DERIVATIVE(x, unused1, unused2, by_x)}), low, high, flops),
#define SLUICE_UNARY_NUMBER(name, Function, dtypes, value, by_x, low, high, flops) \
  MakeRecord(#name, ElementwiseOp::name##_op, #value, 1, dtypes,                   \
             RuleOf({SLUICE_DERIVATIVE(x, unused1, unused2, by_x)}), low, high, flops, 2.5),
#define SLUICE_BINARY(name, Function, dtypes, value, by_a, by_b, low, high, flops)                 \
  MakeRecord(                                                                                      \
      #name, ElementwiseOp::name##_op, #value, 2, dtypes,                                          \
      RuleOf({SLUICE_DERIVATIVE(a, b, unused, by_a), SLUICE_DERIVATIVE(a, b, unused, by_b)}), low, \
      high, flops),
#define SLUICE_TERNARY(name, Function, dtypes, value, by_c, by_a, by_b, low, high, flops) \
  MakeRecord(#name, ElementwiseOp::name##_op, #value, 3, dtypes,                          \
             RuleOf({SLUICE_DERIVATIVE(c, a, b, by_c), SLUICE_DERIVATIVE(c, a, b, by_a),  \
                     SLUICE_DERIVATIVE(c, a, b, by_b)}),                                  \
             low, high, flops),
const RegisterOps kTable({
#include <sluice/ops/elementwise_table.inc>
});
#undef SLUICE_UNARY
#undef SLUICE_UNARY_NUMBER
#undef SLUICE_BINARY
#undef SLUICE_TERNARY
const RegisterOps kCast({CastRecord()});

}  // namespace

#define SLUICE_UNARY(name, Function, ...) \
  Value Function(Value x) {               \
    static const Op& op = OpNamed(#name); \
    return RecordOp(op, {x});             \
  }
#define SLUICE_UNARY_NUMBER(name, Function, ...) \
  Value Function(Value x, double p) {            \
    static const Op& op = OpNamed(#name);        \
    return RecordOp(op, {x}, {.number = p});     \
  }
#define SLUICE_BINARY(name, Function, ...) \
  Value Function(Value a, Value b) {       \
    static const Op& op = OpNamed(#name);  \
    return RecordOp(op, {a, b});           \
  }
#define SLUICE_TERNARY(name, Function, ...)   \
  Value Function(Value c, Value a, Value b) { \
    static const Op& op = OpNamed(#name);     \
    return RecordOp(op, {c, a, b});           \
  }
#include <sluice/ops/elementwise_table.inc>
#undef SLUICE_UNARY
#undef SLUICE_UNARY_NUMBER
#undef SLUICE_BINARY
#undef SLUICE_TERNARY

Value NumberLike(double number, Value like) {
  return like ? like.tape()->Constant(number, like.dtype()) : Value();
}

Value Cast(Value x, DType dtype) {
  if (x.valid() && x.dtype() == dtype) return x;
  static const Op& op = OpNamed("cast");
  return RecordOp(op, {x}, {.integers = {static_cast<int64_t>(dtype)}});
}

Value WhereLarger(Value a, Value b) { return 0.5 * (Less(b, a) + LessEqual(b, a)); }

namespace {

// Where no input broadcasts and nothing is streamed, a group of one op would only cut into tiles
// what needs none.
bool RunWithoutBroadcast(const KernelArguments& arguments) {
  const TensorType& type = arguments.output.type;
  const auto values = static_cast<int64_t>(arguments.inputs.size() + 1);
  if (values * type.bytes() > ElementwiseGroup::DefaultStreamedBytes()) return false;
  absl::InlinedVector<const char*, 3> inputs;
  for (const ConstView& input : arguments.inputs) {
    if (input.type.shape != type.shape) return false;
    inputs.push_back(static_cast<const char*>(input.data));
  }
  const TileFunction tile = arguments.op.tiles.For(type.dtype);
  const int64_t bytes = BytesPerElement(type.dtype);
  const double cost = 0.12 + 0.01 * arguments.op.flops({}, {type.dtype, Shape{}});
  ParallelFor(type.shape.elements(), cost, [&](int64_t begin, int64_t end) {
    absl::InlinedVector<const void*, 3> at;
    for (const char* input : inputs) at.push_back(input + begin * bytes);
    tile(end - begin, at.data(), arguments.attributes.number,
         arguments.output.as<char>() + begin * bytes);
  });
  return true;
}

}  // namespace

absl::StatusOr<TensorType> ElementwiseType(const TypeArguments& arguments) {
  TensorType type = arguments.inputs[0];
  for (const TensorType& input : arguments.inputs.subspan(1)) {
    if (input.dtype != type.dtype) {
      return absl::InvalidArgumentError(
          absl::StrCat("dtypes differ: ", type.ToString(), " and ", input.ToString()));
    }
    if (input.shape == type.shape) continue;
    absl::StatusOr<Shape> shape = BroadcastShapes(type.shape, input.shape);
    if (!shape.ok()) return shape.status();
    type.shape = *shape;
  }
  return type;
}

absl::Status RunElementwise(const KernelArguments& arguments) {
  if (RunWithoutBroadcast(arguments)) return absl::OkStatus();
  // Each input counts as a value of its own: ids 0, 1, ..., and the output's.
  ElementwiseGroup::Call call{
      .op = &arguments.op, .attributes = &arguments.attributes, .type = arguments.output.type};
  absl::InlinedVector<void*, 4> externals;
  for (const ConstView& input : arguments.inputs) {
    call.inputs.push_back({call.output++, input.type});
    externals.push_back(const_cast<void*>(input.data));
  }
  externals.push_back(arguments.output.data);
  ElementwiseGroup({&call, 1}).Run(externals);
  return absl::OkStatus();
}

}  // namespace sluice
