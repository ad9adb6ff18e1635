#include <algorithm>

#include <sluice/graph/elementwise_group.h>
#include <sluice/graph/parallel.h>

namespace sluice {
namespace {

// Elements of one tile: the tiles of a dozen f32 values fit the first-level cache together.
constexpr int64_t kTileElements = 512;

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
    if (operands_[i].spread) operands_[i].scratch = scratches_++;
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

void ElementwiseGroup::RunPiece(absl::Span<void* const> operands, int64_t row, int64_t last_row,
                                int64_t begin, int64_t end) const {
  const int inner = rank_ - 1;
  std::vector<double> scratch(static_cast<size_t>(scratches_) * kTileElements);
  absl::InlinedVector<std::byte*, 32> at(operands.size());
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
    for (int64_t start = begin; start < end; start += kTileElements) {
      const int64_t n = std::min(kTileElements, end - start);
      for (const Step& step : steps_) {
        const void* inputs[8];
        for (int32_t i = 0; i < step.inputs; ++i) {
          const int32_t index = step.first_operand + i;
          const Operand& operand = operands_[index];
          inputs[i] = at[index];
          if (!operand.spread) continue;
          void* tile = scratch.data() + operand.scratch * kTileElements;
          if (operand.element_bytes == 8) {
            FillTile<double>(at[index], n, tile);
          } else {
            FillTile<int32_t>(at[index], n, tile);
          }
          inputs[i] = tile;
        }
        step.tile(n, inputs, step.number, at[step.first_operand + step.inputs]);
      }
      for (size_t i = 0; i < operands.size(); ++i) at[i] += n * operands_[i].strides[inner];
    }
  }
}

}  // namespace sluice
