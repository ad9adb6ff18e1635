#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include <absl/strings/str_cat.h>

#include <sluice/graph/parallel.h>
#include <sluice/ops/kernels/kernel_table.h>
#include <sluice/ops/movement.h>
#include <sluice/ops/product.h>
#include <sluice/ops/product_by_parts.h>
#include <sluice/ops/record.h>

namespace sluice {
namespace {

// integers of matmul: left transposed, right transposed; of packed_matmul also N; of pack: right
// transposed.

// The left operand as a matrix of M rows and K columns.
struct LeftMatrix {
  int64_t m;
  int64_t k;
  MatrixLayout layout;
};

// All axes but the last; not elements / columns, for there may be no columns.
int64_t Rows(const Shape& shape) {
  return shape.rank() == 0 ? 1 : shape.With(shape.rank() - 1, 1).elements();
}

LeftMatrix LeftOf(const Shape& shape, bool transposed) {
  const int64_t columns = shape.back(0);
  const int64_t rows = Rows(shape);
  if (transposed) return {columns, rows, {1, columns}};
  return {rows, columns, {columns, 1}};
}

absl::StatusOr<TensorType> MatMulType(const TypeArguments& arguments) {
  const TensorType& left = arguments.inputs[0];
  const TensorType& right = arguments.inputs[1];
  const bool transpose_left = arguments.attributes.integers[0] != 0;
  const bool transpose_right = arguments.attributes.integers[1] != 0;
  if (!IsFloat(left.dtype) || left.dtype != right.dtype) {
    return absl::InvalidArgumentError(absl::StrCat("takes two of f32 or two of f64, got ",
                                                   left.ToString(), " and ", right.ToString()));
  }
  if (left.shape.rank() < 2 || right.shape.rank() != 2 ||
      (transpose_left && left.shape.rank() != 2)) {
    return absl::InvalidArgumentError(absl::StrCat("needs matrices, got ", left.shape.ToString(),
                                                   " and ", right.shape.ToString()));
  }
  const int64_t left_inner = transpose_left ? left.shape[0] : left.shape.back(0);
  const int64_t right_inner = right.shape[transpose_right ? 1 : 0];
  if (left_inner != right_inner) {
    return absl::InvalidArgumentError(absl::StrCat(
        "inner sizes differ: left is ", left.shape.ToString(), transpose_left ? " transposed" : "",
        ", right is ", right.shape.ToString(), transpose_right ? " transposed" : ""));
  }
  const int64_t columns = right.shape[transpose_right ? 0 : 1];
  if (transpose_left) return TensorType{left.dtype, {left.shape[1], columns}};
  return TensorType{left.dtype, left.shape.With(left.shape.rank() - 1, columns)};
}

int64_t Panels(int64_t n, const ProductKernels& kernels) {
  return (n + kernels.panel_columns - 1) / kernels.panel_columns;
}

// ---- Packing ----

absl::StatusOr<TensorType> PackType(const TypeArguments& arguments) {
  const TensorType& right = arguments.inputs[0];
  if (!IsFloat(right.dtype) || right.shape.rank() != 2) {
    return absl::InvalidArgumentError(absl::StrCat("needs a matrix, got ", right.ToString()));
  }
  const bool transposed = arguments.attributes.integers[0] != 0;
  const int64_t k = right.shape[transposed ? 1 : 0];
  const int64_t n = right.shape[transposed ? 0 : 1];
  const ProductKernels& kernels = KernelsFor(right.dtype);
  return TensorType{right.dtype, {Panels(n, kernels), k, kernels.panel_columns}};
}

absl::Status RunPack(const KernelArguments& arguments) {
  const TensorType& right = arguments.inputs[0].type;
  const bool transposed = arguments.attributes.integers[0] != 0;
  const int64_t k = right.shape[transposed ? 1 : 0];
  const int64_t n = right.shape[transposed ? 0 : 1];
  const int64_t stride = right.shape[1];
  const MatrixLayout layout = transposed ? MatrixLayout{1, stride} : MatrixLayout{stride, 1};
  const ProductKernels& kernels = KernelsFor(right.dtype);
  const double cost = 0.2 * static_cast<double>(k * kernels.panel_columns);
  ParallelFor(Panels(n, kernels), cost, [&](int64_t begin, int64_t end) {
    kernels.pack({arguments.inputs[0].data, layout, k, n, arguments.output.data, 0, n, begin, end});
  });
  return absl::OkStatus();
}

// ---- The product ----

// As many rows pass an operand but once: to pack it would read it once as well, and write it.
constexpr int64_t kFewRows = 8;

// Whether a product of few rows reads the right-hand operand where it lies.
bool MayReadInPlace(bool transposed, int64_t n, const ProductKernels& kernels) {
  return !transposed && n % kernels.lanes == 0;
}

// integers: left transposed, right transposed, N.
void RunPacked(const ConstView& left, const ConstView& right, absl::Span<const int64_t> integers,
               const View& output, const ConstView* addend = nullptr) {
  const int64_t n = integers[2];
  const bool right_transposed = integers[1] != 0;
  const DType dtype = left.type.dtype;
  const LeftMatrix a = LeftOf(left.type.shape, integers[0] != 0);
  const ProductKernels& kernels = KernelsFor(dtype);
  const bool is_packed = right.type.shape.rank() == 3;
  const bool in_place =
      !is_packed && a.m <= kFewRows && MayReadInPlace(right_transposed, n, kernels);
  const int64_t panels = Panels(n, kernels);
  // Work is cut into pieces of one panel and a block of rows. Those of one panel come one after the
  // other, so that a range of pieces is mostly whole panels: one call of the kernel, which makes
  // the best of the caches.
  const int64_t block = kernels.tile_rows * 8;
  const int64_t blocks = (a.m + block - 1) / block;
  const double flops =
      2.0 * static_cast<double>(std::min(block, a.m) * a.k * kernels.panel_columns);
  ParallelRanges(panels * blocks, flops / 60, [&](int64_t begin, int64_t end) {
    std::optional<ProductByParts> by_parts;
    if (!is_packed && !in_place) {
      const MatrixLayout layout = right_transposed ? MatrixLayout{1, a.k} : MatrixLayout{n, 1};
      by_parts.emplace(RightMatrix{right.data, layout}, a.k, dtype);
    }
    while (begin < end) {
      ProductTask task{left.data, a.layout, right.data, in_place ? n : 0, output.data, n, n, a.k};
      task.panel_begin = begin / blocks;
      const int64_t whole = end / blocks - task.panel_begin;  // panels
      const bool some = begin % blocks != 0 || whole == 0;    // of the blocks of one panel
      const int64_t stop = some ? std::min(end, (task.panel_begin + 1) * blocks)
                                : (task.panel_begin + whole) * blocks;
      task.panel_end = task.panel_begin + (some ? 1 : whole);
      task.row_begin = begin % blocks * block;
      task.row_end = some ? std::min(a.m, task.row_begin + (stop - begin) * block) : a.m;
      if (addend != nullptr) {
        task.start = addend->data;
        task.start_row = addend->type.shape.elements() == n ? 0 : n;
      }
      by_parts.has_value() ? by_parts->Run(task) : kernels.product(task);
      begin = stop;
    }
  });
}

absl::StatusOr<TensorType> PackedType(const TypeArguments& arguments) {
  const TensorType& left = arguments.inputs[0];
  const bool transposed = arguments.attributes.integers[0] != 0;
  const int64_t n = arguments.attributes.integers[2];
  const LeftMatrix a = LeftOf(left.shape, transposed);
  const Shape& right = arguments.inputs[1].shape;
  const bool is_packed = right.rank() == 3 && right[1] == a.k;
  const bool as_it_is =
      right == (arguments.attributes.integers[1] != 0 ? Shape{n, a.k} : Shape{a.k, n});
  if (!is_packed && !as_it_is) {
    return absl::InvalidArgumentError(
        absl::StrCat("left is ", left.shape.ToString(), ", right is ", right.ToString()));
  }
  if (transposed) return TensorType{left.dtype, {a.m, n}};
  return TensorType{left.dtype, left.shape.With(left.shape.rank() - 1, n)};
}

absl::StatusOr<TensorType> PackedAddType(const TypeArguments& arguments) {
  const absl::StatusOr<TensorType> type = PackedType(arguments);
  if (!type.ok()) return type;
  const TensorType& addend = arguments.inputs[2];
  const int64_t n = type->shape.back(0);
  if (addend != *type && addend.shape != Shape{n} && addend.shape != Shape{1, n}) {
    return absl::InvalidArgumentError(
        absl::StrCat("the product is ", type->ToString(), ", what is added ", addend.ToString()));
  }
  return type;
}

absl::Status RunPackedMatMul(const KernelArguments& arguments) {
  RunPacked(arguments.inputs[0], arguments.inputs[1], arguments.attributes.integers,
            arguments.output);
  return absl::OkStatus();
}

absl::Status RunPackedMatMulAdd(const KernelArguments& arguments) {
  RunPacked(arguments.inputs[0], arguments.inputs[1], arguments.attributes.integers,
            arguments.output, &arguments.inputs[2]);
  return absl::OkStatus();
}

// Of x^T · y: large, for each piece copies its part of y for itself,
// but enough of them for several cores to share.
struct Piece {
  int64_t rows, columns;
};

Piece ContractPiece(int64_t m, int64_t n, const ProductKernels& kernels) {
  constexpr int64_t kPieces = 8;
  int64_t tiles = 128;
  int64_t panels = 8;
  const auto pieces = [&] {
    const int64_t rows = tiles * kernels.tile_rows;
    const int64_t columns = panels * kernels.panel_columns;
    return ((m + rows - 1) / rows) * ((n + columns - 1) / columns);
  };
  while (tiles > 16 && pieces() < kPieces) tiles /= 2;
  while (panels > 2 && pieces() < kPieces) panels /= 2;
  return {tiles * kernels.tile_rows, panels * kernels.panel_columns};
}

// The same where the output lies over y: some columns of y after the others, which each thread
// takes away before it writes there.
void RunContractOverRight(const ConstView& left, const View& output) {
  const int64_t k = left.type.shape[0];
  const int64_t m = left.type.shape[1];
  const int64_t n = output.type.shape[1];
  const ProductKernels& kernels = KernelsFor(left.type.dtype);
  const int64_t bytes = BytesPerElement(left.type.dtype);
  constexpr int64_t kBytesAway = 1 << 20;
  const int64_t panels =
      std::clamp<int64_t>(kBytesAway / (k * kernels.panel_columns * bytes), 1, 8);
  const int64_t columns = panels * kernels.panel_columns;
  const int64_t pitch = columns + 64 / bytes;  // not a multiple of a large power of two
  auto* const out = output.as<std::byte>();
  ParallelFor((n + columns - 1) / columns, 2.0 * static_cast<double>(k * m * columns) / 60,
              [&](int64_t begin, int64_t end) {
                const Scratch scratch(kernels.contract_scratch);
                const Scratch away(k * pitch * bytes);
                for (int64_t i = begin; i < end; ++i) {
                  const int64_t column = i * columns;
                  const int64_t count = std::min(columns, n - column);
                  std::byte* const to = away.data();
                  for (int64_t p = 0; p < k; ++p) {
                    std::memcpy(to + p * pitch * bytes, out + (p * n + column) * bytes,
                                count * bytes);
                  }
                  kernels.contract({left.data, m, to, pitch, out + column * bytes, n, k, 0, m, 0,
                                    count, false, scratch.data()});
                }
              });
}

// x^T · y of matrices as they are, a sum over rows.
void RunContract(const ConstView& left, const ConstView& right, const View& output) {
  if (right.data == output.data && output.type.bytes() > 0)
    return RunContractOverRight(left, output);
  const int64_t m = left.type.shape[1];
  const int64_t n = right.type.shape[1];
  const int64_t k = left.type.shape[0];
  const ProductKernels& kernels = KernelsFor(left.type.dtype);
  const Piece piece = ContractPiece(m, n, kernels);
  const int64_t rows = piece.rows;
  const int64_t columns = piece.columns;
  const int64_t row_blocks = (m + rows - 1) / rows;
  const int64_t column_blocks = (n + columns - 1) / columns;
  const double flops = 2.0 * static_cast<double>(k * std::min(m, rows) * std::min(n, columns));
  ParallelFor(row_blocks * column_blocks, flops / 60, [&](int64_t begin, int64_t end) {
    const Scratch scratch(kernels.contract_scratch);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = i % row_blocks * rows;
      const int64_t column = i / row_blocks * columns;
      kernels.contract({left.data, m, right.data, n, output.data, n, k, row,
                        std::min(row + rows, m), column, std::min(column + columns, n), false,
                        scratch.data()});
    }
  });
}

// x^T · y contracts the rows of both.
bool ContractsRows(const Attributes& attributes) {
  return attributes.integers[0] != 0 && attributes.integers[1] == 0;
}

// Without a plan.
absl::Status RunMatMul(const KernelArguments& arguments) {
  const auto& integers = arguments.attributes.integers;
  if (ContractsRows(arguments.attributes)) {
    RunContract(arguments.inputs[0], arguments.inputs[1], arguments.output);
  } else {
    const int64_t n = arguments.output.type.shape.back(0);
    RunPacked(arguments.inputs[0], arguments.inputs[1], {integers[0], integers[1], n},
              arguments.output);
  }
  return absl::OkStatus();
}

Value AsMatrix(Value x) { return Reshape(x, {Rows(x.shape()), x.shape().back(0)}); }

// y = op(x) · op(w): with g of y, x gets g · op(w)^T and w gets op(x)^T · g, each transposed where
// its operand was.
InputGradients MatMulGradient(const GradientArguments& arguments) {
  const bool left = arguments.attributes.integers[0] != 0;
  const bool right = arguments.attributes.integers[1] != 0;
  const Value x = arguments.inputs[0];
  const Value w = arguments.inputs[1];
  const Value g = arguments.gradient;
  InputGradients gradients(2);
  if (arguments.needed[0]) {
    gradients[0] = left ? MatMul(w, g, {right, true}) : MatMul(g, w, {false, !right});
  }
  if (arguments.needed[1]) {
    const Value rows = left ? x : AsMatrix(x);
    const Value g_rows = left ? g : AsMatrix(g);
    gradients[1] =
        right ? MatMul(g_rows, rows, {true, left}) : MatMul(rows, g_rows, {!left, false});
  }
  return gradients;
}

std::vector<Sample> MatMulSamples() {
  std::vector<Sample> samples;
  const auto add = [&](const Shape& left, const Shape& right, bool transpose_left,
                       bool transpose_right) {
    samples.push_back({{{{DType::kF32, left}}, {{DType::kF32, right}}},
                       {.integers = {transpose_left ? 1 : 0, transpose_right ? 1 : 0}}});
  };
  add({5, 7}, {7, 3}, false, false);
  add({2, 3, 4}, {4, 5}, false, false);
  add({7, 5}, {7, 3}, true, false);
  add({5, 7}, {3, 7}, false, true);
  add({7, 5}, {3, 7}, true, true);
  add({1, 1}, {1, 50}, false, false);
  add({9, 4}, {4, 49}, false, false);
  return samples;
}

// What `pack` would have made of a right-hand operand (7, 3).
Sample PackedSample(DType dtype) {
  const Shape packed{1, 7, KernelsFor(dtype).panel_columns};
  return {{{{dtype, {5, 7}}}, {{dtype, packed}}}, {.integers = {0, 0, 3}}};
}
Sample PackedAddSample(DType dtype, const Shape& addend) {
  Sample sample = PackedSample(dtype);
  sample.inputs.push_back({{dtype, addend}});
  return sample;
}

// What the packed product takes as it is.
Sample WholeSample(std::initializer_list<Shape> addend) {
  Sample sample{{{{DType::kF32, {5, 7}}}, {{DType::kF32, {7, 80}}}}, {.integers = {0, 0, 80}}};
  for (const Shape& shape : addend) sample.inputs.push_back({{DType::kF32, shape}});
  return sample;
}
bool ReadsInPlace(const Attributes& attributes, const TensorType& right, int64_t rows) {
  return rows <= kFewRows &&
         MayReadInPlace(attributes.integers[1] != 0, right.shape[1], KernelsFor(right.dtype));
}

bool LeftIsUpright(const Attributes& attributes, const Shape&) {
  return attributes.integers[0] == 0;
}

double ProductFlops(absl::Span<const TensorType> inputs, const TensorType& output) {
  const double k = static_cast<double>(inputs[0].shape.elements()) /
                   std::max<double>(1, static_cast<double>(output.shape.elements())) *
                   static_cast<double>(output.shape.back(0));
  return 2 * k * static_cast<double>(output.shape.elements());
}

const RegisterOps kOps(
    {{.name = "matmul",
      .kind = OpKind::kProduct,
      .formula = "x · w",
      .arity = 2,
      .type = MatMulType,
      .kernel = RunMatMul,
      .gradient = MatMulGradient,
      .flops = ProductFlops,
      .samples = MatMulSamples(),
      .pack = "pack",
      .packed_product = "packed_matmul",
      .reads_in_place = ReadsInPlace,
      .adds_over_rows = ContractsRows,
      .row_by_row = LeftIsUpright,
      .overwrites_right = ContractsRows},
     // Those below are written by planning, after gradients.
     {.name = "pack",
      .kind = OpKind::kPack,
      .formula = "w in the order of the product's kernel",
      .arity = 1,
      .type = PackType,
      .kernel = RunPack,
      .gradient = Differentiation::None(),
      .flops = NoFlops,
      .samples = {{{{{DType::kF32, {5, 70}}}}, {.integers = {0}}},
                  {{{{DType::kF32, {70, 5}}}}, {.integers = {1}}}}},
     {.name = "packed_matmul",
      .kind = OpKind::kProduct,
      .formula = "x · w, w packed or as it is",
      .arity = 2,
      .type = PackedType,
      .kernel = RunPackedMatMul,
      .gradient = Differentiation::None(),
      .flops = ProductFlops,
      .samples = {PackedSample(DType::kF32), PackedSample(DType::kF64), WholeSample({})},
      .row_by_row = LeftIsUpright,
      .adding = "packed_matmul_add"},
     {.name = "packed_matmul_add",
      .kind = OpKind::kProduct,
      .formula = "y + x · w, w packed or as it is",
      .arity = 3,
      .type = PackedAddType,
      .kernel = RunPackedMatMulAdd,
      .gradient = Differentiation::None(),
      .flops = ProductFlops,
      .samples = {PackedAddSample(DType::kF32, {5, 3}), PackedAddSample(DType::kF32, {3}),
                  PackedAddSample(DType::kF64, {1, 3}), WholeSample({{80}})},
      .row_by_row = LeftIsUpright,
      .overwritable_input = 2}});

}  // namespace

Value MatMul(Value x, Value w, const MatMulOptions& options) {
  static const Op& op = OpNamed("matmul");
  return RecordOp(op, {x, w},
                  {.integers = {options.transpose_left ? 1 : 0, options.transpose_right ? 1 : 0}});
}

}  // namespace sluice
