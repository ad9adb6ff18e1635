#include <algorithm>
#include <cstring>
#include <vector>

#include <absl/strings/str_cat.h>

#include <sluice/graph/parallel.h>
#include <sluice/ops/elementwise.h>
#include <sluice/ops/kernels/kernel_table.h>
#include <sluice/ops/movement.h>
#include <sluice/ops/record.h>
#include <sluice/ops/reduction.h>

namespace sluice {
namespace {

// integers: keep_axes, then for each axis whether it is reduced.
Attributes ReductionAttributes(const Shape& shape, Axes axes, bool keep_axes) {
  Attributes attributes{.integers = {keep_axes ? 1 : 0}};
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const bool reduced = axes.empty() || std::any_of(axes.begin(), axes.end(), [&](int wanted) {
                           return wanted == axis || wanted + shape.rank() == axis;
                         });
    attributes.integers.push_back(reduced ? 1 : 0);
  }
  // An axis that is not there makes one entry too many, which the type rule reports.
  for (const int axis : axes) {
    if (axis < -shape.rank() || axis >= shape.rank()) attributes.integers.push_back(axis);
  }
  return attributes;
}

absl::StatusOr<TensorType> ReductionType(const TypeArguments& arguments) {
  const TensorType& input = arguments.inputs[0];
  const auto& integers = arguments.attributes.integers;
  if (!IsFloat(input.dtype)) {
    return absl::InvalidArgumentError(absl::StrCat("takes f32 or f64, got ", input.ToString()));
  }
  if (static_cast<int>(integers.size()) != input.shape.rank() + 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("axis ", integers.back(), " is not an axis of ", input.shape.ToString()));
  }
  std::vector<int64_t> sizes;
  for (int axis = 0; axis < input.shape.rank(); ++axis) {
    if (integers[axis + 1] == 0) {
      sizes.push_back(input.shape[axis]);
    } else if (integers[0] != 0) {
      sizes.push_back(1);
    }
  }
  return TensorType{input.dtype, Shape(sizes)};
}

absl::StatusOr<TensorType> MaxType(const TypeArguments& arguments) {
  if (arguments.inputs[0].shape.elements() == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("no largest of no elements: ", arguments.inputs[0].shape.ToString()));
  }
  return ReductionType(arguments);
}

// Neighbouring axes of the same sort, merged: sizes alternate between kept and reduced.
struct Groups {
  std::vector<int64_t> sizes;
  bool first_reduced = false;
};

Groups GroupAxes(const Shape& shape, const Attributes& attributes) {
  Groups groups;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] == 1) continue;
    const bool reduced = attributes.integers[axis + 1] != 0;
    if (groups.sizes.empty()) groups.first_reduced = reduced;
    const bool last_reduced = groups.first_reduced == (groups.sizes.size() % 2 == 1);
    if (!groups.sizes.empty() && last_reduced == reduced) {
      groups.sizes.back() *= shape[axis];
    } else {
      groups.sizes.push_back(shape[axis]);
    }
  }
  return groups;
}

struct Combine {
  ReductionKernels::Contiguous contiguous;
  ReductionKernels::Rows rows;
};

// Rows that are added one after the other, and columns that one thread adds at a time.
constexpr int64_t kRowBlock = 64;
constexpr int64_t kStrip = 128;
// Nanoseconds of an element of a row: one in the second-level cache takes half of it, one in memory
// several times it, but of those there are many anyway.
constexpr double kCost = 0.04;
// Elements of one piece of a long row.
constexpr int64_t kPiece = 1 << 16;

template <typename T>
class Reducer {
 public:
  explicit Reducer(const Combine& combine) : combine_(combine) {}

  // (outer, reduced) -> (outer)
  void Rows(int64_t outer, int64_t reduced, const T* in, T* out) const {
    if (reduced > kPiece) return LongRows(outer, reduced, in, out);
    ParallelFor(outer, kCost * static_cast<double>(reduced) + 5, [&](int64_t begin, int64_t end) {
      combine_.contiguous(end - begin, reduced, in + begin * reduced, out + begin);
    });
  }

  // (outer, reduced, inner) -> (outer, inner)
  void Columns(int64_t outer, int64_t reduced, int64_t inner, const T* in, T* out) const {
    // Pieces of columns, all rows of them: no two threads touch one sum.
    const int64_t strip = std::min(inner, kStrip);
    const int64_t strips = (inner + strip - 1) / strip;
    ParallelFor(outer * strips, 0.15 * static_cast<double>(reduced * strip),
                [&](int64_t begin, int64_t end) {
                  for (int64_t i = begin; i < end; ++i) {
                    const int64_t column = i % strips * strip;
                    const int64_t row = i / strips;
                    Strip(reduced, inner, std::min(strip, inner - column),
                          in + row * reduced * inner + column, out + row * inner + column);
                  }
                });
  }

 private:
  // Cut into pieces whatever the number of rows, so that a row's sum has the same bits alone and
  // among others.
  void LongRows(int64_t outer, int64_t reduced, const T* in, T* out) const {
    const int64_t pieces = (reduced + kPiece - 1) / kPiece;
    std::vector<T> partial(outer * pieces);
    ParallelFor(outer * pieces, 0.15 * kPiece, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t start = i % pieces * kPiece;
        combine_.contiguous(1, std::min(kPiece, reduced - start), in + i / pieces * reduced + start,
                            &partial[i]);
      }
    });
    combine_.contiguous(outer, pieces, partial.data(), out);
  }

  // (reduced, columns) of rows `inner` apart -> (columns), by halves: rounding grows with the
  // logarithm of the number of rows.
  void Strip(int64_t reduced, int64_t inner, int64_t columns, const T* in, T* out) const {
    if (reduced <= kRowBlock) {
      combine_.rows(reduced, columns, inner, in, out);
      return;
    }
    const int64_t half = (reduced / 2 + kRowBlock - 1) / kRowBlock * kRowBlock;
    T halves[2][kStrip];
    Strip(half, inner, columns, in, halves[0]);
    Strip(reduced - half, inner, columns, in + half * inner, halves[1]);
    combine_.rows(2, columns, kStrip, halves, out);
  }

  Combine combine_;
};

template <typename T>
void Reduce(const KernelArguments& arguments, const Combine& combine) {
  Groups groups = GroupAxes(arguments.inputs[0].type.shape, arguments.attributes);
  const T* in = arguments.inputs[0].as<T>();
  const Reducer<T> reducer(combine);
  // From the innermost reduced group outwards; each leaves one group less.
  std::vector<T> buffers[2];
  for (int turn = 0;; ++turn) {
    int last = static_cast<int>(groups.sizes.size()) - 1;
    const bool last_reduced = groups.first_reduced == (groups.sizes.size() % 2 == 1);
    if (!last_reduced) --last;
    if (last < 0) {  // nothing to reduce
      std::memcpy(arguments.output.data, in, arguments.output.type.bytes());
      return;
    }
    const bool is_final = last < 2;
    int64_t outer = 1;
    for (int i = 0; i < last; ++i) outer *= groups.sizes[i];
    const int64_t inner = last_reduced ? 1 : groups.sizes.back();
    T* out = arguments.output.as<T>();
    if (!is_final) {
      buffers[turn % 2].resize(outer * inner);
      out = buffers[turn % 2].data();
    }
    if (last_reduced) {
      reducer.Rows(outer, groups.sizes[last], in, out);
    } else {
      reducer.Columns(outer, groups.sizes[last], inner, in, out);
    }
    if (is_final) return;
    // The kept groups around the reduced one become one.
    groups.sizes.resize(last);
    if (!last_reduced) groups.sizes.back() *= inner;
    in = out;
  }
}

template <bool kIsSum>
absl::Status RunReduction(const KernelArguments& arguments) {
  const TensorType& type = arguments.inputs[0].type;
  if (type.shape.elements() == 0) {  // a sum of nothing
    std::memset(arguments.output.data, 0, arguments.output.type.bytes());
    return absl::OkStatus();
  }
  const ReductionKernels& kernels = Kernels().reduction[static_cast<int>(type.dtype)];
  const Combine combine =
      kIsSum ? Combine{kernels.sum, kernels.sum_rows} : Combine{kernels.max, kernels.max_rows};
  type.dtype == DType::kF32 ? Reduce<float>(arguments, combine)
                            : Reduce<double>(arguments, combine);
  return absl::OkStatus();
}

// ---- The sum of squares ----

// Tile by tile, so that the squares have no place in memory: what all gradients' norm reads is as
// large as all weights. Has the bits of the sum of squares in two ops.
template <typename T>
void AddSquares(const KernelArguments& arguments) {
  constexpr int64_t kTile = 2048;  // what the sum's kernel adds up by itself
  static_assert(kPiece % kTile == 0);
  const ConstView& input = arguments.inputs[0];
  const T* x = input.as<T>();
  const int64_t elements = input.type.shape.elements();
  const auto sum = Kernels().reduction[static_cast<int>(input.type.dtype)].sum;
  static const Op& square = OpNamed("square");
  const TileFunction tile = square.tiles.For(input.type.dtype);
  const int64_t pieces = (elements + kPiece - 1) / kPiece;
  std::vector<T> partial(pieces);
  ParallelFor(pieces, 0.15 * kPiece, [&](int64_t begin, int64_t end) {
    T squares[kTile];
    for (int64_t piece = begin; piece < end; ++piece) {
      const int64_t last = std::min((piece + 1) * kPiece, elements);
      for (int64_t i = piece * kPiece; i < last; i += kTile) {
        const int64_t n = std::min(kTile, last - i);
        const void* const inputs[] = {x + i};
        T of_tile;
        tile(n, inputs, 0, squares);
        sum(1, n, squares, &of_tile);
        partial[piece] = i == piece * kPiece ? of_tile : partial[piece] + of_tile;
      }
    }
  });
  sum(1, pieces, partial.data(), arguments.output.data);
}

absl::Status RunSumSquares(const KernelArguments& arguments) {
  const TensorType& type = arguments.inputs[0].type;
  if (type.shape.elements() == 0) {
    std::memset(arguments.output.data, 0, arguments.output.type.bytes());
  } else {
    type.dtype == DType::kF32 ? AddSquares<float>(arguments) : AddSquares<double>(arguments);
  }
  return absl::OkStatus();
}

// integers: the input's rank.
absl::StatusOr<TensorType> SumSquaresType(const TypeArguments& arguments) {
  const TensorType& input = arguments.inputs[0];
  if (!IsFloat(input.dtype)) {
    return absl::InvalidArgumentError(absl::StrCat("takes f32 or f64, got ", input.ToString()));
  }
  return TensorType{input.dtype, Shape{}};
}

InputGradients SumSquaresGradient(const GradientArguments& arguments) {
  return {arguments.inputs[0] * (2 * arguments.gradient)};
}

bool HasRows(const Attributes& attributes) { return attributes.integers[0] > 0; }

double SumSquaresFlops(absl::Span<const TensorType> inputs, const TensorType&) {
  return 2 * static_cast<double>(inputs[0].shape.elements());
}

// The output with its reduced axes back, as size 1.
Shape KeptShape(const Shape& input, const Attributes& attributes) {
  Shape shape = input;
  for (int axis = 0; axis < input.rank(); ++axis) {
    if (attributes.integers[axis + 1] != 0) shape = shape.With(axis, 1);
  }
  return shape;
}

InputGradients SumGradient(const GradientArguments& arguments) {
  const Shape& shape = arguments.inputs[0].shape();
  return {BroadcastTo(Reshape(arguments.gradient, KeptShape(shape, arguments.attributes)), shape)};
}

InputGradients MaxGradient(const GradientArguments& arguments) {
  const Value x = arguments.inputs[0];
  const Shape kept = KeptShape(x.shape(), arguments.attributes);
  const Value is_largest = Equal(x, Reshape(arguments.output, kept));
  Attributes keeping = arguments.attributes;
  keeping.integers[0] = 1;
  static const Op& op = OpNamed("sum");
  const Value count = RecordOp(op, {is_largest}, keeping);
  return {is_largest * (Reshape(arguments.gradient, kept) / count)};
}

bool ReducesRows(const Attributes& attributes) {
  return attributes.integers.size() > 1 && attributes.integers[1] != 0;
}

// Of the last axis alone: a row becomes one number.
bool ReducesLastAxis(const Attributes& attributes, const Shape&) {
  const auto& integers = attributes.integers;
  return integers.size() > 2 && integers.back() != 0 &&
         std::count(integers.begin() + 1, integers.end(), 0) ==
             static_cast<int64_t>(integers.size()) - 2;
}

double ReductionFlops(absl::Span<const TensorType> inputs, const TensorType&) {
  return static_cast<double>(inputs[0].shape.elements());
}

std::vector<Sample> ReductionSamples() {
  const Shape shape{4, 3, 70};
  std::vector<Sample> samples;
  for (const std::vector<int>& axes : std::vector<std::vector<int>>{{}, {2}, {0}, {1}, {0, 2}}) {
    samples.push_back({{{{DType::kF32, shape}}}, ReductionAttributes(shape, axes, false)});
  }
  samples.push_back({{{{DType::kF32, {150, 9}}}}, ReductionAttributes({150, 9}, {0}, true)});
  return samples;
}

const RegisterOps kOps({{.name = "sum",
                         .kind = OpKind::kReduction,
                         .formula = "sum of x over axes",
                         .type = ReductionType,
                         .kernel = RunReduction<true>,
                         .gradient = SumGradient,
                         .flops = ReductionFlops,
                         .samples = ReductionSamples(),
                         .adds_over_rows = ReducesRows,
                         .row_by_row = ReducesLastAxis},
                        {.name = "max",
                         .kind = OpKind::kReduction,
                         .formula = "largest of x over axes",
                         .type = MaxType,
                         .kernel = RunReduction<false>,
                         .gradient = MaxGradient,
                         .flops = ReductionFlops,
                         .samples = ReductionSamples(),
                         .row_by_row = ReducesLastAxis},
                        {.name = "sum_squares",
                         .kind = OpKind::kReduction,
                         .formula = "sum of x · x over all elements",
                         .type = SumSquaresType,
                         .kernel = RunSumSquares,
                         .gradient = SumSquaresGradient,
                         .flops = SumSquaresFlops,
                         .samples = {{{{{DType::kF32, {4, 3, 7}}, 0.5, 2}}, {.integers = {3}}},
                                     {{{{DType::kF32, {}}}}, {.integers = {0}}}},
                         .adds_over_rows = HasRows}});

}  // namespace

Value Sum(Value x, Axes axes, bool keep_axes) {
  static const Op& op = OpNamed("sum");
  return RecordOp(op, {x}, ReductionAttributes(x.shape(), axes, keep_axes));
}

Value Max(Value x, Axes axes, bool keep_axes) {
  static const Op& op = OpNamed("max");
  return RecordOp(op, {x}, ReductionAttributes(x.shape(), axes, keep_axes));
}

Value SumSquares(Value x) {
  static const Op& op = OpNamed("sum_squares");
  return RecordOp(op, {x}, {.integers = {x.shape().rank()}});
}

Value SumTo(Value x, const Shape& shape) {
  if (!x.valid() || x.shape() == shape) return x;
  std::vector<int> axes;
  const int extra = x.shape().rank() - shape.rank();
  for (int axis = 0; axis < x.shape().rank(); ++axis) {
    if (axis < extra || (shape[axis - extra] == 1 && x.shape()[axis] != 1)) axes.push_back(axis);
  }
  if (axes.empty()) return Reshape(x, shape);
  return Reshape(Sum(x, axes), shape);
}

}  // namespace sluice
