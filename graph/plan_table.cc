#include <algorithm>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <sluice/graph/plan_table.h>
#include <sluice/graph/units.h>

namespace sluice {
namespace {

// A kernel with less of a plan's FLOPs and bytes than this has no line of its own.
constexpr double kSmallShare = 0.01;
constexpr size_t kWidestOps = 44;

// "multiply x12 add x9 ...": as many as there is room for.
std::string Shortened(absl::Span<const OpCount> ops) {
  const std::string all = TextOf(ops);
  if (all.size() <= kWidestOps || ops.size() == 1) return all;
  const std::string ending = " ...";
  std::string text = ops[0].Text();
  for (const OpCount& op : ops.subspan(1)) {
    const std::string longer = absl::StrCat(text, " ", op.Text());
    if (longer.size() + ending.size() > kWidestOps) break;
    text = longer;
  }
  return text + ending;
}

// "rnn/0/{reset,update}": what differs in braces.
std::string JoinedScopes(const std::vector<std::string>& scopes) {
  if (scopes.size() == 1) return scopes[0];
  size_t common = scopes[0].size();
  for (const std::string& scope : scopes) {
    const auto end =
        std::mismatch(scopes[0].begin(), scopes[0].end(), scope.begin(), scope.end()).first;
    common = std::min(common, static_cast<size_t>(end - scopes[0].begin()));
  }
  const size_t slash = scopes[0].rfind('/', common);
  common = slash == std::string::npos ? 0 : slash + 1;
  return absl::StrCat(scopes[0].substr(0, common), "{",
                      absl::StrJoin(scopes, ",",
                                    [&](std::string* out, const std::string& scope) {
                                      if (common < scope.size()) out->append(scope, common);
                                    }),
                      "}");
}

struct Column {
  absl::string_view title;
  bool right = false;
};

// Lines of cells; every column as wide as its widest cell.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {
    std::vector<std::string> titles;
    for (const Column& column : columns_) titles.emplace_back(column.title);
    lines_.push_back(std::move(titles));
  }
  void Add(std::vector<std::string> cells) { lines_.push_back(std::move(cells)); }

  std::string Text() const {
    std::vector<size_t> widths(columns_.size());
    for (const std::vector<std::string>& cells : lines_) {
      for (size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], cells[i].size());
    }
    std::string text;
    for (const std::vector<std::string>& cells : lines_) {
      std::string line;
      for (size_t i = 0; i < cells.size(); ++i) {
        const std::string gap(widths[i] - cells[i].size(), ' ');
        absl::StrAppend(&line, i == 0 ? "" : "  ",
                        columns_[i].right ? gap + cells[i] : cells[i] + gap);
      }
      absl::StripTrailingAsciiWhitespace(&line);
      absl::StrAppend(&text, line, "\n");
    }
    return text;
  }

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> lines_;
};

class PlanTableWriter {
 public:
  PlanTableWriter(const PlanSummary& summary, const MachineLimits& limits)
      : summary_(summary), limits_(limits), table_(Columns(limits)) {}

  std::string Run() {
    for (const StageSummary& stage : summary_.stages) AddStage(stage);
    AddNamesakes("small: ", small_);
    AddNamesakes("in place: ", in_place_);
    return table_.Text();
  }

 private:
  // Kernels that have no line of their own, and are named together.
  struct Namesakes {
    int64_t calls = 0;
    std::vector<OpCount> ops;  // each once, as one
    Work work;
  };

  static std::vector<Column> Columns(const MachineLimits& limits) {
    std::vector<Column> columns = {{"calls", true}, {"kernel"},     {"scope"},
                                   {"shapes"},      {"FLOP", true}, {"bytes", true}};
    if (limits.known()) {
      columns.push_back({"time", true});
      columns.push_back({"of peak", true});
    }
    return columns;
  }

  bool IsSmall(const KernelSummary& kernel) const {
    return kernel.work.flops <= kSmallShare * summary_.work.flops &&
           kernel.work.bytes <= kSmallShare * summary_.work.bytes;
  }

  // Stages of small kernels only are one line with their neighbours.
  void AddStage(const StageSummary& stage) {
    std::vector<Line> lines;
    Namesakes small;
    for (const KernelSummary& kernel : stage.kernels) {
      if (IsInPlace(kernel.work)) {
        Note(kernel, in_place_);
      } else if (IsSmall(kernel)) {
        Note(kernel, small);
      } else {
        AddOrJoin(kernel, lines);
      }
    }
    if (lines.empty()) {
      for (const KernelSummary& kernel : stage.kernels) {
        if (!IsInPlace(kernel.work)) Note(kernel, small_);
      }
      return;
    }
    AddNamesakes("small: ", small_);
    const bool alone = stage.kernels.size() == 1;
    if (!alone) AddLine(0, TitleOf(stage), "", "", stage.work);
    for (const Line& line : lines) {
      AddLine(line.calls, absl::StrCat(alone ? "" : "  ", Shortened(line.ops)),
              JoinedScopes(line.scopes), line.shapes, line.work);
    }
    AddNamesakes("  small: ", small);
  }

  // Kernels that follow one another and differ in their scope only, such as those of several gates.
  struct Line {
    int64_t calls;
    std::vector<OpCount> ops;
    std::vector<std::string> scopes;
    std::string shapes;
    Work work;
  };

  static void AddOrJoin(const KernelSummary& kernel, std::vector<Line>& lines) {
    const auto calls = static_cast<int64_t>(kernel.steps.size());
    if (lines.empty() || lines.back().ops != kernel.ops || lines.back().shapes != kernel.shapes) {
      lines.push_back({calls, kernel.ops, {kernel.scope}, kernel.shapes, kernel.work});
      return;
    }
    lines.back().calls += calls;
    lines.back().scopes.push_back(kernel.scope);
    lines.back().work += kernel.work;
  }

  // All that it has to do was done by those who made its inputs.
  static bool IsInPlace(const Work& work) { return work.flops == 0 && work.bytes == 0; }

  static void Note(const KernelSummary& kernel, Namesakes& namesakes) {
    namesakes.calls += static_cast<int64_t>(kernel.steps.size());
    namesakes.work += kernel.work;
    for (const OpCount& op : kernel.ops) {
      const OpCount once{op.name, 1};
      std::vector<OpCount>& known = namesakes.ops;
      if (std::find(known.begin(), known.end(), once) == known.end()) known.push_back(once);
    }
  }

  void AddNamesakes(absl::string_view title, Namesakes& namesakes) {
    if (namesakes.calls == 0) return;
    AddLine(namesakes.calls, absl::StrCat(title, Shortened(namesakes.ops)), "", "", namesakes.work);
    namesakes = {};
  }

  void AddLine(int64_t calls, std::string kernel, std::string scope, std::string shapes,
               const Work& work) {
    std::vector<std::string> cells = {calls == 0 ? "" : absl::StrCat("x ", WithCommas(calls)),
                                      std::move(kernel),
                                      std::move(scope),
                                      std::move(shapes),
                                      work.flops == 0 ? "" : WithUnit(work.flops, ""),
                                      work.bytes == 0 ? "" : WithUnit(work.bytes, "B")};
    if (limits_.known() && work.seconds > 0) {
      cells.push_back(Percent(work.seconds / summary_.work.seconds));
      cells.push_back(
          work.flops == 0 ? "" : Percent(work.flops / work.seconds / limits_.flops_per_second));
    }
    table_.Add(std::move(cells));
  }

  const PlanSummary& summary_;
  const MachineLimits& limits_;
  Table table_;
  Namesakes small_;
  Namesakes in_place_;
};

}  // namespace

std::string PlanTable(const PlanSummary& summary, const MachineLimits& limits) {
  return PlanTableWriter(summary, limits).Run();
}

}  // namespace sluice
