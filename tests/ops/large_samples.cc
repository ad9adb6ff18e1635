#include "ops/large_samples.h"

#include <map>
#include <string>

namespace sluice::testing {
namespace {

SampleInput Floats(const Shape& shape) { return {{DType::kF32, shape}}; }
SampleInput Ids(const Shape& shape, double count) { return {{DType::kI32, shape}, 0, count}; }

std::vector<Sample> LargeElementwise(const Op& op) {
  const SampleInput& range = op.samples.front().inputs.front();
  const std::vector<std::vector<Shape>> shapes[] = {
      {{{301, 1003}}},
      {{{301, 1003}, {301, 1003}}, {{301, 1003}, {1003}}, {{3, 301, 1}, {301, 307}}, {{}, {70001}}},
      {{{301, 1003}, {301, 1003}, {301, 1003}}, {{301, 1}, {1003}, {}}}};
  std::vector<Sample> samples;
  for (const std::vector<Shape>& inputs : shapes[op.arity - 1]) {
    Sample sample{.attributes = op.samples.front().attributes};
    for (const Shape& shape : inputs) {
      sample.inputs.push_back({{DType::kF32, shape}, range.low, range.high});
    }
    samples.push_back(sample);
  }
  return samples;
}

std::vector<Sample> LargeReductions() {
  std::vector<Sample> samples;
  // integers: keep the axes, then for each axis whether it is reduced.
  const std::vector<absl::InlinedVector<int64_t, 4>> axes = {
      {0, 1, 1, 1}, {0, 0, 0, 1}, {0, 1, 0, 0}, {0, 0, 1, 0}, {1, 1, 0, 1}};
  for (const auto& integers : axes) {
    samples.push_back({{Floats({67, 31, 205})}, {.integers = integers}});
  }
  samples.push_back({{Floats({300001})}, {.integers = {0, 1}}});
  samples.push_back({{Floats({3, 150001})}, {.integers = {0, 0, 1}}});
  samples.push_back({{Floats({150001, 3})}, {.integers = {0, 1, 0}}});
  return samples;
}

std::vector<Sample> LargeMatMuls() {
  return {{{Floats({131, 203}), Floats({203, 157})}, {.integers = {0, 0}}},
          {{Floats({7, 31, 40}), Floats({40, 301})}, {.integers = {0, 0}}},
          {{Floats({203, 131}), Floats({203, 157})}, {.integers = {1, 0}}},
          {{Floats({131, 203}), Floats({157, 203})}, {.integers = {0, 1}}},
          {{Floats({203, 131}), Floats({157, 203})}, {.integers = {1, 1}}},
          {{Floats({1, 1003}), Floats({1003, 701})}, {.integers = {0, 0}}}};
}

std::vector<Sample> LargePackedMatMuls() {
  const Op* pack = OpRegistry::Global().Find("pack");
  const TensorType right{DType::kF32, {203, 157}};
  const absl::StatusOr<TensorType> packed = pack->type({{right}, {.integers = {0}}});
  return {{{Floats({131, 203}), {*packed}}, {.integers = {0, 0, 157}}},
          {{Floats({203, 131}), {*packed}}, {.integers = {1, 0, 157}}}};
}

std::vector<Sample> LargePackedMatMulAdds() {
  std::vector<Sample> samples = LargePackedMatMuls();
  samples[0].inputs.push_back(Floats({157}));
  samples[1].inputs.push_back(Floats({131, 157}));
  return samples;
}

std::vector<Sample> LargeRandoms() {
  return {{{Ids({}, 10)}, {.integers = {42, static_cast<int64_t>(DType::kF32), 301, 1003}}}};
}

}  // namespace

std::vector<Sample> LargeSamples(absl::string_view name) {
  const Op* op = OpRegistry::Global().Find(name);
  if (op == nullptr || op->samples.empty()) return {};
  if (op->kind == OpKind::kElementwise) return LargeElementwise(*op);
  const std::map<std::string, std::vector<Sample>> others = {
      {"sum", LargeReductions()},
      {"sum_squares", {{{Floats({301, 1003})}, {.integers = {2}}}}},
      {"max", LargeReductions()},
      {"matmul", LargeMatMuls()},
      {"pack",
       {{{Floats({301, 703})}, {.integers = {0}}}, {{Floats({703, 301})}, {.integers = {1}}}}},
      {"packed_matmul", LargePackedMatMuls()},
      {"packed_matmul_add", LargePackedMatMulAdds()},
      {"reshape", {{{Floats({301, 1003})}, {.integers = {1003, 301}}}}},
      {"broadcast",
       {{{Floats({301, 1})}, {.integers = {7, 301, 203}}},
        {{Floats({1003})}, {.integers = {501, 1003}}}}},
      {"transpose",
       {{{Floats({503, 601})}, {.integers = {1, 0}}},
        {{Floats({21, 301, 53})}, {.integers = {2, 0, 1}}}}},
      {"slice",
       {{{Floats({1301, 1003})}, {.integers = {1, 101, 907}}},
        {{Floats({1301, 1003})}, {.integers = {0, 101, 1107}}}}},
      {"concat",
       {{{Floats({1301, 503}), Floats({1301, 705})}, {.integers = {1}}},
        {{Floats({503, 1301}), Floats({705, 1301})}, {.integers = {0}}}}},
      {"gather", {{{Floats({1009, 301}), Ids({703, 3}, 1009)}, {}}}},
      {"first_equal", {{{Ids({70001}, 1009)}, {}}}},
      {"scatter_add", {{{Ids({2003}, 101), Floats({2003, 301})}, {.integers = {101}}}}},
      {"pick", {{{Floats({1009, 301}), Ids({1009}, 301)}, {}}}},
      {"place_at", {{{Ids({1009}, 301), Floats({1009})}, {.integers = {301}}}}},
      {"place_at_onto",
       {{{Ids({1009}, 301), Floats({1009}), Floats({1009, 301})}, {.integers = {301}}}}},
      {"scatter_add_onto",
       {{{Ids({2003}, 101), Floats({2003, 301}), Floats({101, 301})}, {.integers = {101}}}}},
      {"cast", {{{Floats({301, 1003})}, {.integers = {static_cast<int64_t>(DType::kF32)}}}}},
      {"uniform", LargeRandoms()},
      {"normal", LargeRandoms()},
  };
  const auto found = others.find(std::string(name));
  return found == others.end() ? std::vector<Sample>{} : found->second;
}

}  // namespace sluice::testing
