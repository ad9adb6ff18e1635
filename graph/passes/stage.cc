#include <algorithm>

#include <absl/container/flat_hash_set.h>

#include <sluice/graph/passes/passes.h>
#include <sluice/graph/passes/row_wise.h>
#include <sluice/graph/passes/stage.h>

namespace sluice {
namespace {

// Right-hand operands beyond the caches of the cores are better split by columns, with a meeting
// after each product, unless there are many rows to use what was loaded for.
constexpr int64_t kCachedBytes = 4 << 20;
constexpr int64_t kManyRows = 48;

// What each value is a view of: itself if it is none.
std::vector<NodeId> FindRoots(const NodeList& nodes) {
  std::vector<NodeId> roots(nodes.size());
  for (NodeId id = 0; id < nodes.size(); ++id) {
    roots[id] = IsView(nodes, id) ? roots[nodes.inputs(id)[0]] : id;
  }
  return roots;
}

class StageFinder {
 public:
  StageFinder(const NodeList& nodes, const std::vector<NodeId>& roots)
      : nodes_(nodes), roots_(roots) {}

  std::vector<Stage> Run() {
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      if (!RunsKernel(nodes_, id)) continue;
      const bool product = nodes_[id].op->kind == OpKind::kProduct;
      int64_t rows = RowWiseRows(nodes_, id);
      if (rows < 2 || (product && rows > kMostRowsOfChain)) rows = 0;
      if (rows == 0 && !MayRunBesideOthers(id)) {
        End();
        continue;
      }
      if (kernels_ == 0 || rows != stage_.rows ||
          (rows > 0 ? NeedsOtherRows(id) : NeedsStage(id))) {
        End();
        stage_ = {id, id, rows};
      }
      stage_.last = id;
      stage_.has_product = stage_.has_product || product;
      ++kernels_;
      if (product) CountOperand(nodes_.inputs(id)[1]);
    }
    End();
    return std::move(stages_);
  }

 private:
  // Kernels that never write over an input, nor over a variable.
  bool MayRunBesideOthers(NodeId id) const {
    const Op& op = *nodes_[id].op;
    const absl::Span<const NodeId> inputs = nodes_.inputs(id);
    if (op.overwritable_input != Op::kNoInput &&
        nodes_[inputs[op.overwritable_input]].type == nodes_[id].type) {
      return false;
    }
    if (MayOverwriteRight(nodes_, id)) return false;
    return op.kind == OpKind::kProduct || op.kind == OpKind::kReduction ||
           op.kind == OpKind::kPack || op.kind == OpKind::kSlice || op.kind == OpKind::kMove ||
           op.kind == OpKind::kScatter;
  }

  // What a value is a view of, if the stage computes it; kNoNode if not.
  NodeId RootInStage(NodeId id) const {
    const NodeId root = roots_[id];
    return root >= stage_.first && RunsKernel(nodes_, root) ? root : kNoNode;
  }

  bool NeedsStage(NodeId id) const {
    for (const NodeId input : nodes_.inputs(id)) {
      if (RootInStage(input) != kNoNode) return true;
    }
    return false;
  }

  // Whether it reads, of what the chain computes, more than the rows that it computes itself.
  bool NeedsOtherRows(NodeId id) const {
    const absl::Span<const NodeId> inputs = nodes_.inputs(id);
    for (size_t i = 0; i < inputs.size(); ++i) {
      const NodeId root = RootInStage(inputs[i]);
      // The rows of a part of a value are not the value's rows.
      if (root != kNoNode && (!ReadsByRow(nodes_, id, i, stage_.rows) ||
                              nodes_[root].type.bytes() != nodes_[inputs[i]].type.bytes())) {
        return true;
      }
    }
    return false;
  }

  void CountOperand(NodeId operand) {
    if (operands_.insert(operand).second) operand_bytes_ += nodes_[operand].type.bytes();
  }

  void End() {
    const bool cached = operand_bytes_ <= kCachedBytes || stage_.rows >= kManyRows;
    if (kernels_ > 1 && (cached || !stage_.is_chain())) stages_.push_back(stage_);
    kernels_ = 0;
    operand_bytes_ = 0;
    operands_.clear();
  }

  const NodeList& nodes_;
  const std::vector<NodeId>& roots_;
  std::vector<Stage> stages_;
  Stage stage_;
  int64_t kernels_ = 0;
  int64_t operand_bytes_ = 0;
  absl::flat_hash_set<NodeId> operands_;
};

// Neighbouring element-wise nodes of one shape, with nothing to run between them.
class GroupFinder {
 public:
  GroupFinder(const PlanGraph& graph, const std::vector<NodeId>& roots, Stages& stages)
      : nodes_(graph.nodes),
        roots_(roots),
        consumers_(nodes_),
        stages_(stages),
        fetched_(nodes_.size()) {
    for (const NodeId id : graph.fetches) fetched_[id] = true;
  }

  void Run() {
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      if (!RunsKernel(nodes_, id)) continue;
      const bool elementwise =
          nodes_[id].op->kind == OpKind::kElementwise && nodes_[id].type.shape.elements() > 0;
      if (!elementwise || !MayJoin(id)) End();
      if (elementwise) members_.push_back(id);
    }
    End();
  }

 private:
  static constexpr size_t kLargest = 64;

  // Tile by tile, a member may see what another computes only at the tile's own positions.
  bool MayJoin(NodeId id) const {
    if (members_.empty()) return true;
    const NodeId first = members_.front();
    if (members_.size() == kLargest || nodes_[id].type.shape != nodes_[first].type.shape ||
        stages_.stage_of[id] != stages_.stage_of[first]) {
      return false;
    }
    for (const NodeId input : nodes_.inputs(id)) {
      const NodeId root = roots_[input];
      if (root != input && root >= first && RunsKernel(nodes_, root)) return false;
    }
    return true;
  }

  void End() {
    if (members_.size() > 1) {
      const auto group = static_cast<int32_t>(stages_.groups.size());
      for (const NodeId id : members_) stages_.group_of[id] = group;
      for (const NodeId id : members_) {
        const absl::Span<const NodeId> readers = consumers_.of(id);
        stages_.internal[id] =
            !fetched_[id] && std::all_of(readers.begin(), readers.end(), [&](NodeId reader) {
              return stages_.group_of[reader] == group;
            });
      }
      stages_.groups.push_back({std::move(members_)});
    }
    members_.clear();
  }

  const NodeList& nodes_;
  const std::vector<NodeId>& roots_;
  const Consumers consumers_;
  Stages& stages_;
  std::vector<bool> fetched_;
  std::vector<NodeId> members_;
};

}  // namespace

bool MayOverwriteRight(const NodeList& nodes, NodeId id) {
  const Op& op = *nodes[id].op;
  const TensorType& type = nodes[id].type;
  if (op.overwrites_right == nullptr || !op.overwrites_right(nodes.attributes(id))) return false;
  return type.bytes() > kCachedBytes && type.bytes() <= nodes[nodes.inputs(id)[1]].type.bytes();
}

Stages FindStages(const PlanGraph& graph) {
  const auto size = static_cast<size_t>(graph.nodes.size());
  const std::vector<NodeId> roots = FindRoots(graph.nodes);
  Stages result{.stages = StageFinder(graph.nodes, roots).Run(),
                .stage_of = std::vector<int32_t>(size, Stages::kNone),
                .group_of = std::vector<int32_t>(size, Stages::kNone),
                .internal = std::vector<bool>(size)};
  for (size_t i = 0; i < result.stages.size(); ++i) {
    const Stage& stage = result.stages[i];
    std::fill(result.stage_of.begin() + stage.first, result.stage_of.begin() + stage.last + 1,
              static_cast<int32_t>(i));
  }
  GroupFinder(graph, roots, result).Run();
  return result;
}

}  // namespace sluice
