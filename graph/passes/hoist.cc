#include <algorithm>

#include <absl/base/casts.h>
#include <absl/container/flat_hash_map.h>

#include <sluice/graph/passes/passes.h>

namespace sluice {
namespace {

// Nodes that compute the same from different rows of the same values, such as x_t · W for every t.
// Class 0, 1, ... in order of discovery; a class reads only earlier ones.
struct RowClass {
  const Op* op = nullptr;  // nullptr: rows of `value`, by slices
  NodeId value = kNoNode;
  int64_t rows = 0;                    // of all members together, if they are complete
  std::vector<NodeId> inputs;          // of a member: a node of its own, or
  std::vector<int32_t> input_classes;  // the class that the input is a member of (-1: not)
  struct Member {
    NodeId id;
    int64_t begin;
    int64_t end;
  };
  std::vector<Member> members;  // by id
  bool useful = false;          // to hoist
  bool hoisted = false;
};

class Hoister {
 public:
  explicit Hoister(PlanGraph& graph)
      : nodes_(graph.nodes),
        class_of_(nodes_.size(), kNone),
        begin_(nodes_.size()),
        rewriter_(graph) {}

  PlanGraph Run() {
    for (NodeId id = 0; id < nodes_.size(); ++id) Classify(id);
    MarkUseful();
    for (RowClass& row_class : classes_) {
      row_class.hoisted = row_class.useful && MayHoist(row_class);
    }
    std::vector<NodeId> whole(classes_.size(), kNoNode);  // of each class, in the new graph
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      const int32_t index = class_of_[id];
      if (index == kNone || !classes_[index].hoisted || classes_[index].op == nullptr) {
        rewriter_.Copy(id);
        continue;
      }
      if (whole[index] == kNoNode) whole[index] = AppendWhole(id, classes_[index], whole);
      // A slice even of all rows: one step by itself is added up in the order of one among many.
      rewriter_.Map(id, SliceRows(rewriter_, id, whole[index], begin_[id],
                                  begin_[id] + nodes_[id].type.shape[0]));
    }
    return DropUnused(rewriter_.Finish());
  }

 private:
  static constexpr int32_t kNone = -1;

  // The value that `id` is a range of rows of, if it is: slices of axis 0, reshaped to a matrix at
  // most.
  NodeId SlicedValue(NodeId id) const {
    if (nodes_[id].type.shape.rank() != 2) return kNoNode;
    NodeId slice = id;
    if (nodes_[slice].op->kind == OpKind::kReshape) slice = nodes_.inputs(slice)[0];
    if (nodes_[slice].op->kind != OpKind::kSlice || nodes_.attributes(slice).integers[0] != 0) {
      return kNoNode;
    }
    const NodeId value = nodes_.inputs(slice)[0];
    const bool same_columns = nodes_[value].type.shape.rank() >= 2 &&
                              nodes_[value].type.shape.back(0) == nodes_[id].type.shape[1];
    // A column of one may also be a row that was reshaped: (T, B) to (B, 1).
    const bool column = nodes_[id].type.shape[1] == 1 && nodes_[value].type.shape.rank() == 2;
    return same_columns || column ? value : kNoNode;
  }

  void Classify(NodeId id) {
    const Op& op = *nodes_[id].op;
    if (const NodeId value = SlicedValue(id); value != kNoNode) {
      const NodeId slice = op.kind == OpKind::kReshape ? nodes_.inputs(id)[0] : id;
      const int64_t columns = nodes_[id].type.shape[1];
      const int64_t length = nodes_[value].type.shape[0];
      if (columns == 0 || length == 0) return;
      const int64_t rows = nodes_[value].type.shape.elements() / columns;
      const int64_t begin = rows / length * nodes_.attributes(slice).integers[1];
      Join({value, columns}, id, begin, {.value = value, .rows = rows});
      return;
    }
    if (nodes_[id].type.shape.rank() != 2) return;
    const bool product = op.kind == OpKind::kProduct && op.row_by_row != nullptr &&
                         op.row_by_row(nodes_.attributes(id), nodes_[id].type.shape);
    if (!product && op.kind != OpKind::kElementwise) return;
    ClassifyByInputs(id, product);
  }

  void ClassifyByInputs(NodeId id, bool product) {
    RowClass candidate{.op = nodes_[id].op};
    int64_t begin = -1;
    const absl::Span<const NodeId> inputs = nodes_.inputs(id);
    for (size_t i = 0; i < inputs.size(); ++i) {
      const Shape& shape = nodes_[inputs[i]].type.shape;
      int32_t input_class = class_of_[inputs[i]];
      // A matrix of one row could be broadcast or be a step's; whatever the batch, it is a step's.
      const bool by_row = product ? i == 0 : shape.rank() == 2;
      if (!by_row && !product && shape.rank() > 2) return;
      if (!by_row) input_class = kNone;
      if (by_row) {
        if (input_class == kNone) return;
        // The same rows of each: one row that is broadcast to a step is none of the step's rows.
        const int64_t rows = classes_[input_class].rows;
        const bool first = begin < 0;
        if (shape[0] != nodes_[id].type.shape[0]) return;
        if (!first && (begin != begin_[inputs[i]] || rows != candidate.rows)) return;
        begin = begin_[inputs[i]];
        candidate.rows = rows;
      }
      candidate.inputs.push_back(by_row ? kNoNode : inputs[i]);
      candidate.input_classes.push_back(input_class);
    }
    if (begin < 0) return;
    const Attributes& attributes = nodes_.attributes(id);
    std::vector<int64_t> key = {static_cast<int64_t>(reinterpret_cast<intptr_t>(candidate.op))};
    for (size_t i = 0; i < inputs.size(); ++i) {
      key.push_back(candidate.inputs[i]);
      key.push_back(candidate.input_classes[i]);
    }
    key.insert(key.end(), attributes.integers.begin(), attributes.integers.end());
    key.push_back(absl::bit_cast<int64_t>(attributes.number));
    Join(key, id, begin, std::move(candidate));
  }

  void Join(const std::vector<int64_t>& key, NodeId id, int64_t begin, RowClass candidate) {
    const auto [found, is_new] =
        class_by_key_.try_emplace(key, static_cast<int32_t>(classes_.size()));
    if (is_new) classes_.push_back(std::move(candidate));
    class_of_[id] = found->second;
    begin_[id] = begin;
    classes_[found->second].members.push_back({id, begin, begin + nodes_[id].type.shape[0]});
  }

  // Worth one call for all steps are products, what they read, and a row that is added to one.
  // Other element-wise ops are cheaper step by step, while their inputs are in the cache.
  void MarkUseful() {
    const Op& accumulate = OpRegistry::Global().accumulate();
    for (RowClass& row_class : classes_) {
      const std::vector<int32_t>& inputs = row_class.input_classes;
      if (row_class.op == nullptr) continue;
      row_class.useful = row_class.op->kind == OpKind::kProduct;
      if (row_class.op != &accumulate) continue;
      const int32_t sum = std::max(inputs[0], inputs[1]);
      row_class.useful = std::min(inputs[0], inputs[1]) == kNone && classes_[sum].op != nullptr &&
                         classes_[sum].op->kind == OpKind::kProduct;
    }
    for (auto row_class = classes_.rbegin(); row_class != classes_.rend(); ++row_class) {
      if (!row_class->useful) continue;
      for (const int32_t input : row_class->input_classes) {
        if (input != kNone) classes_[input].useful = true;
      }
    }
  }

  // Members cover all rows once, and what they read is there as a whole.
  bool MayHoist(const RowClass& row_class) const {
    if (row_class.op == nullptr) return true;  // slices stay what they are
    for (const int32_t input : row_class.input_classes) {
      if (input != kNone && !classes_[input].hoisted) return false;
    }
    std::vector<RowClass::Member> members = row_class.members;
    std::sort(members.begin(), members.end(),
              [](const auto& a, const auto& b) { return a.begin < b.begin; });
    int64_t end = 0;
    for (const RowClass::Member& member : members) {
      if (member.begin != end) return false;
      end = member.end;
    }
    return end == row_class.rows;
  }

  NodeId AppendWhole(NodeId first, const RowClass& row_class, const std::vector<NodeId>& whole) {
    std::vector<NodeId> inputs;
    for (size_t i = 0; i < row_class.inputs.size(); ++i) {
      const int32_t input_class = row_class.input_classes[i];
      if (input_class == kNone) {
        inputs.push_back(rewriter_.MapOf(row_class.inputs[i]));
      } else if (classes_[input_class].op != nullptr) {
        inputs.push_back(whole[input_class]);
      } else {
        const NodeId member = nodes_.inputs(first)[i];
        inputs.push_back(ReshapeTo(rewriter_, first, rewriter_.MapOf(classes_[input_class].value),
                                   {row_class.rows, nodes_[member].type.shape[1]}));
      }
    }
    TensorType type = nodes_[first].type;
    type.shape = type.shape.With(0, row_class.rows);
    return rewriter_.Append(first, *row_class.op, type, inputs, nodes_.attributes(first));
  }

  const NodeList& nodes_;
  std::vector<RowClass> classes_;
  absl::flat_hash_map<std::vector<int64_t>, int32_t> class_by_key_;
  std::vector<int32_t> class_of_;
  std::vector<int64_t> begin_;
  GraphRewriter rewriter_;
};

}  // namespace

PlanGraph HoistRows(PlanGraph graph) { return Hoister(graph).Run(); }

}  // namespace sluice
