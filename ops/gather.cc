#include <algorithm>
#include <cstring>
#include <vector>

#include <absl/container/flat_hash_map.h>
#include <absl/strings/str_cat.h>

#include <sluice/graph/parallel.h>
#include <sluice/ops/elementwise.h>
#include <sluice/ops/ids.h>
#include <sluice/ops/movement.h>
#include <sluice/ops/record.h>

namespace sluice {
namespace {

// ---- Gather ----

absl::StatusOr<TensorType> GatherType(const TypeArguments& arguments) {
  const TensorType& table = arguments.inputs[0];
  const TensorType& ids = arguments.inputs[1];
  if (ids.dtype != DType::kI32) {
    return absl::InvalidArgumentError(absl::StrCat("ids must be i32, got ", ids.ToString()));
  }
  if (table.shape.rank() == 0) {
    return absl::InvalidArgumentError("the table is a scalar, which has no rows");
  }
  std::vector<int64_t> sizes(ids.shape.sizes().begin(), ids.shape.sizes().end());
  for (int axis = 1; axis < table.shape.rank(); ++axis) sizes.push_back(table.shape[axis]);
  const Shape shape(sizes);
  if (!shape.valid()) {
    return absl::InvalidArgumentError(absl::StrCat("ids ", ids.shape.ToString(), " of a table ",
                                                   table.shape.ToString(),
                                                   " would have more than 4 axes"));
  }
  return TensorType{table.dtype, shape};
}

// A row's beginning, a few rows before its turn; the processor fetches what follows by itself.
constexpr int64_t kRowsAhead = 4;
void Prefetch(const std::byte* row, int64_t bytes) {
  for (int64_t at = 0; at < std::min<int64_t>(bytes, 512); at += 64) __builtin_prefetch(row + at);
}

bool AlwaysByRow(const Attributes&, const Shape&) { return true; }

absl::Status RunGather(const KernelArguments& arguments) {
  const ConstView& table = arguments.inputs[0];
  const ConstView& ids = arguments.inputs[1];
  if (absl::Status status = CheckIds(ids, table.type.shape[0], arguments); !status.ok())
    return status;
  if (arguments.output.type.bytes() == 0) return absl::OkStatus();
  const int64_t row = table.type.bytes() / table.type.shape[0];
  const auto* from = table.as<std::byte>();
  auto* to = arguments.output.as<std::byte>();
  const auto* rows = ids.as<int32_t>();
  // Nanoseconds: to move a byte takes about 0.05.
  ParallelFor(ids.type.shape.elements(), 0.05 * static_cast<double>(row) + 3,
              [&](int64_t begin, int64_t end) {
                for (int64_t i = begin; i < end; ++i) {
                  if (i + kRowsAhead < end) Prefetch(from + rows[i + kRowsAhead] * row, row);
                  std::memcpy(to + i * row, from + rows[i] * row, row);
                }
              });
  return absl::OkStatus();
}

// All that was gathered from one table goes back in one scatter.
Value GatherGradient(Value table, absl::Span<const JointUse> uses) {
  std::vector<Value> ids;
  std::vector<Value> rows;
  for (const JointUse& use : uses) {
    const int64_t count = use.inputs[1].shape().elements();
    ids.push_back(Reshape(use.inputs[1], {count}));
    rows.push_back(Reshape(use.gradient, table.shape().With(0, count)));
  }
  return ScatterAdd(ids.size() == 1 ? ids[0] : Concat(ids, 0),
                    rows.size() == 1 ? rows[0] : Concat(rows, 0), table.shape()[0]);
}

// ---- Scatter ----

// Inputs: ids, values. integers: rows.
absl::StatusOr<TensorType> ScatterType(const TypeArguments& arguments) {
  const TensorType& ids = arguments.inputs[0];
  const TensorType& values = arguments.inputs[1];
  if (ids.dtype != DType::kI32) {
    return absl::InvalidArgumentError(absl::StrCat("ids must be i32, got ", ids.ToString()));
  }
  if (!IsFloat(values.dtype) || ids.shape.rank() != 1 || values.shape.rank() == 0 ||
      values.shape[0] != ids.shape[0]) {
    return absl::InvalidArgumentError(absl::StrCat("needs ids (N) and float values (N, ...), got ",
                                                   ids.ToString(), " and ", values.ToString()));
  }
  const int64_t rows = arguments.attributes.integers[0];
  if (rows < 0) return absl::InvalidArgumentError(absl::StrCat("cannot make ", rows, " rows"));
  return TensorType{values.dtype, values.shape.With(0, rows)};
}

void ClearRows(const KernelArguments& arguments) {
  auto* out = arguments.output.as<std::byte>();
  // By pieces of a size that no longer matters.
  constexpr int64_t kPiece = 64 << 10;
  const int64_t bytes = arguments.output.type.bytes();
  ParallelFor((bytes + kPiece - 1) / kPiece, 0.05 * kPiece, [&](int64_t begin, int64_t end) {
    std::memset(out + begin * kPiece, 0, std::min(end * kPiece, bytes) - begin * kPiece);
  });
}

// Touches the rows that occur only.
template <typename T>
void AddRows(const KernelArguments& arguments) {
  const int32_t* ids = arguments.inputs[0].as<int32_t>();
  const T* values = arguments.inputs[1].as<T>();
  T* out = arguments.output.as<T>();
  const int64_t count = arguments.inputs[0].type.shape[0];
  if (count == 0 || arguments.output.type.bytes() == 0) return;
  const int64_t row = arguments.inputs[1].type.shape.elements() / count;
  const TileFunction add = OpRegistry::Global().Find("add")->tiles.For(arguments.output.type.dtype);
  // Strips of columns: each thread adds all ids, in their order, to columns of its own.
  const int64_t strip = std::min<int64_t>(row, 256);
  const int64_t strips = (row + strip - 1) / strip;
  ParallelFor(strips, static_cast<double>(count * strip) * 0.15 + 5,
              [&](int64_t begin, int64_t end) {
                const int64_t first = begin * strip;
                const int64_t columns = std::min(end * strip, row) - first;
                for (int64_t i = 0; i < count; ++i) {
                  T* to = out + ids[i] * row + first;
                  const void* inputs[] = {to, values + i * row + first};
                  add(columns, inputs, 0, to);
                }
              });
}

// Adds the rows to what the output holds.
absl::Status AddRowsOnto(const KernelArguments& arguments) {
  arguments.output.type.dtype == DType::kF32 ? AddRows<float>(arguments)
                                             : AddRows<double>(arguments);
  return absl::OkStatus();
}

absl::Status CheckScatterIds(const KernelArguments& arguments) {
  return CheckIds(arguments.inputs[0], arguments.output.type.shape[0], arguments);
}

absl::Status RunScatter(const KernelArguments& arguments) {
  if (absl::Status status = CheckScatterIds(arguments); !status.ok()) return status;
  ClearRows(arguments);
  return AddRowsOnto(arguments);
}

// Inputs: ids, values, what they are added to.
absl::StatusOr<TensorType> ScatterOntoType(const TypeArguments& arguments) {
  const absl::StatusOr<TensorType> type =
      ScatterType({arguments.inputs.first(2), arguments.attributes});
  if (type.ok() && arguments.inputs[2] != *type) {
    return absl::InvalidArgumentError(absl::StrCat("the rows make ", type->ToString(),
                                                   ", what they are added to is ",
                                                   arguments.inputs[2].ToString()));
  }
  return type;
}

absl::Status RunScatterOnto(const KernelArguments& arguments) {
  if (absl::Status status = CheckScatterIds(arguments); !status.ok()) return status;
  const ConstView& base = arguments.inputs[2];
  if (base.data != arguments.output.data && arguments.output.type.bytes() > 0) {
    std::memcpy(arguments.output.data, base.data, arguments.output.type.bytes());
  }
  return AddRowsOnto(arguments);
}

// ---- Places of their own ----

absl::StatusOr<TensorType> FirstEqualType(const TypeArguments& arguments) {
  const TensorType& ids = arguments.inputs[0];
  if (ids.dtype != DType::kI32 || ids.shape.rank() != 1) {
    return absl::InvalidArgumentError(absl::StrCat("needs i32 ids (N), got ", ids.ToString()));
  }
  return ids;
}

absl::Status RunFirstEqual(const KernelArguments& arguments) {
  const int64_t count = arguments.inputs[0].type.shape[0];
  const int32_t* ids = arguments.inputs[0].as<int32_t>();
  auto* first = arguments.output.as<int32_t>();
  absl::flat_hash_map<int32_t, int32_t> positions;
  positions.reserve(count);
  for (int32_t i = 0; i < count; ++i) first[i] = positions.try_emplace(ids[i], i).first->second;
  return absl::OkStatus();
}

double ScatterFlops(absl::Span<const TensorType> inputs, const TensorType&) {
  return static_cast<double>(inputs[1].shape.elements());
}

const RegisterOps kOps({
    {.name = "gather",
     .kind = OpKind::kMove,
     .formula = "rows of a table, by ids",
     .arity = 2,
     .type = GatherType,
     .kernel = RunGather,
     .gradient = Differentiation::Joint(GatherGradient),
     .flops = NoFlops,
     .samples = {{{{{DType::kF32, {7, 5}}}, {{DType::kI32, {4, 2}}, 0, 7}}, {}}},
     .row_by_row = AlwaysByRow,
     .row_input = 1},
    {.name = "scatter_add",
     .kind = OpKind::kScatter,
     .formula = "zeros with rows added at ids",
     .arity = 2,
     .type = ScatterType,
     .kernel = RunScatter,
     .gradient =
         [](const GradientArguments& arguments) {
           return InputGradients{Value(), Gather(arguments.gradient, arguments.inputs[0])};
         },
     .flops = ScatterFlops,
     .samples = {{{{{DType::kI32, {6}}, 0, 4}, {{DType::kF32, {6, 3}}}}, {.integers = {4}}}},
     .adding = "scatter_add_onto",
     .own_places = "first_equal"},
    // Those below are written by planning, after gradients.
    {.name = "first_equal",
     .kind = OpKind::kMove,
     .formula = "the position of the first id that equals this one",
     .arity = 1,
     .type = FirstEqualType,
     .kernel = RunFirstEqual,
     .gradient = Differentiation::None(),
     .flops = NoFlops,
     .samples = {{{{{DType::kI32, {6}}, 0, 4}}, {}}}},
    {.name = "scatter_add_onto",
     .kind = OpKind::kScatter,
     .formula = "y with rows added at ids",
     .arity = 3,
     .type = ScatterOntoType,
     .kernel = RunScatterOnto,
     .gradient = Differentiation::None(),
     .flops = ScatterFlops,
     .samples = {{{{{DType::kI32, {6}}, 0, 4}, {{DType::kF32, {6, 3}}}, {{DType::kF32, {4, 3}}}},
                  {.integers = {4}}}},
     .overwritable_input = 2},
});

}  // namespace

Value Gather(Value table, Value ids) {
  static const Op& op = OpNamed("gather");
  return RecordOp(op, {table, ids});
}

Value ScatterAdd(Value ids, Value values, int64_t rows) {
  static const Op& op = OpNamed("scatter_add");
  return RecordOp(op, {ids, values}, {.integers = {rows}});
}

}  // namespace sluice
