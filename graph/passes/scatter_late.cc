#include <algorithm>
#include <array>
#include <cstring>

#include <sluice/graph/passes/passes.h>

namespace sluice {
namespace {

// A table that is zeros but for rows added at ids, as long as only the rows are kept.
struct ScatteredRows {
  NodeId scatter = kNoNode;  // the old node that made the table
  NodeId rows = kNoNode;     // new
};

// Moves scatters behind what is done with their tables.
class Scatterer {
 public:
  explicit Scatterer(PlanGraph& graph)
      : nodes_(graph.nodes),
        uses_(CountUses(graph)),
        consumers_(nodes_),
        accumulate_(OpRegistry::Global().accumulate()),
        scattered_(nodes_.size()),
        own_places_(nodes_.size(), kNoNode),
        rewriter_(graph) {}

  PlanGraph Run() {
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      if (IsWorthIt(id) && MayMove(id)) {
        scattered_[id] = {id, rewriter_.MapOf(nodes_.inputs(id)[1])};
      } else if (const NodeId table = ScatteredInput(id); table != kNoNode) {
        Rewrite(id, scattered_[table]);
      } else {
        rewriter_.Copy(id);
      }
    }
    return DropUnused(rewriter_.Finish());
  }

 private:
  bool IsWorthIt(NodeId id) const {
    const Op& op = *nodes_[id].op;
    if (op.kind != OpKind::kScatter || op.adding.empty() || op.own_places.empty()) return false;
    const Shape& rows = nodes_[nodes_.inputs(id)[1]].type.shape;
    return 2 * rows[0] <= nodes_[id].type.shape[0];
  }

  // Whether all that is done with this table can be done with its rows.
  bool MayMove(NodeId table) const {
    std::vector<NodeId> tables = {table};
    while (!tables.empty()) {
      const NodeId id = tables.back();
      tables.pop_back();
      if (consumers_.of(id).size() != static_cast<size_t>(uses_[id])) return false;  // is fetched
      for (const NodeId reader : consumers_.of(id)) {
        if (IsScaling(reader, id)) {
          tables.push_back(reader);
        } else if (!IsSum(reader) && !IsReducedByRows(reader)) {
          return false;
        }
      }
    }
    return true;
  }

  // Whether rows may be scattered after it as well as before: it is linear, and its other inputs
  // are numbers.
  bool IsScaling(NodeId id, NodeId table) const {
    const absl::Span<const NodeId> inputs = nodes_.inputs(id);
    if (nodes_[id].type != nodes_[table].type) return false;
    int tables = 0;
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i] == table) {
        ++tables;
        if ((nodes_[id].op->linear_inputs >> i & 1) == 0) return false;
      } else if (nodes_[inputs[i]].type.shape.elements() != 1) {
        return false;
      }
    }
    return tables == 1;
  }

  // Of two whole tables, of which the other is not this one.
  bool IsSum(NodeId id) const {
    const absl::Span<const NodeId> inputs = nodes_.inputs(id);
    return nodes_[id].op == &accumulate_ && inputs[0] != inputs[1] &&
           nodes_[inputs[0]].type == nodes_[id].type && nodes_[inputs[1]].type == nodes_[id].type;
  }

  // Something of each element by itself, of which rows are added up; rows of zeros add nothing.
  bool IsReducedByRows(NodeId id) const {
    if (nodes_[id].op->kind == OpKind::kReduction) return AddsRows(id);
    if (!KeepsZero(id) || consumers_.of(id).size() != static_cast<size_t>(uses_[id])) return false;
    for (const NodeId reader : consumers_.of(id)) {
      if (nodes_[reader].op->kind != OpKind::kReduction || !AddsRows(reader)) return false;
    }
    return true;
  }

  bool AddsRows(NodeId id) const {
    const Op& op = *nodes_[id].op;
    return op.adds_over_rows != nullptr && op.adds_over_rows(nodes_.attributes(id));
  }

  // Of one input, f(0) = 0.
  bool KeepsZero(NodeId id) const {
    const Node& node = nodes_[id];
    if (node.op->kind != OpKind::kElementwise || nodes_.inputs(id).size() != 1) return false;
    const TileFunction tile = node.op->tiles.For(node.type.dtype);
    if (tile == nullptr || nodes_[nodes_.inputs(id)[0]].type != node.type) return false;
    const double zero = 0;  // of every dtype
    const void* const inputs[] = {&zero};
    double result = 1;
    tile(1, inputs, nodes_.attributes(id).number, &result);
    std::array<std::byte, sizeof(double)> bytes;
    std::memcpy(bytes.data(), &result, sizeof(double));
    return std::all_of(bytes.begin(), bytes.begin() + BytesPerElement(node.type.dtype),
                       [](std::byte byte) { return byte == std::byte(0); });
  }

  NodeId ScatteredInput(NodeId id) const {
    for (const NodeId input : nodes_.inputs(id)) {
      if (scattered_[input].scatter != kNoNode) return input;
    }
    return kNoNode;
  }

  void Rewrite(NodeId id, const ScatteredRows& table) {
    const NodeId input = ScatteredInput(id);
    if (IsSum(id)) {
      absl::InlinedVector<NodeId, 2> addends;
      for (const NodeId addend : nodes_.inputs(id)) {
        const ScatteredRows& rows = scattered_[addend];
        addends.push_back(rows.scatter == kNoNode ? rewriter_.MapOf(addend) : Scatter(id, rows));
      }
      rewriter_.Map(id, rewriter_.Append(id, accumulate_, nodes_[id].type, addends, {}));
    } else if (IsScaling(id, input)) {
      scattered_[id] = {table.scatter, AppendWith(id, input, table.rows)};
    } else {
      // Each id's row once, for what follows is not linear.
      const NodeId distinct = Distinct(id, table);
      rewriter_.Map(id, AppendWith(id, input, distinct));
    }
  }

  // The old node with `rows` in the place of its input `table`.
  NodeId AppendWith(NodeId id, NodeId table, NodeId rows) {
    absl::InlinedVector<NodeId, 4> inputs;
    for (const NodeId input : nodes_.inputs(id)) {
      inputs.push_back(input == table ? rows : rewriter_.MapOf(input));
    }
    TensorType type = nodes_[id].type;
    if (nodes_[id].op->kind == OpKind::kElementwise) type = rewriter_.nodes()[rows].type;
    return rewriter_.Append(id, *nodes_[id].op, type, inputs, nodes_.attributes(id));
  }

  NodeId Scatter(NodeId id, const ScatteredRows& table) {
    const NodeId scatter = table.scatter;
    const NodeId ids = rewriter_.MapOf(nodes_.inputs(scatter)[0]);
    return rewriter_.Append(id, *nodes_[scatter].op, nodes_[scatter].type, {ids, table.rows},
                            nodes_.attributes(scatter));
  }

  NodeId Distinct(NodeId id, const ScatteredRows& table) {
    const Op& scatter = *nodes_[table.scatter].op;
    const NodeId ids = rewriter_.MapOf(nodes_.inputs(table.scatter)[0]);
    NodeId& places = own_places_[table.scatter];
    if (places == kNoNode) {
      const Op& own = *OpRegistry::Global().Find(scatter.own_places);
      places = rewriter_.Append(id, own, rewriter_.nodes()[ids].type, {ids}, {});
    }
    const TensorType type = rewriter_.nodes()[table.rows].type;
    return rewriter_.Append(id, scatter, type, {places, table.rows}, {.integers = {type.shape[0]}});
  }

  const NodeList& nodes_;
  std::vector<int32_t> uses_;
  const Consumers consumers_;
  const Op& accumulate_;
  std::vector<ScatteredRows> scattered_;  // by old node
  std::vector<NodeId> own_places_;        // by old scatter: new
  GraphRewriter rewriter_;
};

}  // namespace

PlanGraph ScatterLate(PlanGraph graph) { return Scatterer(graph).Run(); }

}  // namespace sluice
