#include "ops/op_cases.h"

#include <array>
#include <cmath>
#include <limits>
#include <numbers>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <sluice/graph/random.h>

#include "ops/large_samples.h"
#include "ops/source_checks.h"

namespace sluice::testing {
namespace {

// ---- Places ----

using Index = std::array<int64_t, Shape::kMaxRank>;

Index IndexOf(const Shape& shape, int64_t position) {
  Index index = {};
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    index[axis] = position % shape[axis];
    position /= shape[axis];
  }
  return index;
}

int64_t PositionOf(const Shape& shape, const Index& index) {
  int64_t position = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) position = position * shape[axis] + index[axis];
  return position;
}

// The element of `from` that stands at a position of what `from` is broadcast to.
int64_t BroadcastPosition(const Shape& from, const Shape& to, int64_t position) {
  const Index index = IndexOf(to, position);
  Index inner = {};
  for (int axis = 0; axis < from.rank(); ++axis) {
    inner[axis] = from[axis] == 1 ? 0 : index[axis + to.rank() - from.rank()];
  }
  return PositionOf(from, inner);
}

// The result whose element at each position is element(position).
template <typename Element>
std::vector<double> Fill(const ReferenceArguments& arguments, Element element) {
  std::vector<double> result(arguments.output.shape.elements());
  for (size_t i = 0; i < result.size(); ++i) result[i] = element(static_cast<int64_t>(i));
  return result;
}

// ---- Element-wise ----

// f(x, p), f(a, b) or f(c, a, b) of the inputs' elements.
template <typename F>
Reference Elementwise(F f) {
  return [f](const ReferenceArguments& arguments) {
    return Fill(arguments, [&](int64_t position) {
      double in[3] = {};
      for (size_t i = 0; i < arguments.inputs.size(); ++i) {
        const Tensor& input = arguments.inputs[i];
        in[i] = input.At(BroadcastPosition(input.shape(), arguments.output.shape, position));
      }
      if constexpr (std::is_invocable_v<F, double>) {
        return f(in[0]);
      } else if constexpr (std::is_invocable_v<F, double, double>) {
        return f(in[0], arguments.inputs.size() == 1 ? arguments.attributes.number : in[1]);
      } else {
        return f(in[0], in[1], in[2]);
      }
    });
  };
}

// ---- Reductions ----

template <typename Combine>
Reference Reduction(double start, Combine combine) {
  return [=](const ReferenceArguments& arguments) {
    const Tensor& x = arguments.inputs[0];
    std::vector<double> result(arguments.output.shape.elements(), start);
    for (int64_t i = 0; i < x.elements(); ++i) {
      const Index index = IndexOf(x.shape(), i);
      int64_t position = 0;
      for (int axis = 0; axis < x.shape().rank(); ++axis) {
        if (arguments.attributes.integers[axis + 1] != 0) continue;
        position = position * x.shape()[axis] + index[axis];
      }
      result[position] = combine(result[position], x.At(i));
    }
    return result;
  };
}

std::vector<double> SumSquaresReference(const ReferenceArguments& arguments) {
  double sum = 0;
  for (int64_t i = 0; i < arguments.inputs[0].elements(); ++i) {
    sum += arguments.inputs[0].At(i) * arguments.inputs[0].At(i);
  }
  return {sum};
}

// ---- Products ----

std::vector<double> MatMulReference(const ReferenceArguments& arguments) {
  const Tensor& x = arguments.inputs[0];
  const Tensor& w = arguments.inputs[1];
  const bool left = arguments.attributes.integers[0] != 0;
  const bool right = arguments.attributes.integers[1] != 0;
  const int64_t columns = arguments.output.shape.back(0);
  const int64_t inner = w.shape()[right ? 1 : 0];
  const int64_t rows = arguments.output.shape.elements() / columns;
  return Fill(arguments, [&](int64_t position) {
    const int64_t i = position / columns;
    const int64_t j = position % columns;
    double sum = 0;
    for (int64_t k = 0; k < inner; ++k) {
      sum +=
          x.At(left ? k * rows + i : i * inner + k) * w.At(right ? j * inner + k : k * columns + j);
    }
    return sum;
  });
}

// (P, K, C) holds w (K, N) in panels of C columns, the last filled up with zeros.
std::vector<double> PackReference(const ReferenceArguments& arguments) {
  const Tensor& w = arguments.inputs[0];
  const bool transposed = arguments.attributes.integers[0] != 0;
  const int64_t inner = w.shape()[transposed ? 1 : 0];
  const int64_t columns = w.shape()[transposed ? 0 : 1];
  return Fill(arguments, [&](int64_t position) {
    const Index index = IndexOf(arguments.output.shape, position);
    const int64_t column = index[0] * arguments.output.shape[2] + index[2];
    if (column >= columns) return 0.0;
    return w.At(transposed ? column * inner + index[1] : index[1] * columns + column);
  });
}

std::vector<double> PackedMatMulReference(const ReferenceArguments& arguments) {
  const Tensor& x = arguments.inputs[0];
  const Tensor& packed = arguments.inputs[1];
  const bool left = arguments.attributes.integers[0] != 0;
  const int64_t columns = arguments.attributes.integers[2];
  const int64_t rows = arguments.output.shape.elements() / columns;
  const int64_t inner = packed.shape().back(1);
  const int64_t panel = packed.shape().back(0);
  return Fill(arguments, [&](int64_t position) {
    const int64_t i = position / columns;
    const int64_t j = position % columns;
    double sum = 0;
    for (int64_t k = 0; k < inner; ++k) {
      sum += x.At(left ? k * rows + i : i * inner + k) *
             packed.At((j / panel * inner + k) * panel + j % panel);
    }
    return sum;
  });
}

// x · w, and then y, or its one row, on top of it.
std::vector<double> PackedMatMulAddReference(const ReferenceArguments& arguments) {
  std::vector<double> sums = PackedMatMulReference(arguments);
  const Tensor& addend = arguments.inputs[2];
  for (size_t i = 0; i < sums.size(); ++i) {
    sums[i] += addend.At(static_cast<int64_t>(i) % addend.elements());
  }
  return sums;
}

// ---- Movement ----

std::vector<double> CopyReference(const ReferenceArguments& arguments) {
  return Fill(arguments, [&](int64_t position) { return arguments.inputs[0].At(position); });
}

std::vector<double> CastReference(const ReferenceArguments& arguments) {
  return Fill(arguments, [&](int64_t position) -> double {
    const double element = arguments.inputs[0].At(position);
    if (arguments.output.dtype == DType::kF32) return static_cast<float>(element);
    return arguments.output.dtype == DType::kF64 ? element : std::trunc(element);
  });
}

std::vector<double> TransposeReference(const ReferenceArguments& arguments) {
  return Fill(arguments, [&](int64_t position) {
    const Index index = IndexOf(arguments.output.shape, position);
    Index from = {};
    for (int axis = 0; axis < arguments.output.shape.rank(); ++axis) {
      from[arguments.attributes.integers[axis]] = index[axis];
    }
    return arguments.inputs[0].At(PositionOf(arguments.inputs[0].shape(), from));
  });
}

std::vector<double> SliceReference(const ReferenceArguments& arguments) {
  return Fill(arguments, [&](int64_t position) {
    Index index = IndexOf(arguments.output.shape, position);
    index[arguments.attributes.integers[0]] += arguments.attributes.integers[1];
    return arguments.inputs[0].At(PositionOf(arguments.inputs[0].shape(), index));
  });
}

std::vector<double> ConcatReference(const ReferenceArguments& arguments) {
  const auto axis = static_cast<int>(arguments.attributes.integers[0]);
  return Fill(arguments, [&](int64_t position) {
    Index index = IndexOf(arguments.output.shape, position);
    size_t piece = 0;
    for (; index[axis] >= arguments.inputs[piece].shape()[axis]; ++piece) {
      index[axis] -= arguments.inputs[piece].shape()[axis];
    }
    return arguments.inputs[piece].At(PositionOf(arguments.inputs[piece].shape(), index));
  });
}

std::vector<double> BroadcastReference(const ReferenceArguments& arguments) {
  const Tensor& x = arguments.inputs[0];
  return Fill(arguments, [&](int64_t position) {
    return x.At(BroadcastPosition(x.shape(), arguments.output.shape, position));
  });
}

std::vector<double> GatherReference(const ReferenceArguments& arguments) {
  const Tensor& table = arguments.inputs[0];
  const int64_t row = table.elements() / table.shape()[0];
  return Fill(arguments, [&](int64_t position) {
    const auto id = static_cast<int64_t>(arguments.inputs[1].At(position / row));
    return table.At(id * row + position % row);
  });
}

std::vector<double> FirstEqualReference(const ReferenceArguments& arguments) {
  const Tensor& ids = arguments.inputs[0];
  return Fill(arguments, [&](int64_t position) {
    int64_t first = 0;
    while (ids.At(first) != ids.At(position)) ++first;
    return static_cast<double>(first);
  });
}

std::vector<double> ScatterReference(const ReferenceArguments& arguments) {
  const Tensor& values = arguments.inputs[1];
  const int64_t row = values.elements() / values.shape()[0];
  std::vector<double> result(arguments.output.shape.elements());
  for (int64_t i = 0; i < values.elements(); ++i) {
    const auto id = static_cast<int64_t>(arguments.inputs[0].At(i / row));
    result[id * row + i % row] += values.At(i);
  }
  return result;
}

std::vector<double> PickReference(const ReferenceArguments& arguments) {
  const Tensor& x = arguments.inputs[0];
  const Tensor& ids = arguments.inputs[1];
  return Fill(arguments,
              [&](int64_t i) { return x.At(i * x.shape()[1] + static_cast<int64_t>(ids.At(i))); });
}

// Onto the third input, if there is one.
std::vector<double> PlaceAtReference(const ReferenceArguments& arguments) {
  const Tensor& ids = arguments.inputs[0];
  const Tensor& values = arguments.inputs[1];
  const int64_t columns = arguments.output.shape[1];
  return Fill(arguments, [&](int64_t position) {
    const int64_t row = position / columns;
    const double base = arguments.inputs.size() == 3 ? arguments.inputs[2].At(position) : 0;
    return base + (position % columns == static_cast<int64_t>(ids.At(row)) ? values.At(row) : 0);
  });
}

std::vector<double> ScatterOntoReference(const ReferenceArguments& arguments) {
  std::vector<double> sums = ScatterReference(arguments);
  for (size_t i = 0; i < sums.size(); ++i) {
    sums[i] += arguments.inputs[2].At(static_cast<int64_t>(i));
  }
  return sums;
}

// ---- Random ----

// element(u, v) of two uniform numbers for each position.
template <typename Element>
Reference Random(Element element) {
  return [element](const ReferenceArguments& arguments) {
    const auto key = static_cast<RandomKey>(arguments.attributes.integers[0]);
    const auto step = static_cast<uint64_t>(arguments.inputs[0].At(0));
    return Fill(arguments, [&](int64_t position) -> double {
      const std::array<uint32_t, 4> words = Philox(key, step, static_cast<uint64_t>(position));
      if (arguments.output.dtype == DType::kF32) {
        return element(std::ldexp(words[0] >> 8, -24), std::ldexp(words[1] >> 8, -24));
      }
      const auto number = [&](int high) {
        const uint64_t bits = uint64_t{words[high]} << 32 | words[high + 1];
        return std::ldexp(static_cast<double>(bits >> 11), -53);
      };
      return element(number(0), number(2));
    });
  };
}

// ---- The table ----

double One(bool condition) { return condition ? 1 : 0; }

std::vector<OpCase> MakeCases() {
  const Accuracy function = Accuracy::kFunction;
  const Accuracy sum = Accuracy::kSum;
  const Accuracy rounded = Accuracy::kRounded;
  std::vector<OpCase> cases = {
      {"negate", Elementwise([](double x) { return -x; })},
      {"abs", Elementwise([](double x) { return std::fabs(x); }), rounded, Draw::kOffZero},
      {"sign", Elementwise([](double x) { return One(x > 0) - One(x < 0); }), rounded,
       Draw::kHalves},
      {"square", Elementwise([](double x) { return x * x; })},
      {"relu", Elementwise([](double x) { return std::fmax(x, 0); }), rounded, Draw::kOffZero},
      {"exp", Elementwise([](double x) { return std::exp(x); }), function},
      {"log", Elementwise([](double x) { return std::log(x); }), function},
      {"log1p", Elementwise([](double x) { return std::log1p(x); }), function},
      {"tanh", Elementwise([](double x) { return std::tanh(x); }), function},
      {"sigmoid", Elementwise([](double x) { return 1 / (1 + std::exp(-x)); }), function},
      {"softplus", Elementwise([](double x) { return std::log(1 + std::exp(x)); }), function},
      {"sqrt", Elementwise([](double x) { return std::sqrt(x); })},
      {"reciprocal", Elementwise([](double x) { return 1 / x; })},
      {"cos", Elementwise([](double x) { return std::cos(x); }), function},
      {"sin", Elementwise([](double x) { return std::sin(x); }), function},
      {"stop_gradient", Elementwise([](double x) { return x; })},
      {"power", Elementwise([](double x, double p) { return std::pow(x, p); }), function},
      {"add", Elementwise([](double a, double b) { return a + b; })},
      {"subtract", Elementwise([](double a, double b) { return a - b; })},
      {"multiply", Elementwise([](double a, double b) { return a * b; })},
      {"divide", Elementwise([](double a, double b) { return a / b; })},
      {"maximum", Elementwise([](double a, double b) { return std::fmax(a, b); }), rounded,
       Draw::kApart},
      {"minimum", Elementwise([](double a, double b) { return std::fmin(a, b); }), rounded,
       Draw::kApart},
      {"less", Elementwise([](double a, double b) { return One(a < b); }), rounded, Draw::kHalves},
      {"less_equal", Elementwise([](double a, double b) { return One(a <= b); }), rounded,
       Draw::kHalves},
      {"equal", Elementwise([](double a, double b) { return One(a == b); }), rounded,
       Draw::kHalves},
      {"select",
       Elementwise([](double c, double a, double b) { return c != 0 ? a : b; }),
       rounded,
       Draw::kHalves,
       {0}},
      {"sum", Reduction(0, [](double a, double b) { return a + b; }), sum},
      {"sum_squares", SumSquaresReference, sum},
      {"max",
       Reduction(-std::numeric_limits<double>::infinity(),
                 [](double a, double b) { return std::fmax(a, b); }),
       rounded, Draw::kApart},
      {"matmul", MatMulReference, sum},
      {"pack", PackReference},
      {"packed_matmul", PackedMatMulReference, sum},
      {"packed_matmul_add", PackedMatMulAddReference, sum},
      {"reshape", CopyReference},
      {"broadcast", BroadcastReference},
      {"transpose", TransposeReference},
      {"slice", SliceReference},
      {"concat", ConcatReference},
      {"gather", GatherReference},
      {"first_equal", FirstEqualReference},
      {"scatter_add", ScatterReference, sum},
      {"scatter_add_onto", ScatterOntoReference, sum},
      {"pick", PickReference},
      {"place_at", PlaceAtReference},
      {"place_at_onto", PlaceAtReference},
      {"cast", CastReference},
      {"uniform", Random([](double u, double) { return u; })},
      {"normal", Random([](double u, double v) {
         return std::sqrt(-2 * std::log(1 - u)) * std::cos(2 * std::numbers::pi * v);
       }),
       Accuracy::kNormal},
      {.name = "feed", .own_check = CheckFeed},
      {.name = "constant", .own_check = CheckConstant},
      {.name = "variable", .own_check = CheckVariable},
      {.name = "write", .own_check = CheckWrite},
  };
  for (OpCase& op_case : cases) op_case.large = LargeSamples(op_case.name);
  return cases;
}

}  // namespace

const std::vector<OpCase>& OpCases() {
  static const auto& cases = *new std::vector<OpCase>(MakeCases());
  return cases;
}

const OpCase* FindCase(absl::string_view op) {
  for (const OpCase& op_case : OpCases()) {
    if (op_case.name == op) return &op_case;
  }
  return nullptr;
}

absl::Status CheckIsTested(const Op& op) {
  if (absl::StartsWith(op.name, "test_")) return absl::OkStatus();
  const OpCase* op_case = FindCase(op.name);
  if (op_case == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("op \"", op.name, "\" has no case in tests/ops/op_cases.cc"));
  }
  if (op_case->own_check != nullptr) return absl::OkStatus();
  if (op.samples.empty()) {
    return absl::NotFoundError(absl::StrCat("op \"", op.name, "\" has no samples in its record"));
  }
  if (op_case->large.empty()) {
    return absl::NotFoundError(
        absl::StrCat("op \"", op.name, "\" has none in tests/ops/large_samples.cc"));
  }
  return absl::OkStatus();
}

}  // namespace sluice::testing
