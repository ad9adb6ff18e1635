#include <algorithm>
#include <memory>

#include <sluice/graph/elementwise_group.h>
#include <sluice/graph/parallel.h>

namespace sluice {
namespace {

// Elements of one tile: the tiles of a dozen f32 values fit the first-level cache together.
constexpr int64_t kTileElements = 512;
constexpr int64_t kScratchBytes = kTileElements * static_cast<int64_t>(sizeof(double));
constexpr int32_t kMostInputs = 8;

template <typename T>
void FillTile(const void* from, int64_t n, void* to) {
  std::fill_n(static_cast<T*>(to), n, *static_cast<const T*>(from));
}

}  // namespace

ElementwiseGroup::ElementwiseGroup(absl::Span<const Call> calls) {
  for (const Call& call : calls) {
    steps_.push_back({call.op->tiles.For(call.inputs[0].dtype), call.attributes->number,
                      static_cast<int32_t>(operands_.size()),
                      static_cast<int32_t>(call.inputs.size())});
    operands_.resize(operands_.size() + call.inputs.size() + 1);
    // About an eighth of a nanosecond to pass over an element, and a hundredth for an operation on
    // it.
    cost_ += 0.12 + 0.01 * call.op->flops({}, {call.output.dtype, Shape{}});
  }
  MergeAxes(calls);
}

void ElementwiseGroup::MergeAxes(absl::Span<const Call> calls) {
  std::vector<TensorType> types;
  for (const Call& call : calls) {
    types.insert(types.end(), call.inputs.begin(), call.inputs.end());
    types.push_back(call.output);
  }
  const Shape& shape = calls[0].output.shape;
  std::vector<int64_t> strides(types.size());
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] == 1) continue;
    bool merges = rank_ > 0;
    for (size_t i = 0; i < types.size(); ++i) {
      const Shape& from = types[i].shape;
      const int from_axis = axis - (shape.rank() - from.rank());
      const bool broadcast = from_axis < 0 || from[from_axis] == 1;
      const int64_t bytes = BytesPerElement(types[i].dtype);
      strides[i] = broadcast ? 0 : RowMajorStrides(from)[from_axis] * bytes;
      merges = merges && operands_[i].strides[rank_ - 1] == strides[i] * shape[axis];
    }
    if (!merges) ++rank_;
    sizes_[rank_ - 1] = merges ? sizes_[rank_ - 1] * shape[axis] : shape[axis];
    for (size_t i = 0; i < types.size(); ++i) operands_[i].strides[rank_ - 1] = strides[i];
  }
  if (rank_ == 0) {
    rank_ = 1;
    sizes_[0] = 1;
  }
  for (int axis = 0; axis + 1 < rank_; ++axis) rows_ *= sizes_[axis];
  for (size_t i = 0; i < types.size(); ++i) {
    operands_[i].element_bytes = BytesPerElement(types[i].dtype);
    operands_[i].spread = operands_[i].strides[rank_ - 1] == 0 && sizes_[rank_ - 1] > 1;
    if (!operands_[i].spread) continue;
    operands_[i].scratch = scratches_++;
    operands_[i].once = std::all_of(operands_[i].strides, operands_[i].strides + rank_,
                                    [](int64_t stride) { return stride == 0; });
  }
}

void ElementwiseGroup::Run(absl::Span<void* const> operands) const {
  const int64_t columns = sizes_[rank_ - 1];
  if (rows_ == 1) {
    ParallelFor(columns, cost_,
                [&](int64_t begin, int64_t end) { RunPiece(operands, 0, 1, begin, end); });
  } else {
    ParallelFor(rows_, cost_ * static_cast<double>(columns) + 5,
                [&](int64_t first, int64_t last) { RunPiece(operands, first, last, 0, columns); });
  }
}

void ElementwiseGroup::RunElements(absl::Span<void* const> operands, int64_t begin,
                                   int64_t end) const {
  const int64_t columns = sizes_[rank_ - 1];
  const int64_t row = begin / columns;
  const int64_t last_row = end / columns;
  if (row == last_row) return RunPiece(operands, row, row + 1, begin % columns, end % columns);
  int64_t first_whole = row;
  if (begin % columns != 0) {
    RunPiece(operands, row, row + 1, begin % columns, columns);
    ++first_whole;
  }
  RunPiece(operands, first_whole, last_row, 0, columns);
  if (end % columns != 0) RunPiece(operands, last_row, last_row + 1, 0, end % columns);
}

void ElementwiseGroup::RunPiece(absl::Span<void* const> operands, int64_t row, int64_t last_row,
                                int64_t begin, int64_t end) const {
  const int inner = rank_ - 1;
  // Uninitialised: a scratch tile is filled before it is read.
  constexpr int32_t kOnStack = 8;
  alignas(kBufferAlignment) std::byte stack[kOnStack * kScratchBytes];
  std::unique_ptr<std::byte[]> heap;
  if (scratches_ > kOnStack) {
    heap = std::make_unique_for_overwrite<std::byte[]>(scratches_ * kScratchBytes);
  }
  std::byte* scratch = heap == nullptr ? stack : heap.get();
  absl::InlinedVector<std::byte*, 64> at(operands.size());
  for (size_t i = 0; i < operands.size(); ++i) {
    if (operands_[i].once)
      Spread(operands_[i], operands[i], std::min(kTileElements, end - begin), scratch);
  }
  for (; row < last_row; ++row) {
    for (size_t i = 0; i < operands.size(); ++i) {
      at[i] = static_cast<std::byte*>(operands[i]) + begin * operands_[i].strides[inner];
    }
    int64_t rest = row;
    for (int axis = inner - 1; axis >= 0; --axis) {
      const int64_t index = rest % sizes_[axis];
      rest /= sizes_[axis];
      for (size_t i = 0; i < operands.size(); ++i) at[i] += index * operands_[i].strides[axis];
    }
    for (size_t i = 0; i < operands.size(); ++i) {
      if (!operands_[i].spread || operands_[i].once) continue;
      Spread(operands_[i], at[i], std::min(kTileElements, end - begin), scratch);
    }
    for (int64_t start = begin; start < end; start += kTileElements) {
      const int64_t n = std::min(kTileElements, end - start);
      RunTile(at, n, scratch);
      for (size_t i = 0; i < operands.size(); ++i) at[i] += n * operands_[i].strides[inner];
    }
  }
}

void ElementwiseGroup::RunTile(absl::Span<std::byte* const> at, int64_t n,
                               std::byte* scratch) const {
  for (const Step& step : steps_) {
    const void* inputs[kMostInputs];
    for (int32_t i = 0; i < step.inputs; ++i) {
      const Operand& operand = operands_[step.first_operand + i];
      inputs[i] =
          operand.spread ? scratch + operand.scratch * kScratchBytes : at[step.first_operand + i];
    }
    step.tile(n, inputs, step.number, at[step.first_operand + step.inputs]);
  }
}

void ElementwiseGroup::Spread(const Operand& operand, const void* from, int64_t n,
                              std::byte* scratch) {
  void* tile = scratch + operand.scratch * kScratchBytes;
  if (operand.element_bytes == 8) {
    FillTile<double>(from, n, tile);
  } else {
    FillTile<int32_t>(from, n, tile);
  }
}

}  // namespace sluice
