#include <map>
#include <set>
#include <sstream>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/graphviz.hpp>

#include <sluice/graph/boost_graph.h>
#include <sluice/graph/dot.h>
#include <sluice/graph/dot_style.h>
#include <sluice/graph/fold_steps.h>
#include <sluice/graph/variable.h>

namespace sluice {
namespace {

std::vector<std::string> LinesOf(const NodeList& nodes, NodeId id) {
  const Node& node = nodes[id];
  const std::string shape = node.type.shape.rank() == 0 ? "" : node.type.shape.ToString();
  std::vector<std::string> lines;
  if (node.op->kind == OpKind::kConstant) {
    lines = {absl::StrCat(nodes.attributes(id).number)};
  } else {
    lines = {node.op->name};
  }
  if (const Variable* variable = nodes.attributes(id).variable) lines.push_back(variable->path());
  if (!shape.empty()) lines.push_back(shape);
  return lines;
}

bool IsFolded(const FoldedSteps::Operation& operation) { return operation.count > 1; }

// Boxes within boxes, one for each part of a scope's path.
class ScopeBoxes {
 public:
  void Add(absl::string_view scope, int64_t vertex) {
    std::vector<std::string> path;
    if (!scope.empty()) path = absl::StrSplit(scope, '/');
    vertices_[path].push_back(vertex);
  }

  void Write(std::ostream& out) const {
    std::vector<std::string> open;
    int number = 0;
    for (const auto& [path, vertices] : vertices_) {
      size_t common = 0;
      while (common < open.size() && common < path.size() && open[common] == path[common]) {
        ++common;
      }
      for (; open.size() > common; open.pop_back()) out << "}\n";
      while (open.size() < path.size()) {
        open.push_back(path[open.size()]);
        out << "subgraph cluster_" << number++ << " {\nlabel=" << Quoted({open.back()})
            << "; color=\"#999999\"; fontcolor=\"#666666\";\n";
      }
      if (path.empty()) continue;
      for (const int64_t vertex : vertices) out << vertex << ";\n";
    }
    for (; !open.empty(); open.pop_back()) out << "}\n";
  }

 private:
  std::map<std::vector<std::string>, std::vector<int64_t>> vertices_;
};

void WriteGraphAttributes(std::ostream& out, const DotOptions& options, const ScopeBoxes& boxes) {
  out << GraphAttributes(options.title);
  boxes.Write(out);
}

std::string WriteUnrolled(const NodeList& nodes, const DotOptions& options) {
  const TapeGraph graph(nodes);
  ScopeBoxes boxes;
  for (NodeId id = 0; id < nodes.size(); ++id) boxes.Add(nodes.scope(id), id);
  std::ostringstream out;
  boost::write_graphviz(
      out, graph,
      [&](std::ostream& stream, NodeId id) {
        stream << " [label=" << Quoted(LinesOf(nodes, id)) << ", " << StyleOf(nodes[id].op->kind)
               << "]";
      },
      boost::default_writer(),
      [&](std::ostream& stream) { WriteGraphAttributes(stream, options, boxes); });
  return out.str();
}

// ---- Rolled ----

// From the step of the source to that of the target; 0 within a step and where steps do not count.
using StepDistances = std::map<std::pair<int32_t, int32_t>, std::set<int32_t>>;

StepDistances FoldEdges(const NodeList& nodes, const FoldedSteps& folded) {
  StepDistances distances;
  const TapeGraph graph(nodes);
  const auto [begin, end] = edges(graph);
  for (auto edge = begin; edge != end; ++edge) {
    const auto [from, to, position] = *edge;
    const int32_t source = folded.operation_of[from];
    const int32_t target = folded.operation_of[to];
    // A constant belongs to the step that happened to mention it first.
    const bool recurrent = IsFolded(folded.operations[source]) &&
                           IsFolded(folded.operations[target]) && !nodes.inputs(from).empty();
    distances[{source, target}].insert(recurrent ? folded.step_of[to] - folded.step_of[from] : 0);
  }
  return distances;
}

// The label of an edge that comes from `distance` steps before.
std::string StepLabel(int32_t distance) {
  return distance > 0 ? absl::StrCat("t-", distance) : absl::StrCat("t+", -distance);
}

using RolledGraph =
    boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS, boost::no_property,
                          std::string>;  // edges hold their attributes

RolledGraph MakeRolledGraph(const NodeList& nodes, const FoldedSteps& folded) {
  RolledGraph graph(folded.operations.size());
  for (const auto& [ends, distances] : FoldEdges(nodes, folded)) {
    const auto add = [&, ends = ends](const std::string& attributes) {
      boost::add_edge(ends.first, ends.second, attributes, graph);
    };
    if (distances.contains(0)) add("");
    const size_t others = distances.size() - distances.count(0);
    // Steps that read all others have no single label.
    if (others > 2) add(" [style=dashed, constraint=false]");
    for (const int32_t distance : distances) {
      if (distance == 0 || others > 2) continue;
      add(absl::StrCat(" [style=dashed, constraint=false, label=\"", StepLabel(distance), "\"]"));
    }
  }
  return graph;
}

std::string WriteRolled(const NodeList& nodes, const DotOptions& options) {
  const FoldedSteps folded = FoldSteps(nodes);
  const RolledGraph graph = MakeRolledGraph(nodes, folded);
  ScopeBoxes boxes;
  for (size_t i = 0; i < folded.operations.size(); ++i) {
    boxes.Add(nodes.scope(folded.operations[i].example), static_cast<int64_t>(i));
  }
  std::ostringstream out;
  boost::write_graphviz(
      out, graph,
      [&](std::ostream& stream, size_t vertex) {
        const FoldedSteps::Operation& operation = folded.operations[vertex];
        std::vector<std::string> lines = LinesOf(nodes, operation.example);
        if (IsFolded(operation)) lines.push_back(absl::StrCat("× ", operation.count));
        stream << " [label=" << Quoted(lines) << ", " << StyleOf(nodes[operation.example].op->kind)
               << "]";
      },
      [&](std::ostream& stream, const auto& edge) { stream << graph[edge]; },
      [&](std::ostream& stream) { WriteGraphAttributes(stream, options, boxes); });
  return out.str();
}

}  // namespace

std::string WriteDot(const NodeList& nodes, const DotOptions& options) {
  return options.rolled ? WriteRolled(nodes, options) : WriteUnrolled(nodes, options);
}

}  // namespace sluice
