#ifndef SLUICE_GRAPH_ELEMENTWISE_GROUP_H_
#define SLUICE_GRAPH_ELEMENTWISE_GROUP_H_

#include <cstddef>
#include <vector>

#include <sluice/graph/op.h>

namespace sluice {

// Element-wise ops of one output shape, run together: tile by tile, each op over the tile before
// the next tile, so that what one op writes the next finds in the first-level cache, and threads
// meet once for all of them. An op may read what an earlier one of the group wrote, at the same
// positions. What only the group itself reads has no memory but tiles of scratch.
class ElementwiseGroup {
 public:
  struct Call {
    struct Input {
      NodeId id;  // equal for equal values; that of an earlier output for what the group computes
      TensorType type;
    };
    const Op* op;
    const Attributes* attributes;  // must outlive the group
    absl::InlinedVector<Input, 3> inputs;
    NodeId output = 0;
    TensorType type;        // of the output; its shape is the group's
    bool internal = false;  // only calls of the group read the output
  };
  // Results of groups whose values take more than `streamed_bytes` are written around the caches.
  explicit ElementwiseGroup(absl::Span<const Call> calls,
                            int64_t streamed_bytes = DefaultStreamedBytes());
  static int64_t DefaultStreamedBytes();

  // The values that lie in memory: what a run gets the addresses of, in this order.
  absl::Span<const NodeId> externals() const { return external_ids_; }

  bool is_streamed() const { return is_streamed_; }

  void Run(absl::Span<void* const> externals) const;
  // The part of the work that makes elements [begin, end) of the results, on this thread.
  void RunElements(absl::Span<void* const> externals, int64_t begin, int64_t end) const;

 private:
  // How a value moves along the group's axes, in bytes.
  struct External {
    int64_t strides[Shape::kMaxRank] = {};
    int32_t element_bytes = 4;
    // The scratch tile that it is copied to, as often as it is broadcast within a tile: one number
    // along each row, or one row down the rows,
    int32_t spread = -1;
    bool once = false;  // once, for it is the same in all tiles
    // The scratch tile that it is computed in, if it is streamed from there to its memory.
    int32_t streamed = -1;
  };
  // Where a call finds an operand: in an external's memory, or in a scratch tile.
  struct Operand {
    bool scratch;
    int32_t index;
  };
  struct Step {
    TileFunction tile;
    double number;
    int32_t first_operand;  // in `operands_`: the inputs, then the output
    int32_t inputs;
  };
  struct Work;

  int64_t BytesInMemory() const;
  void MergeAxes(const Shape& shape, absl::Span<const TensorType> types);
  void ChooseTile();
  void AddSpreads();
  void AddStreams(int64_t streamed_bytes);
  bool CanStream(absl::Span<void* const> externals) const;
  void RunPiece(absl::Span<void* const> externals, int64_t row, int64_t last_row, int64_t begin,
                int64_t end) const;
  void RunTiles(const Work& work, int64_t elements) const;
  int64_t ElementsToLine(const Work& work) const;
  void Stream(const Work& work, int64_t n) const;
  void Spread(const Work& work, size_t external, int64_t rows, int64_t n) const;

  int rank_ = 0;
  int64_t sizes_[Shape::kMaxRank] = {};
  int64_t rows_ = 1;
  int64_t tile_ = 0;           // elements
  int64_t tile_rows_ = 1;      // rows in a tile: several, if they are short
  bool is_far_ = false;        // whether its values do not stay in the caches
  bool is_streamed_ = false;   // whether its results are written around them
  int64_t element_bytes_ = 0;  // at most
  double cost_ = 0;            // of one element, in nanoseconds
  int32_t scratches_ = 0;
  std::vector<NodeId> external_ids_;
  std::vector<External> externals_;
  std::vector<Operand> operands_;
  std::vector<Step> steps_;
};

}  // namespace sluice

#endif  // SLUICE_GRAPH_ELEMENTWISE_GROUP_H_
