#include <algorithm>
#include <cstring>
#include <memory>

#include <absl/container/flat_hash_map.h>

#include <sluice/graph/elementwise_group.h>
#include <sluice/graph/parallel.h>
#include <sluice/graph/stream_copy.h>

namespace sluice {
namespace {

// What all tiles of a group may fill of the first-level cache. Tiles of scratch are a line more
// than their elements apart, so that they do not all fall in the same sets of it.
constexpr int64_t kTileBytes = 32 << 10;
// Values of more bytes in all come from farther away than the second-level cache, and are asked for
// a tile ahead: there are more of them than the hardware follows.
constexpr int64_t kNearBytes = 256 << 10;
// Elements of one tile: few enough for a cache, enough that calls do not show; a multiple of any
// vector's lanes.
constexpr int64_t kFewestElements = 64;
constexpr int64_t kMostElements = 512;
// Fewer where results are streamed: memory is read and written in turns.
constexpr int64_t kMostStreamed = 256;
// Bytes that a nanosecond of work has to move for that: while a group computes it does not write.
constexpr double kStreamedRate = 50;

// Copies of one number along a row are written in blocks, the last beyond the row's end: what is
// there is written afterwards, or is not used.
constexpr int64_t kBlockBytes = 32;

template <typename T>
void SpreadNumber(const void* from, int64_t n, T* to) {
  constexpr int64_t kCount = kBlockBytes / sizeof(T);
  T block[kCount];
  std::fill_n(block, kCount, *static_cast<const T*>(from));
  for (int64_t i = 0; i < n; i += kCount) std::memcpy(to + i, block, kBlockBytes);
}

// `rows` rows of n elements, of a value that moves by `row_stride` and `stride` bytes.
template <typename T>
void SpreadRows(const std::byte* from, int64_t row_stride, int64_t stride, int64_t rows, int64_t n,
                T* to) {
  for (int64_t row = 0; row < rows; ++row, from += row_stride, to += n) {
    if (stride == 0) {
      SpreadNumber<T>(from, n, to);
    } else {
      std::memcpy(to, from, n * sizeof(T));
    }
  }
}

// Asks for memory that is read or written soon.
void AskFor(const std::byte* data, int64_t bytes) {
  for (int64_t at = 0; at < bytes; at += kBufferAlignment) __builtin_prefetch(data + at);
}

// Gives out scratch tiles, and takes them back when nothing reads their value any more.
class TilePool {
 public:
  int32_t Take() {
    if (free_.empty()) return count_++;
    const int32_t tile = free_.back();
    free_.pop_back();
    return tile;
  }
  void GiveBack(int32_t tile) { free_.push_back(tile); }
  int32_t count() const { return count_; }

 private:
  std::vector<int32_t> free_;
  int32_t count_ = 0;
};

// For each value that a group computes, the last call that reads it.
absl::flat_hash_map<NodeId, size_t> LastReaders(absl::Span<const ElementwiseGroup::Call> calls) {
  absl::flat_hash_map<NodeId, size_t> last;
  for (size_t i = 0; i < calls.size(); ++i) {
    for (const auto& input : calls[i].inputs) last[input.id] = i;
    last[calls[i].output] = i;
  }
  return last;
}

}  // namespace

int64_t ElementwiseGroup::DefaultStreamedBytes() { return 2 * LastCacheBytes(); }

ElementwiseGroup::ElementwiseGroup(absl::Span<const Call> calls, int64_t streamed_bytes) {
  std::vector<TensorType> types;  // of externals
  absl::flat_hash_map<NodeId, Operand> known;
  const auto external = [&](NodeId id, const TensorType& type) {
    const auto [found, is_new] =
        known.try_emplace(id, Operand{false, static_cast<int32_t>(types.size())});
    if (is_new) {
      external_ids_.push_back(id);
      types.push_back(type);
    }
    return found->second;
  };
  const absl::flat_hash_map<NodeId, size_t> last_reader = LastReaders(calls);
  TilePool tiles;
  for (size_t i = 0; i < calls.size(); ++i) {
    const Call& call = calls[i];
    steps_.push_back({call.op->tiles.For(call.inputs[0].type.dtype), call.attributes->number,
                      static_cast<int32_t>(operands_.size()),
                      static_cast<int32_t>(call.inputs.size())});
    for (const Call::Input& input : call.inputs) {
      operands_.push_back(external(input.id, input.type));
    }
    // A tile whose value ends here may take the result: an op reads an element before it writes it.
    for (size_t k = 0; k < call.inputs.size(); ++k) {
      const Operand operand = operands_[steps_.back().first_operand + k];
      const auto found = last_reader.find(call.inputs[k].id);
      if (operand.scratch && found->second == i && known.erase(call.inputs[k].id) > 0) {
        tiles.GiveBack(operand.index);
      }
    }
    operands_.push_back(call.internal ? (known[call.output] = {true, tiles.Take()})
                                      : external(call.output, call.type));
    // About an eighth of a nanosecond to pass over an element, and a hundredth for an operation on
    // it.
    cost_ += 0.12 + 0.01 * call.op->flops({}, {call.type.dtype, Shape{}});
  }
  scratches_ = tiles.count();
  for (const Call& call : calls) {
    element_bytes_ = std::max(element_bytes_, BytesPerElement(call.type.dtype));
    for (const Call::Input& input : call.inputs) {
      element_bytes_ = std::max(element_bytes_, BytesPerElement(input.type.dtype));
    }
  }
  MergeAxes(calls[0].type.shape, types);
  AddStreams(streamed_bytes);
  ChooseTile();
  AddSpreads();
}

void ElementwiseGroup::ChooseTile() {
  const int inner = rank_ - 1;
  const int64_t spreads =
      std::count_if(externals_.begin(), externals_.end(), [&](const External& e) {
        return e.strides[inner] == 0 || (rank_ > 1 && e.strides[inner - 1] == 0);
      });
  const int64_t tiles_at_once = scratches_ + spreads + static_cast<int64_t>(externals_.size());
  tile_ = std::clamp(kTileBytes / 4 / tiles_at_once / kFewestElements * kFewestElements,
                     kFewestElements, kMostElements);
  if (is_streamed_) tile_ = std::min(tile_, kMostStreamed);
  is_far_ = BytesInMemory() > kNearBytes;
  const bool is_empty = rows_ * sizes_[inner] == 0;
  if (rank_ > 1 && !is_empty)
    tile_rows_ = std::clamp<int64_t>(tile_ / sizes_[inner], 1, sizes_[inner - 1]);
}

void ElementwiseGroup::MergeAxes(const Shape& shape, absl::Span<const TensorType> types) {
  externals_.resize(types.size());
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
      merges = merges && externals_[i].strides[rank_ - 1] == strides[i] * shape[axis];
    }
    if (!merges) ++rank_;
    sizes_[rank_ - 1] = merges ? sizes_[rank_ - 1] * shape[axis] : shape[axis];
    for (size_t i = 0; i < types.size(); ++i) externals_[i].strides[rank_ - 1] = strides[i];
  }
  if (rank_ == 0) {
    rank_ = 1;
    sizes_[0] = 1;
  }
  for (int axis = 0; axis + 1 < rank_; ++axis) rows_ *= sizes_[axis];
  for (size_t i = 0; i < types.size(); ++i) {
    externals_[i].element_bytes = static_cast<int32_t>(BytesPerElement(types[i].dtype));
  }
}

// Of all values but those that are one number along a row.
int64_t ElementwiseGroup::BytesInMemory() const {
  int64_t bytes = 0;
  for (const External& external : externals_) {
    if (external.strides[rank_ - 1] != 0)
      bytes += rows_ * sizes_[rank_ - 1] * external.element_bytes;
  }
  return bytes;
}

// Gives results that are too large for the caches a scratch tile.
void ElementwiseGroup::AddStreams(int64_t streamed_bytes) {
  const int64_t bytes = BytesInMemory();
  const double nanoseconds = cost_ * static_cast<double>(rows_ * sizes_[rank_ - 1]);
  if (bytes <= streamed_bytes || nanoseconds * kStreamedRate > static_cast<double>(bytes)) return;
  for (const Step& step : steps_) {
    const Operand& output = operands_[step.first_operand + step.inputs];
    if (output.scratch) continue;
    externals_[output.index].streamed = scratches_++;
    is_streamed_ = true;
  }
}

// Not over an input: its lines are in the cache already when the result is there.
bool ElementwiseGroup::CanStream(absl::Span<void* const> externals) const {
  if (!is_streamed_) return false;
  for (size_t i = 0; i < externals_.size(); ++i) {
    if (externals_[i].streamed < 0) continue;
    if (std::count(externals.begin(), externals.end(), externals[i]) > 1) return false;
  }
  return true;
}

// Gives externals that do not lie as a tile's elements do a tile of copies, and sends their readers
// there.
void ElementwiseGroup::AddSpreads() {
  const int inner = rank_ - 1;
  for (External& external : externals_) {
    const bool along_row = external.strides[inner] == 0 && sizes_[inner] > 1;
    const bool down_rows = tile_rows_ > 1 && external.strides[inner - 1] == 0;
    if (!along_row && !down_rows) continue;
    external.spread = scratches_++;
    external.once = std::all_of(external.strides, external.strides + inner,
                                [](int64_t stride) { return stride == 0; });
  }
  for (Operand& operand : operands_) {
    if (operand.scratch) continue;
    const int32_t spread = externals_[operand.index].spread;
    if (spread >= 0) operand = {true, spread};
  }
}

// What one thread works with: the externals at the row it is in, and its scratch tiles.
struct ElementwiseGroup::Work {
  absl::Span<std::byte*> at;
  std::byte* scratch;
  int64_t tile_bytes;
  bool streams;

  std::byte* Tile(int32_t index) const { return scratch + index * tile_bytes; }
};

void ElementwiseGroup::Run(absl::Span<void* const> externals) const {
  const int64_t columns = sizes_[rank_ - 1];
  if (rows_ == 1) {
    ParallelFor(columns, cost_,
                [&](int64_t begin, int64_t end) { RunPiece(externals, 0, 1, begin, end); });
  } else {
    ParallelFor(rows_, cost_ * static_cast<double>(columns) + 5,
                [&](int64_t first, int64_t last) { RunPiece(externals, first, last, 0, columns); });
  }
}

void ElementwiseGroup::RunElements(absl::Span<void* const> externals, int64_t begin,
                                   int64_t end) const {
  const int64_t columns = sizes_[rank_ - 1];
  const int64_t row = begin / columns;
  const int64_t last_row = end / columns;
  if (row == last_row) return RunPiece(externals, row, row + 1, begin % columns, end % columns);
  int64_t first_whole = row;
  if (begin % columns != 0) {
    RunPiece(externals, row, row + 1, begin % columns, columns);
    ++first_whole;
  }
  RunPiece(externals, first_whole, last_row, 0, columns);
  if (end % columns != 0) RunPiece(externals, last_row, last_row + 1, 0, end % columns);
}

void ElementwiseGroup::RunPiece(absl::Span<void* const> externals, int64_t row, int64_t last_row,
                                int64_t begin, int64_t end) const {
  // Uninitialised: a tile is written before it is read.
  constexpr int64_t kOnStack = 32 << 10;
  alignas(kBufferAlignment) std::byte stack[kOnStack];
  std::unique_ptr<std::byte[]> heap;
  const int64_t tile_bytes = tile_ * element_bytes_ + kBufferAlignment;
  static_assert(kBlockBytes <= kBufferAlignment);
  if (scratches_ * tile_bytes > kOnStack) {
    heap = std::make_unique_for_overwrite<std::byte[]>(scratches_ * tile_bytes);
  }
  absl::InlinedVector<std::byte*, 32> at(externals_.size());
  const Work work{absl::MakeSpan(at), heap == nullptr ? stack : heap.get(), tile_bytes,
                  CanStream(externals)};
  const int inner = rank_ - 1;
  const int64_t columns = end - begin;
  const int64_t rows_at_once = columns == sizes_[inner] ? tile_rows_ : 1;
  const int64_t rows_of_axis = rank_ == 1 ? 1 : sizes_[inner - 1];
  const auto spread = [&](bool once, int64_t rows) {
    for (size_t i = 0; i < externals_.size(); ++i) {
      if (externals_[i].spread < 0 || externals_[i].once != once) continue;
      Spread(work, i, rows, std::min(tile_, columns));
    }
  };
  bool is_first = true;
  while (row < last_row) {
    for (size_t i = 0; i < externals_.size(); ++i) {
      at[i] = static_cast<std::byte*>(externals[i]) + begin * externals_[i].strides[inner];
    }
    int64_t rest = row;
    for (int axis = inner - 1; axis >= 0; --axis) {
      const int64_t index = rest % sizes_[axis];
      rest /= sizes_[axis];
      for (size_t i = 0; i < externals_.size(); ++i) at[i] += index * externals_[i].strides[axis];
    }
    if (is_first) spread(/*once=*/true, rows_at_once);
    is_first = false;
    const int64_t rows =
        std::min({rows_at_once, last_row - row, rows_of_axis - row % rows_of_axis});
    spread(/*once=*/false, rows);
    RunTiles(work, rows * columns);
    row += rows;
  }
  if (work.streams) FinishStreams();
}

void ElementwiseGroup::RunTiles(const Work& work, int64_t elements) const {
  // What the next tile reads and writes is asked for meanwhile, a part with each op.
  const size_t asked_at_once = (externals_.size() + steps_.size() - 1) / steps_.size();
  // Streamed lines are whole where tiles begin with one.
  int64_t at_once = work.streams && elements > tile_ ? ElementsToLine(work) : tile_;
  for (int64_t start = 0; start < elements; start += at_once, at_once = tile_) {
    const int64_t n = std::min(at_once, elements - start);
    const int64_t next = is_far_ ? std::min(tile_, elements - start - n) : 0;
    size_t asked = next > 0 ? 0 : externals_.size();
    for (const Step& step : steps_) {
      for (const size_t end = std::min(asked + asked_at_once, externals_.size()); asked < end;
           ++asked) {
        if (work.streams && externals_[asked].streamed >= 0) continue;
        const int64_t stride = externals_[asked].strides[rank_ - 1];
        AskFor(work.at[asked] + n * stride, next * stride);
      }
      void* operands[kMostElementwiseInputs + 1];
      for (int32_t i = 0; i <= step.inputs; ++i) {
        const Operand& operand = operands_[step.first_operand + i];
        if (operand.scratch) {
          operands[i] = work.Tile(operand.index);
        } else if (work.streams && externals_[operand.index].streamed >= 0) {
          operands[i] = work.Tile(externals_[operand.index].streamed);
        } else {
          operands[i] = work.at[operand.index];
        }
      }
      step.tile(n, operands, step.number, operands[step.inputs]);
    }
    if (work.streams) Stream(work, n);
    for (size_t i = 0; i < externals_.size(); ++i) {
      work.at[i] += n * externals_[i].strides[rank_ - 1];
    }
  }
}

// Elements before the first result's next whole line; a tile where it lies at one.
int64_t ElementwiseGroup::ElementsToLine(const Work& work) const {
  for (size_t i = 0; i < externals_.size(); ++i) {
    if (externals_[i].streamed < 0) continue;
    const auto past =
        static_cast<int64_t>(reinterpret_cast<uintptr_t>(work.at[i]) % kBufferAlignment);
    if (past != 0) return (kBufferAlignment - past) / externals_[i].element_bytes;
    break;
  }
  return tile_;
}

// The results of a tile of n elements.
void ElementwiseGroup::Stream(const Work& work, int64_t n) const {
  for (size_t i = 0; i < externals_.size(); ++i) {
    const External& result = externals_[i];
    if (result.streamed < 0) continue;
    StreamCopy(work.Tile(result.streamed), n * result.element_bytes, work.at[i]);
  }
}

void ElementwiseGroup::Spread(const Work& work, size_t external, int64_t rows, int64_t n) const {
  const External& value = externals_[external];
  std::byte* const tile = work.Tile(value.spread);
  const int64_t row_stride = rank_ == 1 ? 0 : value.strides[rank_ - 2];
  const int64_t stride = value.strides[rank_ - 1];
  const std::byte* const from = work.at[external];
  if (value.element_bytes == 8) {
    SpreadRows(from, row_stride, stride, rows, n, reinterpret_cast<double*>(tile));
  } else {
    SpreadRows(from, row_stride, stride, rows, n, reinterpret_cast<int32_t*>(tile));
  }
}

}  // namespace sluice
