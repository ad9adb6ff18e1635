#ifndef SLUICE_GRAPH_PASSES_PASSES_H_
#define SLUICE_GRAPH_PASSES_PASSES_H_

#include <vector>

#include <sluice/graph/passes/plan_graph.h>
#include <sluice/graph/passes/stage.h>

namespace sluice {

// Builds the next graph node by node: keeps the map from old nodes to new ones. As long as the next
// graph begins as the old one does, nothing is copied; where all of it is the same, it is the old
// one that `Finish` moves on.
class GraphRewriter {
 public:
  explicit GraphRewriter(PlanGraph& from);

  // Appends the old node with its inputs mapped.
  NodeId Copy(NodeId old);
  // Appends a node in the place of `old`, with inputs that are already new.
  NodeId Append(NodeId old, const Op& op, const TensorType& type, absl::Span<const NodeId> inputs,
                const Attributes& attributes);
  // Says that `old` is now `node`.
  void Map(NodeId old, NodeId node) { new_id_[old] = node; }
  NodeId MapOf(NodeId old) const { return new_id_[old]; }
  absl::InlinedVector<NodeId, 4> MappedInputs(NodeId old) const;
  // The new nodes so far, and maybe others behind them.
  const NodeList& nodes() const { return differs_ ? to_.nodes : from_.nodes; }
  // The new graph, with fetches and feeds mapped. The old one is no more.
  PlanGraph Finish();

 private:
  bool IsNext(NodeId old) const { return !differs_ && old == same_; }
  void BeginToDiffer();

  PlanGraph& from_;
  PlanGraph to_;
  std::vector<NodeId> new_id_;
  NodeId same_ = 0;       // so many nodes are the first of both
  bool differs_ = false;  // `to_` has them too
};

// How often each node is read, fetches included.
std::vector<int32_t> CountUses(const PlanGraph& graph);
// Appends views and joins of new nodes, in the place of `old`.
NodeId ReshapeTo(GraphRewriter& rewriter, NodeId old, NodeId node, const Shape& shape);
NodeId SliceRows(GraphRewriter& rewriter, NodeId old, NodeId node, int64_t begin, int64_t end);
// Whether the pieces, one after the other, are views of all of one value.
bool AreWholeRows(const NodeList& nodes, absl::Span<const NodeId> pieces);
// Values one after the other along axis 0. Neighbouring slices of one value are joined by taking
// that value.
NodeId ConcatRows(GraphRewriter& rewriter, NodeId old, absl::Span<const NodeId> pieces);

// Appends the sum of two rows, (N) or (1, N): of the larger rank.
NodeId AddRows(GraphRewriter& rewriter, NodeId old, NodeId a, NodeId b);

// Leaves out what neither a fetch nor a write needs.
PlanGraph DropUnused(PlanGraph graph);

// Computes equal expressions once: same op, inputs and attributes. Sources of randomness are equal
// when their keys are; feeds never are.
PlanGraph ShareEqual(PlanGraph graph);

// Takes a copy of a constant for a constant, a value (or one number) for a broadcast of it where an
// element-wise op broadcasts it anyway, and a value for its product with one.
PlanGraph FoldConstants(PlanGraph graph);

// Adds up the rows (biases) of a sum by themselves, once for all sums that have the same, and adds
// the result to the first product of the sum, so that it is hoisted with it.
PlanGraph AddRowsFirst(PlanGraph graph);

// Computes with rows that are scattered instead of with the table they make, as far as the table is
// scaled, summed up, or added to another: an update then touches only the rows that occur. (A scale
// that is no finite number would spoil the other rows too; here it does not.)
PlanGraph ScatterLate(PlanGraph graph);

// Computes the same of all rows at once where it was written step by step: x_t · W + b for every t,
// with x_t the rows of one value, becomes X · W + b and slices of it.
PlanGraph HoistRows(PlanGraph graph);

// The other way round: a concatenation of g_t · W (sums of them, and the like) for every t, which
// nothing else reads, becomes the product of the concatenation.
PlanGraph LiftConcats(PlanGraph graph);

// Turns sums over time steps (weight gradients: a sum of T small products; bias gradients) into one
// call over the rows of all steps.
PlanGraph SinkSums(PlanGraph graph);

// Makes one of two concatenations that share all but their ends, such as the states before and the
// states after each time step: (a, b, c) and (b, c, d) become ranges of (a, b, c, d).
PlanGraph MergeConcats(PlanGraph graph);

// Splits each product into packing its right-hand operand and the product proper; with ShareEqual
// after it, an operand is packed once however many products read it. One that few rows are
// multiplied by stays as it is, and so does one that a single product of many rows reads: that
// packs it part by part, and needs no memory for the whole.
PlanGraph PackOperands(PlanGraph graph);

// Adds up products (and scattered rows) in place: a sum of products and of other values becomes the
// sum of the others, on which one product after the other is added. A bias row is where a product
// starts from.
PlanGraph AddInPlace(PlanGraph graph);

// Computes cheap element-wise results (such as 1 - z) again where a later group reads them, instead
// of keeping them in memory, if what they are made of is kept anyway.
PlanGraph Recompute(PlanGraph graph);

// Changes the order so that nodes of as many rows follow one another (they become stages of rows),
// and among them element-wise ops (runs of them become one group). Writes follow all that read the
// variable's old value, as after OrderWrites.
PlanGraph Schedule(PlanGraph graph);

// Moves each write behind the last reader of the variable's old value, in place of a copy of it.
PlanGraph OrderWrites(PlanGraph graph);

// Where a value lies.
struct Place {
  enum class Base : uint8_t { kArena, kConstants, kFeed, kVariable };
  Base base = Base::kArena;
  int32_t index = 0;   // which feed; unused for the others
  int64_t offset = 0;  // in bytes

  friend bool operator==(const Place&, const Place&) = default;
};
struct MemoryPlan {
  std::vector<Place> places;  // of each node
  int64_t arena_bytes = 0;
  int64_t constants_bytes = 0;
};

// Gives every value its place in one arena, by lifetime. Reshapes and contiguous slices lie in
// their input, pieces of a contiguous concatenation lie in its output, an element-wise result (or a
// product that is added to it) lies in an input that ends with it, and a written value lies in its
// variable, where nothing else needs the memory at that time. The nodes of a stage happen at the
// same time: within a chain, values whose rows are as long take each other's place, and no others.
// What only a group reads has no place. With `reuse` off every value has memory of its own, which
// is what the debug level wants.
MemoryPlan PlaceValues(const PlanGraph& graph, bool reuse, const Stages& stages = {});

}  // namespace sluice

#endif  // SLUICE_GRAPH_PASSES_PASSES_H_
