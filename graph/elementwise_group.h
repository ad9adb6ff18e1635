#ifndef SLUICE_GRAPH_ELEMENTWISE_GROUP_H_
#define SLUICE_GRAPH_ELEMENTWISE_GROUP_H_

#include <vector>

#include <sluice/graph/op.h>

namespace sluice {

// Element-wise ops of one output shape, run together: tile by tile, each op over the tile before
// the next tile, so that what one op writes the next finds in the first-level cache, and threads
// meet once for all of them. An op may read what an earlier one of the group wrote, at the same
// positions.
class ElementwiseGroup {
 public:
  struct Call {
    const Op* op;
    const Attributes* attributes;  // must outlive the group
    absl::InlinedVector<TensorType, 3> inputs;
    TensorType output;
  };
  explicit ElementwiseGroup(absl::Span<const Call> calls);

  // `operands`: the inputs of the first call, its output, the inputs of the second, ...
  void Run(absl::Span<void* const> operands) const;
  // The part of the work that makes elements [begin, end) of the results, on this thread.
  void RunElements(absl::Span<void* const> operands, int64_t begin, int64_t end) const;

 private:
  // A call's operand: how it moves along the group's axes, in bytes. The last is the output.
  struct Operand {
    int64_t strides[Shape::kMaxRank] = {};
    int64_t element_bytes = 4;
    bool spread = false;  // one value for a whole row: copied to all elements of a tile,
    bool once = false;    // once, for it is the same for all rows
    int32_t scratch = -1;
  };
  struct Step {
    TileFunction tile;
    double number;
    int32_t first_operand;
    int32_t inputs;
  };

  void MergeAxes(absl::Span<const Call> calls);
  void RunPiece(absl::Span<void* const> operands, int64_t row, int64_t last_row, int64_t begin,
                int64_t end) const;
  static void Spread(const Operand& operand, const void* from, int64_t n, std::byte* scratch);
  void RunTile(absl::Span<std::byte* const> at, int64_t n, std::byte* scratch) const;

  int rank_ = 0;
  int64_t sizes_[Shape::kMaxRank] = {};
  int64_t rows_ = 1;
  double cost_ = 0;  // of one element, in nanoseconds
  int32_t scratches_ = 0;
  std::vector<Operand> operands_;
  std::vector<Step> steps_;
};

}  // namespace sluice

#endif  // SLUICE_GRAPH_ELEMENTWISE_GROUP_H_
