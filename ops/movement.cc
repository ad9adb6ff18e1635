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

// Four rows of four elements turned into columns.
template <typename T>
void TransposeFour(const T* from, int64_t from_row, T* to, int64_t to_row) {
  using V [[gnu::vector_size(4 * sizeof(T))]] = T;
  V rows[4];
  for (int i = 0; i < 4; ++i) std::memcpy(&rows[i], from + i * from_row, sizeof(V));
  const V a = __builtin_shufflevector(rows[0], rows[1], 0, 4, 1, 5);
  const V b = __builtin_shufflevector(rows[2], rows[3], 0, 4, 1, 5);
  const V c = __builtin_shufflevector(rows[0], rows[1], 2, 6, 3, 7);
  const V d = __builtin_shufflevector(rows[2], rows[3], 2, 6, 3, 7);
  const V columns[4] = {
      __builtin_shufflevector(a, b, 0, 1, 4, 5), __builtin_shufflevector(a, b, 2, 3, 6, 7),
      __builtin_shufflevector(c, d, 0, 1, 4, 5), __builtin_shufflevector(c, d, 2, 3, 6, 7)};
  for (int i = 0; i < 4; ++i) std::memcpy(to + i * to_row, &columns[i], sizeof(V));
}

// Rows and columns of one block: whole cache lines of f32 on both sides.
constexpr int64_t kBlock = 16;

// to[j * to_row + i] = from[i * from_row + j] for i < rows, j < columns.
template <typename T>
void TransposeBlock(int64_t rows, int64_t columns, const T* from, int64_t from_row, T* to,
                    int64_t to_row) {
  const int64_t whole_rows = rows / 4 * 4;
  const int64_t whole_columns = columns / 4 * 4;
  for (int64_t j = 0; j < whole_columns; j += 4) {
    for (int64_t i = 0; i < whole_rows; i += 4) {
      TransposeFour(from + i * from_row + j, from_row, to + j * to_row + i, to_row);
    }
  }
  for (int64_t j = 0; j < columns; ++j) {
    const int64_t done = j < whole_columns ? whole_rows : 0;
    for (int64_t i = done; i < rows; ++i) to[j * to_row + i] = from[i * from_row + j];
  }
}

// As CopyStrided, where the elements of `from` lie side by side along `axis`, not the last: block
// by block, so that a cache line that is read is used up.
template <typename T>
void CopyTransposed(const Shape& shape, const std::array<int64_t, Shape::kMaxRank>& strides,
                    int axis, const T* from, T* to) {
  const int64_t across = shape[axis];
  const int64_t columns = shape.back(0);
  const int64_t strips = (across + kBlock - 1) / kBlock;
  const auto to_strides = RowMajorStrides(shape);
  const int64_t inner = strides[shape.rank() - 1];
  const double cost = 4 * kCostPerByte * sizeof(T) * static_cast<double>(columns * kBlock);
  ParallelFor(
      shape.elements() / (across * columns) * strips, cost, [&](int64_t begin, int64_t end) {
        for (int64_t strip = begin; strip < end; ++strip) {
          const int64_t start = strip % strips * kBlock;
          int64_t rest = strip / strips;
          const T* in = from + start;
          T* out = to + start * to_strides[axis];
          for (int other = shape.rank() - 2; other >= 0; --other) {
            if (other == axis) continue;
            in += rest % shape[other] * strides[other];
            out += rest % shape[other] * to_strides[other];
            rest /= shape[other];
          }
          for (int64_t column = 0; column < columns; column += kBlock) {
            TransposeBlock(std::min(kBlock, columns - column), std::min(kBlock, across - start),
                           in + column * inner, inner, out + column, to_strides[axis]);
          }
        }
      });
}

// Writes `to` in order, reading `from` with `strides` (in elements) along the axes of `shape`.
template <typename T>
void CopyStrided(const Shape& shape, const std::array<int64_t, Shape::kMaxRank>& strides,
                 const T* from, T* to) {
  const int64_t columns = shape.back(0);
  if (columns == 0) return;
  const int64_t rows = shape.elements() / columns;
  const int64_t inner = shape.rank() == 0 ? 0 : strides[shape.rank() - 1];
  for (int axis = 0; axis + 1 < shape.rank() && inner > 1; ++axis) {
    if (strides[axis] == 1 && shape[axis] >= 4 && columns >= 4) {
      return CopyTransposed(shape, strides, axis, from, to);
    }
  }
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
     .copies = true,
     .broadcasts = true},
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
});

}  // namespace

Value Reshape(Value x, const Shape& shape) {
  if (x.valid() && x.shape() == shape) return x;
  if (!CheckShape("reshape", x, shape)) return Value(x.tape(), kNoNode);
  static const Op& op = OpNamed("reshape");
  return RecordOp(op, {x}, SizesOf(shape));
}

Value BroadcastTo(Value x, const Shape& shape) {
  if (x.valid() && x.shape() == shape) return x;
  if (!CheckShape("broadcast", x, shape)) return Value(x.tape(), kNoNode);
  static const Op& op = OpNamed("broadcast");
  return RecordOp(op, {x}, SizesOf(shape));
}

Value Transpose(Value x, absl::Span<const int> order) {
  static const Op& op = OpNamed("transpose");
  return RecordOp(op, {x}, {.integers = {order.begin(), order.end()}});
}

Value Slice(Value x, int axis, int64_t begin, int64_t end) {
  static const Op& op = OpNamed("slice");
  return RecordOp(op, {x}, {.integers = {axis, begin, end}});
}

Value Concat(absl::Span<const Value> values, int axis) {
  static const Op& op = OpNamed("concat");
  return RecordOp(op, values, {.integers = {axis}});
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

}  // namespace sluice
