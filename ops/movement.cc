#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <sluice/graph/parallel.h>
#include <sluice/ops/elementwise.h>
#include <sluice/ops/movement.h>
#include <sluice/ops/record.h>
#include <sluice/ops/reduction.h>

namespace sluice {
namespace {

// Nanoseconds to move a byte, about.
constexpr double kCostPerByte = 0.05;

Attributes SizesOf(const Shape& shape) {
  return {.integers = {shape.sizes().begin(), shape.sizes().end()}};
}

// Whole elements before, and bytes behind, an axis.
int64_t OuterElements(const Shape& shape, int64_t axis) {
  int64_t product = 1;
  for (int i = 0; i < axis; ++i) product *= shape[i];
  return product;
}
int64_t InnerBytes(const TensorType& type, int64_t axis) {
  int64_t product = BytesPerElement(type.dtype);
  for (int i = static_cast<int>(axis) + 1; i < type.shape.rank(); ++i) product *= type.shape[i];
  return product;
}

bool IsAxis(const Shape& shape, int64_t axis) { return axis >= 0 && axis < shape.rank(); }

// ---- Reshape ----

absl::StatusOr<TensorType> ReshapeType(const TypeArguments& arguments) {
  const TensorType& input = arguments.inputs[0];
  const Shape shape(absl::MakeConstSpan(arguments.attributes.integers));
  if (!shape.valid() || shape.elements() != input.shape.elements()) {
    return absl::InvalidArgumentError(absl::StrCat(input.shape.ToString(), " has ",
                                                   input.shape.elements(), " elements, ",
                                                   shape.ToString(), " has not"));
  }
  return TensorType{input.dtype, shape};
}

absl::Status RunCopy(const KernelArguments& arguments) {
  if (arguments.output.data != arguments.inputs[0].data && arguments.output.type.bytes() > 0) {
    std::memcpy(arguments.output.data, arguments.inputs[0].data, arguments.output.type.bytes());
  }
  return absl::OkStatus();
}

// ---- Strided copies: broadcast and transpose ----

// Writes `to` in order, reading `from` with `strides` (in elements) along the axes of `shape`.
template <typename T>
void CopyStrided(const Shape& shape, const std::array<int64_t, Shape::kMaxRank>& strides,
                 const T* from, T* to) {
  const int64_t columns = shape.back(0);
  if (columns == 0) return;
  const int64_t rows = shape.elements() / columns;
  const int64_t inner = shape.rank() == 0 ? 0 : strides[shape.rank() - 1];
  const double cost = kCostPerByte * sizeof(T) * static_cast<double>(columns) * (inner > 1 ? 8 : 1);
  ParallelFor(rows, cost + 5, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      int64_t rest = row;
      int64_t offset = 0;
      for (int axis = shape.rank() - 2; axis >= 0; --axis) {
        offset += rest % shape[axis] * strides[axis];
        rest /= shape[axis];
      }
      const T* in = from + offset;
      T* out = to + row * columns;
      if (inner == 1) {
        std::copy_n(in, columns, out);
      } else {
        for (int64_t i = 0; i < columns; ++i) out[i] = in[i * inner];
      }
    }
  });
}

void CopyStridedAny(const KernelArguments& arguments,
                    const std::array<int64_t, Shape::kMaxRank>& strides) {
  const TensorType& type = arguments.output.type;
  if (BytesPerElement(type.dtype) == 8) {
    CopyStrided(type.shape, strides, arguments.inputs[0].as<double>(),
                arguments.output.as<double>());
  } else {
    CopyStrided(type.shape, strides, arguments.inputs[0].as<int32_t>(),
                arguments.output.as<int32_t>());
  }
}

absl::StatusOr<TensorType> BroadcastType(const TypeArguments& arguments) {
  const TensorType& input = arguments.inputs[0];
  const Shape shape(absl::MakeConstSpan(arguments.attributes.integers));
  if (!shape.valid() || !BroadcastsTo(input.shape, shape)) {
    return absl::InvalidArgumentError(
        absl::StrCat(input.shape.ToString(), " does not broadcast to ", shape.ToString()));
  }
  return TensorType{input.dtype, shape};
}

absl::Status RunBroadcast(const KernelArguments& arguments) {
  const Shape& from = arguments.inputs[0].type.shape;
  const Shape& to = arguments.output.type.shape;
  const auto from_strides = RowMajorStrides(from);
  std::array<int64_t, Shape::kMaxRank> strides = {};
  for (int axis = 0; axis < from.rank(); ++axis) {
    if (from[axis] != 1) strides[axis + to.rank() - from.rank()] = from_strides[axis];
  }
  CopyStridedAny(arguments, strides);
  return absl::OkStatus();
}

absl::StatusOr<TensorType> TransposeType(const TypeArguments& arguments) {
  const TensorType& input = arguments.inputs[0];
  const auto& order = arguments.attributes.integers;
  std::vector<int64_t> sorted(order.begin(), order.end());
  std::sort(sorted.begin(), sorted.end());
  std::vector<int64_t> axes(input.shape.rank());
  std::iota(axes.begin(), axes.end(), 0);
  if (sorted != axes) {
    return absl::InvalidArgumentError(absl::StrCat("order (", absl::StrJoin(order, ", "),
                                                   ") does not name each axis of ",
                                                   input.shape.ToString(), " once"));
  }
  std::vector<int64_t> sizes;
  for (const int64_t axis : order) sizes.push_back(input.shape[static_cast<int>(axis)]);
  return TensorType{input.dtype, Shape(sizes)};
}

absl::Status RunTranspose(const KernelArguments& arguments) {
  const auto from_strides = RowMajorStrides(arguments.inputs[0].type.shape);
  std::array<int64_t, Shape::kMaxRank> strides = {};
  const auto& order = arguments.attributes.integers;
  for (size_t axis = 0; axis < order.size(); ++axis) strides[axis] = from_strides[order[axis]];
  CopyStridedAny(arguments, strides);
  return absl::OkStatus();
}

InputGradients TransposeGradient(const GradientArguments& arguments) {
  const auto& order = arguments.attributes.integers;
  std::vector<int> inverse(order.size());
  for (size_t axis = 0; axis < order.size(); ++axis) inverse[order[axis]] = static_cast<int>(axis);
  return {Transpose(arguments.gradient, inverse)};
}

// ---- Slice and concat ----

absl::StatusOr<TensorType> SliceType(const TypeArguments& arguments) {
  const TensorType& input = arguments.inputs[0];
  const int64_t axis = arguments.attributes.integers[0];
  const int64_t begin = arguments.attributes.integers[1];
  const int64_t end = arguments.attributes.integers[2];
  if (!IsAxis(input.shape, axis)) {
    return absl::InvalidArgumentError(
        absl::StrCat("axis ", axis, " is not an axis of ", input.shape.ToString()));
  }
  if (begin < 0 || end < begin || end > input.shape[static_cast<int>(axis)]) {
    return absl::InvalidArgumentError(absl::StrCat("range ", begin, " to ", end,
                                                   " is not within axis ", axis, " of ",
                                                   input.shape.ToString()));
  }
  return TensorType{input.dtype, input.shape.With(static_cast<int>(axis), end - begin)};
}

absl::Status RunSlice(const KernelArguments& arguments) {
  const TensorType& input = arguments.inputs[0].type;
  const int64_t axis = arguments.attributes.integers[0];
  const int64_t begin = arguments.attributes.integers[1];
  const int64_t inner = InnerBytes(input, axis);
  const int64_t row = input.shape[static_cast<int>(axis)] * inner;
  const int64_t kept = (arguments.attributes.integers[2] - begin) * inner;
  const auto* from = arguments.inputs[0].as<std::byte>() + begin * inner;
  auto* to = arguments.output.as<std::byte>();
  ParallelFor(OuterElements(input.shape, axis), kCostPerByte * static_cast<double>(kept) + 3,
              [&](int64_t first, int64_t last) {
                for (int64_t i = first; i < last; ++i) {
                  std::memcpy(to + i * kept, from + i * row, kept);
                }
              });
  return absl::OkStatus();
}

bool IsLastAxis(const Attributes& attributes, const Shape& output) {
  return attributes.integers[0] == output.rank() - 1 && output.rank() > 1;
}
bool AlwaysByRow(const Attributes&, const Shape&) { return true; }

// One concatenation, with zeros where no slice reads; ranges that overlap go to further ones, which
// are added.
Value SliceGradient(Value input, absl::Span<const JointUse> uses) {
  std::vector<const JointUse*> left;
  for (const JointUse& use : uses) left.push_back(&use);
  std::stable_sort(left.begin(), left.end(), [](const JointUse* a, const JointUse* b) {
    return a->attributes->integers < b->attributes->integers;  // by axis, then by begin
  });
  Value sum;
  while (!left.empty()) {
    const auto axis = static_cast<int>(left.front()->attributes->integers[0]);
    std::vector<const JointUse*> overlapping;
    std::vector<Value> pieces;
    int64_t at = 0;
    const auto add_zeros = [&](int64_t until) {
      if (until == at) return;
      pieces.push_back(
          input.tape()->Constant(0, input.dtype(), input.shape().With(axis, until - at)));
    };
    for (const JointUse* use : left) {
      const auto& range = use->attributes->integers;
      if (range[0] != axis || range[1] < at) {
        overlapping.push_back(use);
        continue;
      }
      add_zeros(range[1]);
      pieces.push_back(use->gradient);
      at = range[2];
    }
    add_zeros(input.shape()[axis]);
    const Value joined = pieces.size() == 1 ? pieces[0] : Concat(pieces, axis);
    sum = sum ? sum + joined : joined;
    left = std::move(overlapping);
  }
  return sum;
}

absl::StatusOr<TensorType> ConcatType(const TypeArguments& arguments) {
  const int64_t axis = arguments.attributes.integers[0];
  TensorType type = arguments.inputs[0];
  if (!IsAxis(type.shape, axis)) {
    return absl::InvalidArgumentError(
        absl::StrCat("axis ", axis, " is not an axis of ", type.shape.ToString()));
  }
  const int where = static_cast<int>(axis);
  int64_t size = 0;
  for (const TensorType& input : arguments.inputs) {
    if (input.dtype != type.dtype || input.shape.rank() != type.shape.rank() ||
        input.shape.With(where, 0) != type.shape.With(where, 0)) {
      return absl::InvalidArgumentError(absl::StrCat("input 0 is ", type.ToString(),
                                                     ", another is ", input.ToString(),
                                                     "; only axis ", axis, " may differ"));
    }
    size += input.shape[where];
  }
  type.shape = type.shape.With(where, size);
  return type;
}

absl::Status RunConcat(const KernelArguments& arguments) {
  const TensorType& output = arguments.output.type;
  const int64_t axis = arguments.attributes.integers[0];
  const int64_t inner = InnerBytes(output, axis);
  const int64_t row = output.shape[static_cast<int>(axis)] * inner;
  const int64_t outer = OuterElements(output.shape, axis);
  auto* to = arguments.output.as<std::byte>();
  for (const ConstView& input : arguments.inputs) {
    const int64_t piece = input.type.shape[static_cast<int>(axis)] * inner;
    const auto* from = input.as<std::byte>();
    // Planning lays pieces where the output wants them, if it can.
    if (from != to) {
      ParallelFor(outer, kCostPerByte * static_cast<double>(piece) + 3,
                  [&](int64_t first, int64_t last) {
                    for (int64_t i = first; i < last; ++i) {
                      std::memcpy(to + i * row, from + i * piece, piece);
                    }
                  });
    }
    to += piece;
  }
  return absl::OkStatus();
}

InputGradients ConcatGradient(const GradientArguments& arguments) {
  const auto axis = static_cast<int>(arguments.attributes.integers[0]);
  InputGradients gradients(arguments.inputs.size());
  int64_t begin = 0;
  for (size_t i = 0; i < gradients.size(); ++i) {
    const int64_t size = arguments.inputs[i].shape()[axis];
    if (arguments.needed[i]) gradients[i] = Slice(arguments.gradient, axis, begin, begin + size);
    begin += size;
  }
  return gradients;
}

// ---- Gather and scatter ----

absl::Status CheckIds(const ConstView& ids, int64_t rows, const KernelArguments& arguments) {
  const int32_t* data = ids.as<int32_t>();
  const int64_t count = ids.type.shape.elements();
  for (int64_t i = 0; i < count; ++i) {
    if (data[i] >= 0 && data[i] < rows) continue;
    // Among all ids, where these are those of some rows.
    const int64_t before = arguments.rows == 0 ? 0 : arguments.first_row * (count / arguments.rows);
    return absl::OutOfRangeError(absl::StrCat("id ", data[i], " at position ", before + i,
                                              " is not within 0 .. ", rows - 1));
  }
  return absl::OkStatus();
}

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

absl::Status RunGather(const KernelArguments& arguments) {
  const ConstView& table = arguments.inputs[0];
  const ConstView& ids = arguments.inputs[1];
  if (absl::Status status = CheckIds(ids, table.type.shape[0], arguments); !status.ok()) {
    return status;
  }
  const int64_t row = InnerBytes(table.type, 0);
  const auto* from = table.as<std::byte>();
  auto* to = arguments.output.as<std::byte>();
  ParallelFor(ids.type.shape.elements(), kCostPerByte * static_cast<double>(row) + 3,
              [&](int64_t begin, int64_t end) {
                for (int64_t i = begin; i < end; ++i) {
                  std::memcpy(to + i * row, from + ids.as<int32_t>()[i] * row, row);
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

// Columns of a strip of which one thread adds all ids, in their order.
constexpr int64_t kScatterStrip = 64;

// Adds rows to what the output holds. Touches only those that occur.
template <typename T>
void AddRows(const ConstView& ids, const ConstView& values, const View& output) {
  const int64_t count = ids.type.shape[0];
  const int64_t rows = output.type.shape[0];
  const int64_t row = rows == 0 ? 0 : output.type.shape.elements() / rows;
  const int64_t strip = std::max<int64_t>(1, std::min(row, kScatterStrip));
  const int64_t strips = (row + strip - 1) / strip;
  ParallelFor(strips, static_cast<double>(count * strip) * 0.3, [&](int64_t begin, int64_t end) {
    const int64_t first = begin * strip;
    const int64_t last = std::min(end * strip, row);
    for (int64_t i = 0; i < count; ++i) {
      const T* from = values.as<T>() + i * row;
      T* to = output.as<T>() + ids.as<int32_t>()[i] * row;
      for (int64_t column = first; column < last; ++column) to[column] += from[column];
    }
  });
}

void AddRowsAny(const KernelArguments& arguments) {
  const View& output = arguments.output;
  output.type.dtype == DType::kF32
      ? AddRows<float>(arguments.inputs[0], arguments.inputs[1], output)
      : AddRows<double>(arguments.inputs[0], arguments.inputs[1], output);
}

// On several threads: a large table is mostly zeros.
void FillWithZeros(const View& output) {
  constexpr int64_t kPiece = 1 << 18;
  const int64_t bytes = output.type.bytes();
  ParallelFor((bytes + kPiece - 1) / kPiece, kCostPerByte * kPiece,
              [&](int64_t begin, int64_t end) {
                std::memset(output.as<std::byte>() + begin * kPiece, 0,
                            std::min(end * kPiece, bytes) - begin * kPiece);
              });
}

absl::Status RunScatter(const KernelArguments& arguments) {
  if (absl::Status status =
          CheckIds(arguments.inputs[0], arguments.output.type.shape[0], arguments);
      !status.ok()) {
    return status;
  }
  FillWithZeros(arguments.output);
  AddRowsAny(arguments);
  return absl::OkStatus();
}

absl::Status RunScatterOnto(const KernelArguments& arguments) {
  if (absl::Status status =
          CheckIds(arguments.inputs[0], arguments.output.type.shape[0], arguments);
      !status.ok()) {
    return status;
  }
  const ConstView& base = arguments.inputs[2];
  if (base.data != arguments.output.data && arguments.output.type.bytes() > 0) {
    std::memcpy(arguments.output.data, base.data, arguments.output.type.bytes());
  }
  AddRowsAny(arguments);
  return absl::OkStatus();
}

double ScatterFlops(absl::Span<const TensorType> inputs, const TensorType&) {
  return static_cast<double>(inputs[1].shape.elements());
}

const RegisterOps kOps({
    {.name = "reshape",
     .kind = OpKind::kReshape,
     .formula = "x in another shape",
     .type = ReshapeType,
     .kernel = RunCopy,
     .gradient =
         [](const GradientArguments& arguments) {
           return InputGradients{Reshape(arguments.gradient, arguments.inputs[0].shape())};
         },
     .flops = NoFlops,
     .samples = {{{{{DType::kF32, {6, 4}}}}, SizesOf({2, 3, 4})}},
     .copies = true},
    {.name = "broadcast",
     .kind = OpKind::kMove,
     .formula = "x repeated to a shape",
     .type = BroadcastType,
     .kernel = RunBroadcast,
     .gradient =
         [](const GradientArguments& arguments) {
           return InputGradients{SumTo(arguments.gradient, arguments.inputs[0].shape())};
         },
     .flops = NoFlops,
     .samples = {{{{{DType::kF32, {3, 1}}}}, SizesOf({2, 3, 5})},
                 {{{{DType::kF32, {}}}}, SizesOf({4})},
                 {{{{DType::kF32, {5}}}}, SizesOf({3, 5})}},
     .copies = true},
    {.name = "transpose",
     .kind = OpKind::kMove,
     .formula = "x with its axes in another order",
     .type = TransposeType,
     .kernel = RunTranspose,
     .gradient = TransposeGradient,
     .flops = NoFlops,
     .samples = {{{{{DType::kF32, {5, 7}}}}, {.integers = {1, 0}}},
                 {{{{DType::kF32, {2, 3, 4}}}}, {.integers = {2, 0, 1}}}},
     .copies = true},
    {.name = "slice",
     .kind = OpKind::kSlice,
     .formula = "a range of one axis of x",
     .type = SliceType,
     .kernel = RunSlice,
     .gradient = Differentiation::Joint(SliceGradient),
     .flops = NoFlops,
     .samples = {{{{{DType::kF32, {6, 4}}}}, {.integers = {0, 1, 3}}},
                 {{{{DType::kF32, {3, 6, 2}}}}, {.integers = {1, 2, 6}}}},
     .row_by_row = IsLastAxis,
     .copies = true},
    {.name = "concat",
     .kind = OpKind::kConcat,
     .formula = "values one after the other along an axis",
     .arity = kAnyNumber,
     .type = ConcatType,
     .kernel = RunConcat,
     .gradient = ConcatGradient,
     .flops = NoFlops,
     .samples = {{{{{DType::kF32, {2, 3}}}, {{DType::kF32, {4, 3}}}}, {.integers = {0}}},
                 {{{{DType::kF32, {2, 3}}}, {{DType::kF32, {2, 1}}}, {{DType::kF32, {2, 2}}}},
                  {.integers = {1}}}},
     .row_by_row = IsLastAxis,
     .row_input = Op::kEveryInput},
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
     .adding = "scatter_add_onto"},
    // Written by planning, after gradients.
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

Value Reshape(Value x, const Shape& shape) {
  if (x.valid() && x.shape() == shape) return x;
  if (!CheckShape("reshape", x, shape)) return Value(x.tape(), kNoNode);
  return RecordOp("reshape", {x}, SizesOf(shape));
}

Value BroadcastTo(Value x, const Shape& shape) {
  if (x.valid() && x.shape() == shape) return x;
  if (!CheckShape("broadcast", x, shape)) return Value(x.tape(), kNoNode);
  return RecordOp("broadcast", {x}, SizesOf(shape));
}

Value Transpose(Value x, absl::Span<const int> order) {
  return RecordOp("transpose", {x}, {.integers = {order.begin(), order.end()}});
}

Value Slice(Value x, int axis, int64_t begin, int64_t end) {
  return RecordOp("slice", {x}, {.integers = {axis, begin, end}});
}

Value Concat(absl::Span<const Value> values, int axis) {
  return RecordOp("concat", values, {.integers = {axis}});
}

Value Index(Value x, int64_t index) {
  const Value row = Slice(x, 0, index, index + 1);
  return row.valid() ? Reshape(row, Shape(row.shape().sizes().subspan(1))) : row;
}

Value Stack(absl::Span<const Value> values) {
  std::vector<Value> rows;
  for (const Value& value : values) {
    std::vector<int64_t> sizes = {1};
    sizes.insert(sizes.end(), value.shape().sizes().begin(), value.shape().sizes().end());
    rows.push_back(Reshape(value, Shape(sizes)));
  }
  return Concat(rows, 0);
}

Value Gather(Value table, Value ids) { return RecordOp("gather", {table, ids}); }

Value ScatterAdd(Value ids, Value values, int64_t rows) {
  return RecordOp("scatter_add", {ids, values}, {.integers = {rows}});
}

}  // namespace sluice
