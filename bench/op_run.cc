#include <algorithm>
#include <cstring>

#include <absl/strings/str_cat.h>

#include <sluice/bench/difference.h>
#include <sluice/bench/op_run.h>
#include <sluice/graph/random.h>

#include "ops/op_cases.h"

namespace sluice {
namespace {

constexpr double kTolerance = 1e-5;  // of the largest magnitude
constexpr double kMostFlopsOfReference = 2e8;
constexpr int64_t kCheckedRows = 8;
// Of results that large, some elements are checked where each comes from its own inputs.
constexpr int64_t kManyElements = 1 << 20;
constexpr int64_t kCheckedEnds = 4096;
constexpr int64_t kCheckedStride = 200;
constexpr int64_t kCheckedFirst = 20'000;

// The first rows of a matrix.
Tensor FirstRows(const Tensor& tensor, int64_t rows) {
  Tensor first(tensor.dtype(), {rows, tensor.shape()[1]});
  std::memcpy(first.raw(), tensor.raw(), first.bytes());
  return first;
}

// The elements of a tensor that stand at some positions.
Tensor ElementsAt(const Tensor& tensor, const std::vector<int64_t>& positions) {
  Tensor elements(tensor.dtype(), {static_cast<int64_t>(positions.size())});
  const int64_t bytes = BytesPerElement(tensor.dtype());
  for (size_t i = 0; i < positions.size(); ++i) {
    std::memcpy(static_cast<char*>(elements.raw()) + static_cast<int64_t>(i) * bytes,
                static_cast<const char*>(tensor.raw()) + positions[i] * bytes, bytes);
  }
  return elements;
}

// The first and last elements, and a random one of every kCheckedStride: of every tile.
std::vector<int64_t> PositionsOf(const Op& op, int64_t elements) {
  std::vector<int64_t> positions;
  if (op.name == "first_equal") {  // what it makes of the first is what it makes of them alone
    for (int64_t i = 0; i < kCheckedFirst; ++i) positions.push_back(i);
    return positions;
  }
  for (int64_t i = 0; i < kCheckedEnds; ++i) {
    positions.push_back(i);
    positions.push_back(elements - 1 - i);
  }
  RandomStream random(/*seed=*/2);
  for (int64_t start = 0; start < elements; start += kCheckedStride) {
    const auto offset = static_cast<int64_t>(random.Uniform() * kCheckedStride);
    positions.push_back(std::min(start + offset, elements - 1));
  }
  return positions;
}

bool HasOneShape(const std::vector<Tensor>& inputs, const Shape& shape) {
  return std::all_of(inputs.begin(), inputs.end(),
                     [&](const Tensor& input) { return input.shape() == shape; });
}

}  // namespace

OpRun::OpRun(const Op& op, const Sample& sample, int threads)
    : op_(op), sample_(sample), threads_(threads) {
  for (const SampleInput& input : sample_.inputs) types_.push_back(input.type);
  const absl::StatusOr<TensorType> type = op_.type({types_, sample_.attributes});
  status_ = type.status();
  if (!status_.ok()) return;
  inputs_ = testing::DrawInputs(sample_, testing::Draw::kUniform, /*seed=*/1);
  output_ = Tensor(*type);
}

absl::Status OpRun::Step() {
  if (!status_.ok()) return status_;
  absl::InlinedVector<ConstView, 3> views;
  for (const Tensor& input : inputs_) views.push_back({input.raw(), input.type()});
  return op_.kernel({op_, views, {output_.raw(), output_.type()}, sample_.attributes});
}

absl::Status OpRun::Check() {
  absl::Status status;
  arena().Execute([&] { status = Step(); });
  if (!status.ok()) return status;
  const testing::OpCase* op_case = testing::FindCase(op_.name);
  if (op_case == nullptr || op_case->reference == nullptr) {
    return absl::NotFoundError("no reference to check against");
  }
  std::vector<Tensor> inputs = inputs_;
  TensorType type = output_.type();
  if (flops() > kMostFlopsOfReference && op_.row_by_row != nullptr &&
      op_.row_by_row(sample_.attributes, type.shape)) {
    inputs[0] = FirstRows(inputs[0], kCheckedRows);
    type.shape = {kCheckedRows, type.shape[1]};
  }
  std::vector<int64_t> positions;
  const bool is_sampled = op_.kind == OpKind::kElementwise || op_.name == "first_equal";
  if (is_sampled && type.shape.elements() > kManyElements && HasOneShape(inputs, type.shape)) {
    positions = PositionsOf(op_, type.shape.elements());
    for (Tensor& input : inputs) input = ElementsAt(input, positions);
    type.shape = {static_cast<int64_t>(positions.size())};
  }
  const std::vector<double> expected = op_case->reference({inputs, sample_.attributes, type});
  Difference difference;
  for (size_t i = 0; i < expected.size(); ++i) {
    const int64_t at = positions.empty() ? static_cast<int64_t>(i) : positions[i];
    difference.Add(output_.At(at), expected[i]);
  }
  if (difference.Within(kTolerance)) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("differs by ", difference.worst,
                                          " from the reference, whose largest is ",
                                          difference.largest));
}

double OpRun::bytes_read() const {
  double bytes = 0;
  // What the output does not need is not counted: half a slice's input, or a table's unread rows.
  for (const Tensor& input : inputs_) bytes += static_cast<double>(input.bytes());
  if (op_.kind == OpKind::kSlice) return bytes_written();
  return bytes;
}

}  // namespace sluice
