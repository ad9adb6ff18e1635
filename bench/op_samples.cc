#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <string>

#include <sluice/bench/op_samples.h>

namespace sluice {
namespace {

constexpr int64_t kColumns = 1024;  // of the matrices that ops go over row by row

SampleInput Floats(const Shape& shape) { return {{DType::kF32, shape}}; }
SampleInput Ids(const Shape& shape, int64_t count) {
  return {{DType::kI32, shape}, 0, static_cast<double>(count)};
}
// Products grow faster than their operands.
constexpr int64_t kMostProductFloats = 12 << 20;

int64_t Rows(int64_t floats, int64_t columns) { return std::max<int64_t>(1, floats / columns); }
// Sides of `count` square matrices.
int64_t Side(int64_t floats, int64_t count) {
  return std::lround(std::sqrt(static_cast<double>(floats) / static_cast<double>(count)));
}

Sample Elementwise(const Op& op, int64_t floats) {
  const Sample& given = op.samples.front();
  Sample sample{.attributes = given.attributes};
  for (int input = 0; input < op.arity; ++input) {
    const SampleInput& range = given.inputs[std::min<size_t>(input, given.inputs.size() - 1)];
    sample.inputs.push_back({{DType::kF32, {floats / (op.arity + 1)}}, range.low, range.high});
  }
  return sample;
}

Sample Reduction(int64_t floats) {
  // Keep no axes; sum along rows.
  return {{Floats({Rows(floats, kColumns), kColumns})}, {.integers = {0, 0, 1}}};
}

Sample PackedMatMul(int64_t floats) {
  const int64_t side = Side(std::min(floats, kMostProductFloats), 3);
  const Op* pack = OpRegistry::Global().Find("pack");
  const TensorType right{DType::kF32, {side, side}};
  const TensorType packed = pack->type({{right}, {.integers = {0}}}).value();
  return {{Floats({side, side}), {packed}}, {.integers = {0, 0, side}}};
}

Sample PackedMatMulAdd(int64_t floats) {
  Sample sample = PackedMatMul(floats);
  sample.inputs.push_back(sample.inputs[0]);
  return sample;
}

Sample Random(int64_t floats) {
  return {{Ids({}, 10)}, {.integers = {42, static_cast<int64_t>(DType::kF32), floats}}};
}

Sample Gather(int64_t floats) {
  const int64_t rows = Rows(floats, 2 * 256);
  return {{Floats({rows, 256}), Ids({rows}, rows)}, {}};
}

Sample ScatterAdd(int64_t floats) {
  const int64_t rows = Rows(floats, 2 * 256);
  return {{Ids({rows}, rows), Floats({rows, 256})}, {.integers = {rows}}};
}

Sample ScatterAddOnto(int64_t floats) {
  const int64_t rows = Rows(floats, 3 * 256);
  return {{Ids({rows}, rows), Floats({rows, 256}), Floats({rows, 256})}, {.integers = {rows}}};
}

using Maker = std::function<Sample(int64_t floats)>;

const std::map<std::string, Maker>& Makers() {
  static const auto& makers = *new std::map<std::string, Maker>{
      {"sum", Reduction},
      {"max", Reduction},
      {"matmul",
       [](int64_t floats) -> Sample {
         const int64_t side = Side(std::min(floats, kMostProductFloats), 3);
         const Shape square{side, side};
         return {{Floats(square), Floats(square)}, {.integers = {0, 0}}};
       }},
      {"pack",
       [](int64_t floats) -> Sample {
         return {{Floats({Side(floats, 2), Side(floats, 2)})}, {.integers = {0}}};
       }},
      {"packed_matmul", PackedMatMul},
      {"packed_matmul_add", PackedMatMulAdd},
      {"reshape",
       [](int64_t floats) -> Sample {
         const int64_t rows = Rows(floats / 2, kColumns);
         return {{Floats({rows, kColumns})}, {.integers = {kColumns, rows}}};
       }},
      {"broadcast",
       [](int64_t floats) -> Sample {
         return {{Floats({kColumns})}, {.integers = {Rows(floats, kColumns), kColumns}}};
       }},
      {"transpose",
       [](int64_t floats) -> Sample {
         return {{Floats({Side(floats, 2), Side(floats, 2)})}, {.integers = {1, 0}}};
       }},
      {"slice",  // the left half of the columns
       [](int64_t floats) -> Sample {
         return {{Floats({Rows(floats, kColumns), kColumns})}, {.integers = {1, 0, kColumns / 2}}};
       }},
      {"concat",
       [](int64_t floats) -> Sample {
         const Shape half{Rows(floats, 2 * kColumns), kColumns / 2};
         return {{Floats(half), Floats(half)}, {.integers = {1}}};
       }},
      {"gather", Gather},
      {"first_equal",
       [](int64_t floats) -> Sample {
         return {{Ids({floats / 2}, floats / 4)}, {}};
       }},
      {"scatter_add", ScatterAdd},
      {"scatter_add_onto", ScatterAddOnto},
      {"cast",
       [](int64_t floats) -> Sample {
         return {{Ids({floats / 2}, 1000)}, {.integers = {static_cast<int64_t>(DType::kF32)}}};
       }},
      {"uniform", Random},
      {"normal", Random},
  };
  return makers;
}

}  // namespace

Sample SampleOfSize(const Op& op, int64_t bytes) {
  const int64_t floats = bytes / 4;
  const auto maker = Makers().find(op.name);
  if (maker != Makers().end()) return maker->second(floats);
  if (op.kind == OpKind::kElementwise && op.arity != kAnyNumber) return Elementwise(op, floats);
  return op.samples.front();
}

}  // namespace sluice
