#include <algorithm>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <sluice/graph/plan_table.h>
#include <sluice/graph/units.h>

namespace sluice {
namespace {

// A kernel with less of a plan's FLOPs and bytes than this has no line of its own.
constexpr double kSmallShare = 0.005;
constexpr size_t kWidestOps = 44;

// "multiply x12 add x9 ...": whole words, at most `kWidestOps` wide.
std::string Shortened(const std::string& ops) {
  if (ops.size() <= kWidestOps) return ops;
  const std::string ending = " ...";
  size_t end = ops.rfind(' ', kWidestOps - ending.size());
  // "x12" stays with its op.
  if (ops[end + 1] == 'x') end = ops.rfind(' ', end - 1);
  return ops.substr(0, end) + ending;
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
    AddSmall();
    return table_.Text();
  }

 private:
  // Kernels that have no line of their own, until the next one that has.
  struct Small {
    int64_t calls = 0;
    std::vector<std::string> ops;  // each once
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

  bool IsSmall(const Work& work) const {
    return work.flops <= kSmallShare * summary_.work.flops &&
           work.bytes <= kSmallShare * summary_.work.bytes;
  }

  void AddStage(const StageSummary& stage) {
    const bool all_small = std::all_of(stage.kernels.begin(), stage.kernels.end(),
                                       [&](const auto& kernel) { return IsSmall(kernel.work); });
    const bool alone = stage.kernels.size() == 1;
    if (!all_small) {
      AddSmall();
      if (!alone) AddTitle(stage);
    }
    for (const KernelSummary& kernel : stage.kernels) {
      if (IsSmall(kernel.work)) {
        Note(kernel);
      } else {
        AddLine(static_cast<int64_t>(kernel.steps.size()),
                absl::StrCat(alone ? "" : "  ", Shortened(kernel.ops)), kernel.scope, kernel.shapes,
                kernel.work);
      }
    }
    if (!all_small) AddSmall("  ");
  }

  void AddTitle(const StageSummary& stage) {
    std::string title = absl::StrCat(Name(stage), ", ", WithCommas(stage.kernel_calls), " kernels");
    if (stage.count > 1) absl::StrAppend(&title, " in ", WithCommas(stage.count), " stages");
    AddLine(0, title, "", "", stage.work);
  }

  void Note(const KernelSummary& kernel) {
    small_.calls += static_cast<int64_t>(kernel.steps.size());
    small_.work += kernel.work;
    for (const absl::string_view op : absl::StrSplit(kernel.ops, ' ')) {
      const bool count = op[0] == 'x' && op.find_first_not_of("0123456789", 1) == op.npos;
      if (!count && std::find(small_.ops.begin(), small_.ops.end(), op) == small_.ops.end()) {
        small_.ops.emplace_back(op);
      }
    }
  }

  void AddSmall(absl::string_view indent = "") {
    if (small_.calls == 0) return;
    std::string ops;
    for (const std::string& op : small_.ops) absl::StrAppend(&ops, ops.empty() ? "" : " ", op);
    AddLine(small_.calls, absl::StrCat(indent, "small: ", Shortened(ops)), "", "", small_.work);
    small_ = {};
  }

  void AddLine(int64_t calls, std::string kernel, std::string scope, std::string shapes,
               const Work& work) {
    std::vector<std::string> cells = {calls == 0 ? "" : absl::StrCat("x ", WithCommas(calls)),
                                      std::move(kernel),
                                      std::move(scope),
                                      std::move(shapes),
                                      work.flops == 0 ? "" : WithUnit(work.flops, ""),
                                      work.bytes == 0 ? "in place" : WithUnit(work.bytes, "B")};
    if (limits_.known()) {
      cells.push_back(Percent(work.seconds / summary_.work.seconds));
      cells.push_back(
          work.flops == 0 ? "" : Percent(work.flops / work.seconds / limits_.flops_per_second));
    }
    table_.Add(std::move(cells));
  }

  const PlanSummary& summary_;
  const MachineLimits& limits_;
  Table table_;
  Small small_;
};

}  // namespace

std::string PlanTable(const PlanSummary& summary, const MachineLimits& limits) {
  return PlanTableWriter(summary, limits).Run();
}

}  // namespace sluice
