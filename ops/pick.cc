#include <cstring>

#include <absl/strings/str_cat.h>

#include <sluice/graph/parallel.h>
#include <sluice/ops/ids.h>
#include <sluice/ops/movement.h>
#include <sluice/ops/record.h>

namespace sluice {
namespace {

// One element of each row of a matrix, by ids; and the transpose of that. Both work row by row,
// so that a row of logits goes from its loss to its gradient without leaving the cache.

// Inputs: x (N, C), ids (N).
absl::StatusOr<TensorType> PickType(const TypeArguments& arguments) {
  const TensorType& x = arguments.inputs[0];
  const TensorType& ids = arguments.inputs[1];
  if (!IsFloat(x.dtype) || x.shape.rank() != 2 || ids.dtype != DType::kI32 ||
      ids.shape != Shape{x.shape[0]}) {
    return absl::InvalidArgumentError(
        absl::StrCat("needs a float matrix (N, C) and i32 ids (N), got ", x.ToString(), " and ",
                     ids.ToString()));
  }
  return TensorType{x.dtype, ids.shape};
}

template <typename T>
void PickElements(const KernelArguments& arguments) {
  const int64_t columns = arguments.inputs[0].type.shape[1];
  const T* x = arguments.inputs[0].as<T>();
  const int32_t* ids = arguments.inputs[1].as<int32_t>();
  T* out = arguments.output.as<T>();
  const int64_t count = arguments.inputs[1].type.shape[0];
  for (int64_t i = 0; i < count; ++i) out[i] = x[i * columns + ids[i]];
}

absl::Status RunPick(const KernelArguments& arguments) {
  const TensorType& x = arguments.inputs[0].type;
  absl::Status status = CheckIds(arguments.inputs[1], x.shape[1], arguments);
  if (!status.ok()) return status;
  x.dtype == DType::kF32 ? PickElements<float>(arguments) : PickElements<double>(arguments);
  return status;
}

// Inputs: ids (N), values (N). integers: C.
absl::StatusOr<TensorType> PlaceType(const TypeArguments& arguments) {
  const TensorType& ids = arguments.inputs[0];
  const TensorType& values = arguments.inputs[1];
  if (ids.dtype != DType::kI32 || ids.shape.rank() != 1 || !IsFloat(values.dtype) ||
      values.shape != ids.shape) {
    return absl::InvalidArgumentError(absl::StrCat("needs i32 ids (N) and float values (N), got ",
                                                   ids.ToString(), " and ", values.ToString()));
  }
  const int64_t columns = arguments.attributes.integers[0];
  if (columns < 0) {
    return absl::InvalidArgumentError(absl::StrCat("cannot make ", columns, " columns"));
  }
  return TensorType{values.dtype, {ids.shape[0], columns}};
}

// Inputs: ids, values, what they are added to.
absl::StatusOr<TensorType> PlaceOntoType(const TypeArguments& arguments) {
  const absl::StatusOr<TensorType> type =
      PlaceType({arguments.inputs.first(2), arguments.attributes});
  if (type.ok() && arguments.inputs[2] != *type) {
    return absl::InvalidArgumentError(absl::StrCat("the values make ", type->ToString(),
                                                   ", what they are added to is ",
                                                   arguments.inputs[2].ToString()));
  }
  return type;
}

// Starts each row from `base`, which may be the output; from zeros without one.
template <typename T>
void PlaceElements(const KernelArguments& arguments, const T* base) {
  const int32_t* ids = arguments.inputs[0].as<int32_t>();
  const T* values = arguments.inputs[1].as<T>();
  T* out = arguments.output.as<T>();
  const int64_t columns = arguments.output.type.shape[1];
  const auto bytes = static_cast<size_t>(columns) * sizeof(T);
  // Nanoseconds: to write a byte takes about 0.05.
  const double cost = base == out ? 2 : 2 + 0.05 * static_cast<double>(bytes);
  ParallelFor(arguments.output.type.shape[0], cost, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      T* row = out + i * columns;
      if (base == nullptr) std::memset(row, 0, bytes);
      if (base != nullptr && base != out) std::memcpy(row, base + i * columns, bytes);
      row[ids[i]] += values[i];
    }
  });
}

absl::Status RunPlace(const KernelArguments& arguments) {
  const TensorType& type = arguments.output.type;
  absl::Status status = CheckIds(arguments.inputs[0], type.shape[1], arguments);
  if (!status.ok()) return status;
  const void* base = arguments.inputs.size() == 3 ? arguments.inputs[2].data : nullptr;
  type.dtype == DType::kF32 ? PlaceElements(arguments, static_cast<const float*>(base))
                            : PlaceElements(arguments, static_cast<const double*>(base));
  return status;
}

bool AlwaysByRow(const Attributes&, const Shape&) { return true; }

double CountValues(absl::Span<const TensorType> inputs, const TensorType&) {
  return static_cast<double>(inputs[1].shape.elements());
}

std::vector<Sample> PlaceSamples(bool onto) {
  Sample sample{{{{DType::kI32, {7}}, 0, 5}, {{DType::kF32, {7}}}}, {.integers = {5}}};
  if (onto) sample.inputs.push_back({{DType::kF32, {7, 5}}});
  return {sample};
}

const RegisterOps kOps({
    {.name = "pick",
     .kind = OpKind::kMove,
     .formula = "element ids[i] of row i",
     .arity = 2,
     .type = PickType,
     .kernel = RunPick,
     .gradient =
         [](const GradientArguments& arguments) {
           const int64_t columns = arguments.inputs[0].shape()[1];
           return InputGradients{PlaceAt(arguments.inputs[1], arguments.gradient, columns),
                                 Value()};
         },
     .flops = NoFlops,
     .samples = {{{{{DType::kF32, {7, 5}}}, {{DType::kI32, {7}}, 0, 5}}, {}}},
     .row_by_row = AlwaysByRow,
     .row_input = Op::kEveryInput},
    {.name = "place_at",
     .kind = OpKind::kScatter,
     .formula = "zeros with value i at (i, ids[i])",
     .arity = 2,
     .type = PlaceType,
     .kernel = RunPlace,
     .gradient =
         [](const GradientArguments& arguments) {
           return InputGradients{Value(), Pick(arguments.gradient, arguments.inputs[0])};
         },
     .flops = NoFlops,
     .samples = PlaceSamples(/*onto=*/false),
     .row_by_row = AlwaysByRow,
     .row_input = Op::kEveryInput,
     .adding = "place_at_onto"},
    // Written by planning, after gradients.
    {.name = "place_at_onto",
     .kind = OpKind::kScatter,
     .formula = "y with value i added at (i, ids[i])",
     .arity = 3,
     .type = PlaceOntoType,
     .kernel = RunPlace,
     .gradient = Differentiation::None(),
     .flops = CountValues,
     .samples = PlaceSamples(/*onto=*/true),
     .row_by_row = AlwaysByRow,
     .row_input = Op::kEveryInput,
     .overwritable_input = 2},
});

}  // namespace

Value Pick(Value x, Value ids) {
  static const Op& op = OpNamed("pick");
  return RecordOp(op, {x, ids});
}

Value PlaceAt(Value ids, Value values, int64_t columns) {
  static const Op& op = OpNamed("place_at");
  return RecordOp(op, {ids, values}, {.integers = {columns}});
}

}  // namespace sluice
