#include <algorithm>
#include <sstream>

#include <boost/concept/assert.hpp>
#include <boost/graph/breadth_first_search.hpp>
#include <boost/graph/graph_concepts.hpp>
#include <boost/graph/graphviz.hpp>
#include <boost/graph/topological_sort.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/graph/boost_graph.h>
#include <sluice/ops/composed.h>

#include "graph/tapes.h"

namespace sluice {
namespace {

using ::testing::ElementsAre;

BOOST_CONCEPT_ASSERT((boost::VertexListGraphConcept<TapeGraph>));
BOOST_CONCEPT_ASSERT((boost::EdgeListGraphConcept<TapeGraph>));
BOOST_CONCEPT_ASSERT((boost::IncidenceGraphConcept<TapeGraph>));
BOOST_CONCEPT_ASSERT((boost::BidirectionalGraphConcept<TapeGraph>));
BOOST_CONCEPT_ASSERT((boost::AdjacencyGraphConcept<TapeGraph>));
BOOST_CONCEPT_ASSERT(
    (boost::ReadablePropertyGraphConcept<TapeGraph, NodeId, boost::vertex_index_t>));
template <typename Map>
constexpr bool IsReadable(const Map&) {
  BOOST_CONCEPT_ASSERT((boost::ReadablePropertyMapConcept<Map, NodeId>));
  return true;
}

// x · w, then y + y: a chain, a branch and a value used twice.
class TapeGraphTest : public ::testing::Test {
 protected:
  Tape tape_;
  Value x_ = tape_.Feed(RandomFloats({2, 3}, 1));  // 0
  Value w_ = tape_.Feed(RandomFloats({3, 4}, 2));  // 1
  Value product_ = MatMul(x_, w_);                 // 2
  Value twice_ = product_ + product_;              // 3
  Value negative_ = Negate(x_);                    // 4
  Value other_ = Negate(negative_);                // 5
  TapeGraph graph_{tape_};
};

TEST_F(TapeGraphTest, CountsVerticesEdgesAndDegrees) {
  EXPECT_EQ(num_vertices(graph_), 6);
  EXPECT_EQ(num_edges(graph_), 6);
  EXPECT_EQ(out_degree(0, graph_), 2);
  EXPECT_EQ(in_degree(0, graph_), 0);
  EXPECT_EQ(out_degree(2, graph_), 2);
  EXPECT_EQ(in_degree(3, graph_), 2);
  EXPECT_EQ(degree(2, graph_), 4);
}

template <typename Range>
std::vector<TapeEdge> ToVector(const Range& range) {
  return {range.first, range.second};
}

TEST_F(TapeGraphTest, LeadsFromAValueToItsUsers) {
  EXPECT_THAT(ToVector(out_edges(0, graph_)), ElementsAre(TapeEdge{0, 2, 0}, TapeEdge{0, 4, 0}));
  EXPECT_THAT(ToVector(out_edges(1, graph_)), ElementsAre(TapeEdge{1, 2, 1}));
  EXPECT_THAT(ToVector(in_edges(2, graph_)), ElementsAre(TapeEdge{0, 2, 0}, TapeEdge{1, 2, 1}));
  const auto [begin, end] = adjacent_vertices(0, graph_);
  EXPECT_EQ(std::vector<NodeId>(begin, end), (std::vector<NodeId>{2, 4}));
}

TEST_F(TapeGraphTest, TellsParallelEdgesApart) {
  EXPECT_THAT(ToVector(out_edges(2, graph_)), ElementsAre(TapeEdge{2, 3, 0}, TapeEdge{2, 3, 1}));
}

TEST_F(TapeGraphTest, ListsEachEdgeOnceFromAllSides) {
  std::vector<TapeEdge> all = ToVector(edges(graph_));
  std::vector<TapeEdge> leaving;
  std::vector<TapeEdge> entering;
  for (NodeId id = 0; id < tape_.size(); ++id) {
    for (const TapeEdge& edge : ToVector(out_edges(id, graph_))) leaving.push_back(edge);
    for (const TapeEdge& edge : ToVector(in_edges(id, graph_))) entering.push_back(edge);
  }
  std::sort(all.begin(), all.end());
  std::sort(leaving.begin(), leaving.end());
  std::sort(entering.begin(), entering.end());
  EXPECT_EQ(all.size(), num_edges(graph_));
  EXPECT_EQ(all, leaving);
  EXPECT_EQ(all, entering);
}

TEST_F(TapeGraphTest, HasPropertiesOfNodes) {
  EXPECT_TRUE(IsReadable(OpNames(graph_)) && IsReadable(Scopes(graph_)) &&
              IsReadable(Types(graph_)) && IsReadable(Bytes(graph_)) && IsReadable(Flops(graph_)));
  EXPECT_EQ(get(OpNames(graph_), 2), "matmul");
  EXPECT_EQ(get(Scopes(graph_), 2), "");
  EXPECT_EQ(get(Types(graph_), 2), (TensorType{DType::kF32, {2, 4}}));
  EXPECT_EQ(get(Bytes(graph_), 2), 32);
  EXPECT_EQ(get(Flops(graph_), 2), 2 * 2 * 3 * 4);
  EXPECT_EQ(get(boost::vertex_index, graph_, 2), 2);
}

TEST_F(TapeGraphTest, IsReachedByBreadthFirstSearch) {
  std::vector<NodeId> distance(num_vertices(graph_), -1);
  distance[x_.node()] = 0;
  boost::breadth_first_search(
      graph_, x_.node(),
      boost::visitor(boost::make_bfs_visitor(boost::record_distances(
          boost::make_iterator_property_map(distance.begin(), get(boost::vertex_index, graph_)),
          boost::on_tree_edge()))));
  EXPECT_THAT(distance, ElementsAre(0, -1, 1, 2, 1, 2));
}

TEST_F(TapeGraphTest, HasACriticalPath) {
  const TapePath by_flops =
      CriticalPath(graph_, [flops = Flops(graph_)](NodeId id) { return get(flops, id); });
  EXPECT_EQ(by_flops.cost, 48 + 8);
  // Feeds cost nothing, so either of them may begin the path, or neither.
  EXPECT_EQ(by_flops.nodes.back(), twice_.node());
  EXPECT_EQ(by_flops.nodes[by_flops.nodes.size() - 2], product_.node());
  const std::vector<double> costs = {1, 5, 2, 1, 3, 10};
  const TapePath by_hand = CriticalPath(graph_, [&](NodeId id) { return costs[id]; });
  EXPECT_EQ(by_hand.cost, 14);
  EXPECT_THAT(by_hand.nodes, ElementsAre(0, 4, 5));
}

TEST(CriticalPath, OfNothingIsEmpty) {
  const Tape tape;
  const TapePath path = CriticalPath(TapeGraph(tape), [](NodeId) { return 1.0; });
  EXPECT_TRUE(path.nodes.empty());
  EXPECT_EQ(path.cost, 0);
}

TEST(CriticalPath, OfARecurrentNetGrowsWithItsSteps) {
  const auto length = [](int steps) {
    VariableStore store;
    Tape tape;
    RecordTrainingStep(tape, store, {.steps = steps});
    return CriticalPath(TapeGraph(tape), [](NodeId) { return 1.0; }).cost;
  };
  const double more = length(20) - length(10);
  EXPECT_GT(more, 10 * 6);
  EXPECT_EQ(length(30) - length(20), more);
}

TEST(TapeGraph, OfATrainingStepIsSortedTopologically) {
  VariableStore store;
  Tape tape;
  RecordTrainingStep(tape, store, {});
  const TapeGraph graph(tape);
  std::vector<NodeId> reversed;
  boost::topological_sort(graph, std::back_inserter(reversed));
  ASSERT_EQ(reversed.size(), num_vertices(graph));
  std::vector<size_t> place(reversed.size());
  for (size_t i = 0; i < reversed.size(); ++i) place[reversed[i]] = i;
  const auto [begin, end] = edges(graph);
  for (auto edge = begin; edge != end; ++edge) {
    EXPECT_GT(place[source(*edge, graph)], place[target(*edge, graph)]);
  }
}

// A recursive search would need more stack than there is.
TEST(TapeGraph, OfAMillionNodesIsSearchedWithoutRecursion) {
  Tape tape;
  Value x = tape.Feed(Floats({}, {1}));
  constexpr int kLength = 1'000'000;
  for (int i = 0; i < kLength; ++i) x = Negate(x);
  const TapeGraph graph(tape);
  std::vector<NodeId> reversed;
  reversed.reserve(num_vertices(graph));
  boost::topological_sort(graph, std::back_inserter(reversed));
  EXPECT_EQ(reversed.front(), kLength);
  EXPECT_EQ(CriticalPath(graph, [](NodeId) { return 1.0; }).cost, kLength + 1);
}

TEST_F(TapeGraphTest, IsWrittenByGraphviz) {
  std::ostringstream out;
  boost::write_graphviz(out, graph_, boost::make_label_writer(OpNames(graph_)));
  EXPECT_EQ(out.str(),
            "digraph G {\n"
            "0[label=feed];\n1[label=feed];\n2[label=matmul];\n3[label=add];\n4[label=negate];\n"
            "5[label=negate];\n"
            "0->2 ;\n1->2 ;\n2->3 ;\n2->3 ;\n0->4 ;\n4->5 ;\n"
            "}\n");
}

TEST(TapeGraph, ShowsAProgramToo) {
  Tape tape;
  const Value x = tape.Feed(RandomFloats({2, 3}, 1));
  absl::StatusOr<Program> program = Plan(tape, {Negate(Negate(x))});
  ASSERT_TRUE(program.ok()) << program.status();
  EXPECT_EQ(num_edges(TapeGraph(program->nodes())), 2);
}

}  // namespace
}  // namespace sluice
