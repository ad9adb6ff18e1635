#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_replace.h>

#include <sluice/graph/dot_style.h>

namespace sluice {

std::string Quoted(const std::vector<std::string>& lines) {
  std::vector<std::string> escaped;
  for (const std::string& line : lines) {
    escaped.push_back(absl::StrReplaceAll(line, {{"\\", "\\\\"}, {"\"", "\\\""}, {"\n", "\\n"}}));
  }
  return absl::StrCat("\"", absl::StrJoin(escaped, "\\n"), "\"");
}

absl::string_view StyleOf(OpKind kind) {
  switch (kind) {
    case OpKind::kFeed:
      return "shape=parallelogram, style=filled, fillcolor=\"#fff2cc\"";
    case OpKind::kConstant:
      return "shape=plaintext, style=\"\"";
    case OpKind::kVariable:
      return "shape=cylinder, style=filled, fillcolor=\"#d5e8d4\"";
    case OpKind::kWrite:
      return "shape=cylinder, style=\"filled,bold\", fillcolor=\"#d5e8d4\"";
    case OpKind::kProduct:
    case OpKind::kPack:
      return "shape=box, style=\"filled,rounded\", fillcolor=\"#dae8fc\"";
    default:
      return "shape=box, style=\"filled,rounded\", fillcolor=\"#ffffff\"";
  }
}

std::string GraphAttributes(absl::string_view title) {
  return absl::StrCat(
      "graph [label=", Quoted({std::string(title)}), ", labelloc=t, fontname=\"Helvetica\"];\n",
      "node [fontname=\"Helvetica\", fontsize=10, margin=\"0.08,0.04\", height=0.3];\n",
      "edge [fontname=\"Helvetica\", fontsize=9, arrowsize=0.6];\n");
}

}  // namespace sluice
