#include "graph/large_tapes.h"

#include <algorithm>

#include <absl/strings/str_cat.h>

#include <sluice/ops/composed.h>

#include "graph/tapes.h"

namespace sluice {
namespace {

using Recorded = LargeTape::Recorded;

Value AddTo(Value sum, Value addend) { return sum ? sum + addend : addend; }

// A loop of element-wise ops of one shape that ends where it began.
LargeTape Elementwise(const std::string& name, const Shape& shape) {
  return {name, [shape](Tape& tape, VariableStore&, int nodes) -> Recorded {
            Value y = tape.Feed(Tensor(DType::kF32, shape));
            for (int i = 0; i < 4 * (nodes / 4 + 1); ++i) y = i % 2 == 0 ? y + 1.0 : Negate(y);
            return {{y}};
          }};
}

Recorded TimeLoop(Tape& tape, VariableStore& store, int nodes) {
  const RecurrentSizes sizes{.steps = nodes / 48, .batch = 2, .inputs = 2, .hidden = 2};
  RecordTrainingStep(tape, store, sizes);
  return {};
}

Recorded SumOfAddends(Tape& tape, int nodes, bool from_left) {
  const Value x = tape.Feed(Floats({2}, {1, 2}));
  std::vector<Value> addends;
  for (int i = 0; i < nodes / 4 + 1; ++i) addends.push_back(x * static_cast<double>(i % 7));
  Value sum = addends[0];
  double expected = 0;
  for (size_t i = 1; i < addends.size(); ++i) {
    sum = from_left ? sum + addends[i] : addends[i] + sum;
    expected += static_cast<double>(i % 7);
  }
  return {{Gradients(Sum(sum), {x})[0], sum}, expected};
}

Recorded SumOfProducts(Tape& tape, VariableStore&, int nodes) {
  const Value w = tape.Feed(RandomFloats({2, 2}, 1));
  const Value bias = tape.Feed(RandomFloats({2}, 2));
  const int count = nodes / 8 + 1;
  Value sum;
  for (int i = 0; i < count; ++i) {
    const Value x = tape.Feed(Floats({1, 2}, {1, static_cast<float>(i % 3)}));
    sum = AddTo(sum, MatMul(x, w) + bias);
  }
  const std::vector<Value> gradients = Gradients(Sum(sum), {bias, w});
  return {gradients, 1.0 * count};
}

Recorded SlicesOfOneTensor(Tape& tape, VariableStore&, int nodes) {
  const int rows = nodes / 8;
  const Value x = tape.Feed(Tensor(DType::kF32, {rows, 2}));
  std::vector<Value> exps;
  for (int i = 0; i < rows; ++i) exps.push_back(Exp(Index(x, i)));
  const Value y = Stack(exps);
  return {{Gradients(Sum(y * y), {x})[0]}, 2};
}

Recorded GathersFromOneTable(Tape& tape, VariableStore&, int nodes) {
  const int count = nodes / 4;
  const Value table = tape.Feed(Tensor(DType::kF32, {3, 2}));
  const Value ids = tape.Feed(Tensor(DType::kI32, {count, 2}));
  Value sum;
  for (int i = 0; i < count; ++i) sum = AddTo(sum, Exp(Gather(table, Index(ids, i))));
  return {{Sum(Gradients(Sum(sum), {table})[0])}, 4.0 * count};
}

// Rows here and there of a table that is much longer than the tape.
Recorded RowsOfALongTable(Tape& tape, VariableStore&, int nodes) {
  constexpr int kRows = 1'000'000;
  const Value table = Negate(tape.Feed(Tensor(DType::kF32, {kRows, 1})));
  Value sum;
  for (int i = 0; i < nodes / 3; ++i) sum = AddTo(sum, Exp(Slice(table, 0, i, i + 1)));
  return {{sum}, static_cast<double>(nodes / 3)};
}

Recorded ValuesOfAsManySizes(Tape& tape, VariableStore&, int nodes) {
  const int count = nodes / 5 + 1;
  const Value x = tape.Feed(Tensor(DType::kF32, {count, 1}));
  Value sum;
  for (int i = 1; i < count; ++i) {
    const Value part = Exp(Slice(x, 0, 0, i) + static_cast<double>(-i));
    sum = AddTo(sum, Slice(Exp(part), 0, 0, 1));
  }
  return {{sum}, count - 1.0, 1};
}

Recorded ViewsOfViews(Tape& tape, VariableStore&, int nodes) {
  Value view = tape.Feed(Tensor(DType::kF32, {1, 2}));
  Value sum;
  for (int i = 0; i < nodes / 3; ++i) {
    view = Reshape(view, i % 2 == 0 ? Shape{2} : Shape{1, 2});
    sum = AddTo(sum, Exp(Reshape(view, {2})));
  }
  return {{sum}, static_cast<double>(nodes / 3)};
}

Recorded ConcatenationsOfConcatenations(Tape& tape, VariableStore&, int nodes) {
  const Value x = tape.Feed(Tensor(DType::kF32, {1, 2}));
  std::vector<Value> level;
  for (int i = 0; i < nodes / 3; ++i) level.push_back(Exp(x * static_cast<double>(i)));
  while (level.size() > 1) {
    std::vector<Value> next;
    for (size_t i = 0; i + 1 < level.size(); i += 2) {
      next.push_back(Concat({level[i], level[i + 1]}, 0));
    }
    if (level.size() % 2 == 1) next.push_back(level.back());
    level = std::move(next);
  }
  return {{level[0]}, 1};
}

Recorded ManyVariables(Tape& tape, VariableStore& store, int nodes) {
  Value sum;
  const auto ones = [](const TensorType& type, RandomKey) {
    return Tensor(type.shape, std::vector<float>(type.shape.elements(), 1));
  };
  for (int i = 0; i < nodes / 4; ++i) {
    Variable& variable = store.root().Trainable(absl::StrCat("v", i), {2}, ones);
    const Value old = tape.Use(variable);
    tape.Write(variable, old * 0.5);
    sum = AddTo(sum, Negate(old));
  }
  return {{sum}, -static_cast<double>(nodes / 4)};
}

}  // namespace

const std::vector<LargeTape>& LargeTapes() {
  const auto sum = [](bool from_left) {
    return [from_left](Tape& tape, VariableStore&, int nodes) {
      return SumOfAddends(tape, nodes, from_left);
    };
  };
  static const auto& tapes = *new std::vector<LargeTape>{
      Elementwise("numbers", {}),
      Elementwise("lists", {3}),
      Elementwise("matrices", {2, 3}),
      Elementwise("rows", {1, 3}),
      {"time_loop", TimeLoop},
      {"sum_from_left", sum(true)},
      {"sum_from_right", sum(false)},
      {"sum_of_products", SumOfProducts},
      {"slices_of_one_tensor", SlicesOfOneTensor},
      {"gathers_from_one_table", GathersFromOneTable},
      {"rows_of_a_long_table", RowsOfALongTable},
      {"values_of_as_many_sizes", ValuesOfAsManySizes},
      {"views_of_views", ViewsOfViews},
      {"concatenations_of_concatenations", ConcatenationsOfConcatenations},
      {"many_variables", ManyVariables}};
  return tapes;
}

}  // namespace sluice
