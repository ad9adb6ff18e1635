#include <absl/container/flat_hash_map.h>

#include <sluice/graph/passes/passes.h>
#include <sluice/graph/passes/row_wise.h>
#include <sluice/graph/passes/stage.h>

namespace sluice {
namespace {

class Packer {
 public:
  explicit Packer(PlanGraph& graph) : nodes_(graph.nodes), rewriter_(graph) {}

  PlanGraph Run() {
    CountReaders();
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      if (IsPackable(id)) {
        rewriter_.Map(id, Rewrite(id));
      } else {
        rewriter_.Copy(id);
      }
    }
    return rewriter_.Finish();
  }

 private:
  bool IsPackable(NodeId id) const {
    const Op& op = *nodes_[id].op;
    if (op.kind != OpKind::kProduct || op.pack.empty()) return false;
    return op.adds_over_rows == nullptr || !op.adds_over_rows(nodes_.attributes(id));
  }

  // Products that read the same operand in the same order, packed or not.
  struct Readers {
    int64_t products = 0;
    int64_t rows = 0;  // of all of them
  };

  // Of the operand as it is, or transposed.
  Readers& ReadersOf(NodeId id) {
    return readers_[{nodes_.inputs(id)[1], nodes_.attributes(id).integers[1]}];
  }

  void CountReaders() {
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      if (!IsPackable(id)) continue;
      Readers& readers = ReadersOf(id);
      ++readers.products;
      readers.rows += RowsOf(nodes_[id].type.shape);
    }
  }

  bool StaysAsItIs(NodeId id) {
    const Op& op = *nodes_[id].op;
    const Readers& readers = ReadersOf(id);
    const TensorType& right = nodes_[nodes_.inputs(id)[1]].type;
    // A chain would pack it again for each block of rows.
    const bool packs_for_itself = readers.products == 1 && readers.rows > kMostRowsOfChain;
    return packs_for_itself || (op.reads_in_place != nullptr &&
                                op.reads_in_place(nodes_.attributes(id), right, readers.rows));
  }

  NodeId Rewrite(NodeId id) {
    const Op& op = *nodes_[id].op;
    const absl::InlinedVector<NodeId, 4> inputs = rewriter_.MappedInputs(id);
    // The packed product's integers are the product's and the number of columns.
    Attributes attributes = nodes_.attributes(id);
    attributes.integers.push_back(nodes_[id].type.shape.back(0));
    return rewriter_.Append(id, *OpRegistry::Global().Find(op.packed_product), nodes_[id].type,
                            {inputs[0], StaysAsItIs(id) ? inputs[1] : Pack(id, inputs[1])},
                            attributes);
  }

  NodeId Pack(NodeId id, NodeId right) {
    const Op* pack = OpRegistry::Global().Find(nodes_[id].op->pack);
    // A product's integers are (left transposed, right transposed). The pack keeps what concerns
    // the right operand alone, so that equal packs are equal nodes.
    const Attributes attributes{.integers = {nodes_.attributes(id).integers[1]}};
    const absl::StatusOr<TensorType> type =
        pack->type({{rewriter_.nodes()[right].type}, attributes});
    return rewriter_.Append(id, *pack, *type, {right}, attributes);
  }

  const NodeList& nodes_;
  absl::flat_hash_map<std::pair<NodeId, int64_t>, Readers> readers_;
  GraphRewriter rewriter_;
};

}  // namespace

PlanGraph PackOperands(PlanGraph graph) { return Packer(graph).Run(); }

}  // namespace sluice
