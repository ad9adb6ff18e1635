#include <absl/container/flat_hash_set.h>

#include <sluice/graph/passes/passes.h>
#include <sluice/graph/passes/row_chain.h>
#include <sluice/graph/passes/row_wise.h>

namespace sluice {
namespace {

// A product of more rows than this keeps all cores busy by itself, and reads its right-hand operand
// once for all of them.
constexpr int64_t kLoopRows = 512;
// Right-hand operands beyond the caches of the cores are better split by columns, with a meeting
// after each product, unless there are many rows to use what was loaded for.
constexpr int64_t kCachedBytes = 4 << 20;
constexpr int64_t kManyRows = 48;

class ChainFinder {
 public:
  explicit ChainFinder(const NodeList& nodes) : nodes_(nodes) {}

  std::vector<RowChain> Run() {
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      if (!RunsKernel(nodes_, id)) continue;
      const int64_t rows = RowWiseRows(nodes_, id);
      const bool product = nodes_[id].op->kind == OpKind::kProduct;
      if (rows < 2 || (product && rows > kLoopRows)) {
        End();
        continue;
      }
      if (rows != chain_.rows || NeedsOtherRows(id)) {
        End();
        chain_ = {id, id, rows};
      }
      chain_.last = id;
      chain_.has_product = chain_.has_product || product;
      ++kernels_;
      if (product) CountOperand(nodes_.inputs(id)[1]);
    }
    End();
    return std::move(chains_);
  }

 private:
  // Whether it reads, of what the chain computes, more than the rows that it computes itself.
  bool NeedsOtherRows(NodeId id) const {
    const absl::Span<const NodeId> inputs = nodes_.inputs(id);
    for (size_t i = 0; i < inputs.size(); ++i) {
      NodeId root = inputs[i];
      while (IsView(nodes_, root)) root = nodes_.inputs(root)[0];
      if (root < chain_.first || !RunsKernel(nodes_, root)) continue;
      // The rows of a part of a value are not the value's rows.
      if (!ReadsByRow(nodes_, id, i, chain_.rows) ||
          nodes_[root].type.bytes() != nodes_[inputs[i]].type.bytes()) {
        return true;
      }
    }
    return false;
  }

  void CountOperand(NodeId operand) {
    if (operands_.insert(operand).second) operand_bytes_ += nodes_[operand].type.bytes();
  }

  void End() {
    const bool cached = operand_bytes_ <= kCachedBytes || chain_.rows >= kManyRows;
    if (kernels_ > 1 && cached) chains_.push_back(chain_);
    chain_ = {kNoNode, kNoNode, 0};
    kernels_ = 0;
    operand_bytes_ = 0;
    operands_.clear();
  }

  const NodeList& nodes_;
  std::vector<RowChain> chains_;
  RowChain chain_ = {kNoNode, kNoNode, 0};
  int64_t kernels_ = 0;
  int64_t operand_bytes_ = 0;
  absl::flat_hash_set<NodeId> operands_;
};

}  // namespace

std::vector<RowChain> FindRowChains(const NodeList& nodes) { return ChainFinder(nodes).Run(); }

}  // namespace sluice
