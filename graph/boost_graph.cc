#include <algorithm>
#include <limits>

#include <boost/graph/dag_shortest_paths.hpp>

#include <sluice/graph/boost_graph.h>

namespace sluice {
namespace {

// dag_shortest_paths starts at one vertex, and a tape has many without inputs: the same graph with
// one more vertex, numbered behind the others, that has an edge to each of them. As costs are not
// negative, a path that starts in the middle never wins.
class RootedGraph {
 public:
  explicit RootedGraph(const TapeGraph& graph) : graph_(graph) {}
  NodeId root() const { return graph_.nodes().size(); }
  const TapeGraph& graph() const { return graph_; }

  class OutEdgeIterator : public boost::iterator_facade<OutEdgeIterator, TapeEdge,
                                                        boost::forward_traversal_tag, TapeEdge> {
   public:
    OutEdgeIterator() = default;
    // `targets` is null for the root, which has an edge to every number.
    OutEdgeIterator(NodeId source, const NodeId* targets, NodeId index)
        : source_(source), targets_(targets), index_(index) {}

   private:
    friend class boost::iterator_core_access;
    TapeEdge dereference() const {
      return {source_, targets_ == nullptr ? index_ : targets_[index_], index_};
    }
    bool equal(const OutEdgeIterator& other) const { return index_ == other.index_; }
    void increment() { ++index_; }

    NodeId source_ = kNoNode;
    const NodeId* targets_ = nullptr;
    NodeId index_ = 0;
  };

  using vertex_descriptor = NodeId;
  using edge_descriptor = TapeEdge;
  using directed_category = boost::directed_tag;
  using edge_parallel_category = boost::allow_parallel_edge_tag;
  struct traversal_category : boost::incidence_graph_tag, boost::vertex_list_graph_tag {};
  using vertex_iterator = boost::counting_iterator<NodeId>;
  using out_edge_iterator = OutEdgeIterator;
  using vertices_size_type = size_t;
  using edges_size_type = size_t;
  using degree_size_type = size_t;
  static vertex_descriptor null_vertex() { return kNoNode; }

 private:
  const TapeGraph& graph_;
};

[[maybe_unused]] size_t num_vertices(const RootedGraph& graph) {
  return static_cast<size_t>(graph.root()) + 1;
}
auto vertices(const RootedGraph& graph) {
  return std::pair(RootedGraph::vertex_iterator(0), RootedGraph::vertex_iterator(graph.root() + 1));
}
[[maybe_unused]] size_t out_degree(NodeId node, const RootedGraph& graph) {
  return node == graph.root() ? static_cast<size_t>(node) : out_degree(node, graph.graph());
}
auto out_edges(NodeId node, const RootedGraph& graph) {
  const bool root = node == graph.root();
  const NodeId* targets = root ? nullptr : graph.graph().readers().of(node).data();
  return std::pair(
      RootedGraph::OutEdgeIterator(node, targets, 0),
      RootedGraph::OutEdgeIterator(node, targets, static_cast<NodeId>(out_degree(node, graph))));
}
[[maybe_unused]] NodeId source(const TapeEdge& edge, const RootedGraph&) { return edge.source; }
NodeId target(const TapeEdge& edge, const RootedGraph&) { return edge.target; }

}  // namespace

size_t num_edges(const TapeGraph& graph) {
  size_t sum = 0;
  for (NodeId id = 0; id < graph.nodes().size(); ++id) sum += in_degree(id, graph);
  return sum;
}

TapePath CriticalPath(const TapeGraph& graph, absl::FunctionRef<double(NodeId)> cost) {
  const NodeId count = graph.nodes().size();
  TapePath path;
  if (count == 0) return path;
  std::vector<double> costs(count);
  for (NodeId id = 0; id < count; ++id) costs[id] = cost(id);

  const RootedGraph rooted(graph);
  const boost::typed_identity_property_map<NodeId> index;
  const size_t vertices = num_vertices(rooted);
  std::vector<double> distances(vertices);
  std::vector<NodeId> before(vertices);
  std::vector<boost::default_color_type> colors(vertices, boost::white_color);
  // The longest path is the shortest one by negated costs; an edge costs what its target does.
  const auto weights = boost::make_function_property_map<TapeEdge>(
      [&costs](const TapeEdge& edge) { return -costs[edge.target]; });
  boost::dag_shortest_paths(
      rooted, rooted.root(), boost::make_iterator_property_map(distances.begin(), index), weights,
      boost::make_iterator_property_map(colors.begin(), index),
      boost::make_iterator_property_map(before.begin(), index), boost::default_dijkstra_visitor(),
      std::less<double>(), std::plus<double>(), std::numeric_limits<double>::infinity(), 0.0);

  const auto last = std::min_element(distances.begin(), distances.end() - 1);
  path.cost = -*last;
  for (auto id = static_cast<NodeId>(last - distances.begin()); id != rooted.root();
       id = before[id]) {
    path.nodes.push_back(id);
  }
  std::reverse(path.nodes.begin(), path.nodes.end());
  return path;
}

}  // namespace sluice
