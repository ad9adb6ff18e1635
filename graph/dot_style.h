#ifndef SLUICE_GRAPH_DOT_STYLE_H_
#define SLUICE_GRAPH_DOT_STYLE_H_

#include <string>
#include <vector>

#include <absl/strings/string_view.h>

#include <sluice/graph/op.h>

namespace sluice {

// What pictures of tapes and of plans have in common, in the language of Graphviz.

// A label of several lines, quoted.
std::string Quoted(const std::vector<std::string>& lines);
// The attributes of a vertex.
absl::string_view StyleOf(OpKind kind);
// The statements that a graph begins with.
std::string GraphAttributes(absl::string_view title);

}  // namespace sluice

#endif  // SLUICE_GRAPH_DOT_STYLE_H_
