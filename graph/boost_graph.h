#ifndef SLUICE_GRAPH_BOOST_GRAPH_H_
#define SLUICE_GRAPH_BOOST_GRAPH_H_

// The only header that includes Boost.Graph. BGL's algorithms find the functions below by the
// namespace of the graph.

#include <string>
#include <utility>
#include <vector>

#include <absl/functional/function_ref.h>
#include <boost/graph/graph_traits.hpp>
#include <boost/graph/properties.hpp>
#include <boost/iterator/counting_iterator.hpp>
#include <boost/iterator/iterator_facade.hpp>
#include <boost/property_map/function_property_map.hpp>
#include <boost/property_map/property_map.hpp>

#include <sluice/graph/node_list.h>
#include <sluice/graph/tape.h>

namespace sluice {

// A value and one use of it: input number `position` of `target`. A node that reads a value twice
// has two edges from it, which differ in their position.
struct TapeEdge {
  NodeId source = kNoNode;
  NodeId target = kNoNode;
  int32_t position = 0;

  friend bool operator==(const TapeEdge&, const TapeEdge&) = default;
  friend auto operator<=>(const TapeEdge&, const TapeEdge&) = default;
};

// A tape, or the nodes of a program, as a Boost.Graph graph: a vertex for each node, an edge from
// each value to each use of it. A view: it keeps an index of the readers of each node and no second
// graph, so the nodes must outlive it and must not change. Models VertexListGraph, EdgeListGraph,
// BidirectionalGraph and AdjacencyGraph; has parallel edges and no cycle.
class TapeGraph {
 public:
  explicit TapeGraph(const NodeList& nodes) : nodes_(&nodes), readers_(nodes) {}
  explicit TapeGraph(const Tape& tape) : TapeGraph(tape.nodes()) {}
  explicit TapeGraph(NodeList&&) = delete;

  const NodeList& nodes() const { return *nodes_; }
  const Consumers& readers() const { return readers_; }

 private:
  const NodeList* nodes_;
  Consumers readers_;
};

// The edges that leave a node, or those that enter it: one class, for both count a position.
class TapeEdgeIterator
    : public boost::iterator_facade<TapeEdgeIterator, TapeEdge, boost::random_access_traversal_tag,
                                    TapeEdge> {
 public:
  TapeEdgeIterator() = default;
  TapeEdgeIterator(const TapeGraph& graph, NodeId node, bool leaving, int64_t index)
      : graph_(&graph), node_(node), leaving_(leaving), index_(index) {}

 private:
  friend class boost::iterator_core_access;
  TapeEdge dereference() const {
    if (leaving_) {
      return {node_, graph_->readers().of(node_)[index_],
              graph_->readers().positions(node_)[index_]};
    }
    return {graph_->nodes().inputs(node_)[index_], node_, static_cast<int32_t>(index_)};
  }
  bool equal(const TapeEdgeIterator& other) const { return index_ == other.index_; }
  void increment() { ++index_; }
  void decrement() { --index_; }
  void advance(int64_t distance) { index_ += distance; }
  int64_t distance_to(const TapeEdgeIterator& other) const { return other.index_ - index_; }

  const TapeGraph* graph_ = nullptr;
  NodeId node_ = kNoNode;
  bool leaving_ = true;
  int64_t index_ = 0;
};

// All edges, by target and position.
class AllTapeEdgesIterator : public boost::iterator_facade<AllTapeEdgesIterator, TapeEdge,
                                                           boost::forward_traversal_tag, TapeEdge> {
 public:
  AllTapeEdgesIterator() = default;
  AllTapeEdgesIterator(const TapeGraph& graph, NodeId target) : graph_(&graph), target_(target) {
    SkipNodesWithoutInputs();
  }

 private:
  friend class boost::iterator_core_access;
  TapeEdge dereference() const {
    return {graph_->nodes().inputs(target_)[position_], target_, position_};
  }
  bool equal(const AllTapeEdgesIterator& other) const {
    return target_ == other.target_ && position_ == other.position_;
  }
  void increment() {
    ++position_;
    SkipNodesWithoutInputs();
  }
  void SkipNodesWithoutInputs() {
    while (target_ < graph_->nodes().size() &&
           position_ == static_cast<int32_t>(graph_->nodes().inputs(target_).size())) {
      ++target_;
      position_ = 0;
    }
  }

  const TapeGraph* graph_ = nullptr;
  NodeId target_ = 0;
  int32_t position_ = 0;
};

}  // namespace sluice

template <>
struct boost::graph_traits<sluice::TapeGraph> {
  using vertex_descriptor = sluice::NodeId;
  using edge_descriptor = sluice::TapeEdge;
  using directed_category = boost::bidirectional_tag;
  using edge_parallel_category = boost::allow_parallel_edge_tag;
  struct traversal_category : boost::bidirectional_graph_tag,
                              boost::adjacency_graph_tag,
                              boost::vertex_list_graph_tag,
                              boost::edge_list_graph_tag {};
  using vertex_iterator = boost::counting_iterator<sluice::NodeId>;
  using edge_iterator = sluice::AllTapeEdgesIterator;
  using out_edge_iterator = sluice::TapeEdgeIterator;
  using in_edge_iterator = sluice::TapeEdgeIterator;
  using adjacency_iterator = const sluice::NodeId*;
  using vertices_size_type = size_t;
  using edges_size_type = size_t;
  using degree_size_type = size_t;
  static vertex_descriptor null_vertex() { return sluice::kNoNode; }
};

template <>
struct boost::property_map<sluice::TapeGraph, boost::vertex_index_t> {
  using type = boost::typed_identity_property_map<sluice::NodeId>;
  using const_type = type;
};

namespace sluice {

using TapeGraphTraits = boost::graph_traits<TapeGraph>;

inline auto vertices(const TapeGraph& graph) {
  return std::pair(TapeGraphTraits::vertex_iterator(0),
                   TapeGraphTraits::vertex_iterator(graph.nodes().size()));
}
inline size_t num_vertices(const TapeGraph& graph) {
  return static_cast<size_t>(graph.nodes().size());
}
inline size_t out_degree(NodeId node, const TapeGraph& graph) {
  return graph.readers().of(node).size();
}
inline size_t in_degree(NodeId node, const TapeGraph& graph) {
  return graph.nodes().inputs(node).size();
}
inline size_t degree(NodeId node, const TapeGraph& graph) {
  return in_degree(node, graph) + out_degree(node, graph);
}
inline auto out_edges(NodeId node, const TapeGraph& graph) {
  const auto end = static_cast<int64_t>(out_degree(node, graph));
  return std::pair(TapeEdgeIterator(graph, node, /*leaving=*/true, 0),
                   TapeEdgeIterator(graph, node, /*leaving=*/true, end));
}
inline auto in_edges(NodeId node, const TapeGraph& graph) {
  const auto end = static_cast<int64_t>(in_degree(node, graph));
  return std::pair(TapeEdgeIterator(graph, node, /*leaving=*/false, 0),
                   TapeEdgeIterator(graph, node, /*leaving=*/false, end));
}
inline auto adjacent_vertices(NodeId node, const TapeGraph& graph) {
  const absl::Span<const NodeId> readers = graph.readers().of(node);
  return std::pair(readers.data(), readers.data() + readers.size());
}
inline auto edges(const TapeGraph& graph) {
  return std::pair(AllTapeEdgesIterator(graph, 0),
                   AllTapeEdgesIterator(graph, graph.nodes().size()));
}
// Linear in the number of nodes.
size_t num_edges(const TapeGraph& graph);
inline NodeId source(const TapeEdge& edge, const TapeGraph&) { return edge.source; }
inline NodeId target(const TapeEdge& edge, const TapeGraph&) { return edge.target; }

inline boost::typed_identity_property_map<NodeId> get(boost::vertex_index_t, const TapeGraph&) {
  return {};
}
inline NodeId get(boost::vertex_index_t, const TapeGraph&, NodeId node) { return node; }

// ---- Readable property maps, by node ----

template <typename Function>
auto NodeProperty(Function function) {
  return boost::make_function_property_map<NodeId>(std::move(function));
}
inline auto OpNames(const TapeGraph& graph) {
  return NodeProperty([nodes = &graph.nodes()](NodeId id) { return (*nodes)[id].op->name; });
}
inline auto Scopes(const TapeGraph& graph) {
  return NodeProperty([nodes = &graph.nodes()](NodeId id) { return nodes->scope(id); });
}
inline auto Types(const TapeGraph& graph) {
  return NodeProperty([nodes = &graph.nodes()](NodeId id) { return (*nodes)[id].type; });
}
// Of the output.
inline auto Bytes(const TapeGraph& graph) {
  return NodeProperty([nodes = &graph.nodes()](NodeId id) { return (*nodes)[id].type.bytes(); });
}
// Floating-point operations of one call.
inline auto Flops(const TapeGraph& graph) {
  return NodeProperty([nodes = &graph.nodes()](NodeId id) {
    return (*nodes)[id].op->flops(InputTypes(*nodes, id), (*nodes)[id].type);
  });
}

// ---- Paths ----

struct TapePath {
  std::vector<NodeId> nodes;  // from the first to the last; empty for an empty graph
  double cost = 0;            // the sum of its nodes' costs
};

// The path with the largest sum of `cost` over its nodes: what no number of cores can make shorter.
// Costs are 0 or more. For the most FLOPs in a row:
// `CriticalPath(graph, [flops = Flops(graph)](NodeId id) { return get(flops, id); })`.
TapePath CriticalPath(const TapeGraph& graph, absl::FunctionRef<double(NodeId)> cost);

}  // namespace sluice

#endif  // SLUICE_GRAPH_BOOST_GRAPH_H_
