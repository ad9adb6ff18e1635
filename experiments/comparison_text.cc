#include <algorithm>
#include <cmath>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_replace.h>

#include <sluice/experiments/comparison.h>
#include <sluice/experiments/text_table.h>

namespace sluice {
namespace {

using Row = std::vector<std::string>;

std::string PlusMinus(const Spread& spread, int digits) {
  if (spread.count == 0) return "-";
  if (spread.count == 1) return absl::StrFormat("%.*f", digits, spread.mean);
  return absl::StrFormat("%.*f +- %.*f", digits, spread.mean, digits, spread.deviation);
}

// The runs of one cell, in order of their seeds.
struct Group {
  std::string cell;
  std::vector<const ComparedRun*> runs;
};

std::vector<Group> GroupByCell(const Comparison& comparison) {
  std::vector<Group> groups;
  for (const ComparedRun& run : comparison.runs) {
    auto group = std::find_if(groups.begin(), groups.end(),
                              [&](const Group& known) { return known.cell == run.cell; });
    if (group == groups.end()) {
      groups.push_back({run.cell, {}});
      group = groups.end() - 1;
    }
    group->runs.push_back(&run);
  }
  return groups;
}

template <typename Number>
Spread Over(const Group& group, Number number) {
  std::vector<double> values;
  for (const ComparedRun* run : group.runs) {
    if (const std::optional<double> value = number(*run)) values.push_back(*value);
  }
  return SpreadOf(values);
}

Spread Perplexity(const Group& group, std::optional<Score> RunResult::*part) {
  return Over(group, [part](const ComparedRun& run) -> std::optional<double> {
    const std::optional<Score>& score = run.result.*part;
    if (!score) return std::nullopt;
    return score->perplexity();
  });
}

Spread Bits(const Group& group) {
  return Over(group, [](const ComparedRun& run) -> std::optional<double> {
    if (!run.result.test) return std::nullopt;
    return run.result.test->bits_per_token();
  });
}

// "3", or "3 (1 diverged)".
std::string RunsText(const Group& group) {
  int diverged = 0;
  int interrupted = 0;
  for (const ComparedRun* run : group.runs) {
    diverged += run->result.status == RunStatus::kDiverged;
    interrupted += run->result.status == RunStatus::kInterrupted;
  }
  std::string text = absl::StrCat(group.runs.size());
  if (diverged > 0) absl::StrAppend(&text, " (", diverged, " diverged)");
  if (interrupted > 0) absl::StrAppend(&text, " (", interrupted, " interrupted)");
  return text;
}

Row RowOf(const Group& group) {
  const auto speed = [](const ComparedRun& run) -> std::optional<double> {
    return run.result.tokens_per_second();
  };
  const auto seconds = [](const ComparedRun& run) -> std::optional<double> {
    return run.result.seconds;
  };
  const auto megabytes = [](const ComparedRun& run) -> std::optional<double> {
    return static_cast<double>(run.result.peak_bytes) / 1e6;
  };
  return {group.cell,
          absl::StrCat(group.runs[0]->parameters),
          RunsText(group),
          PlusMinus(Perplexity(group, &RunResult::train), 3),
          PlusMinus(Perplexity(group, &RunResult::validation), 3),
          PlusMinus(Perplexity(group, &RunResult::test), 3),
          PlusMinus(Bits(group), 3),
          absl::StrFormat("%.0f", Over(group, speed).mean),
          absl::StrFormat("%.1f", Over(group, seconds).mean),
          absl::StrFormat("%.1f", Over(group, megabytes).mean)};
}

std::string OneLine(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"\n", "\\n"}, {"\r", "\\r"}});
}

}  // namespace

Spread SpreadOf(absl::Span<const double> values) {
  Spread spread{.count = static_cast<int>(values.size())};
  if (values.empty()) return spread;
  for (const double value : values) spread.mean += value / static_cast<double>(values.size());
  if (values.size() == 1) return spread;
  double squares = 0;
  for (const double value : values) squares += (value - spread.mean) * (value - spread.mean);
  spread.deviation = std::sqrt(squares / static_cast<double>(values.size() - 1));
  return spread;
}

std::string TableText(const Comparison& comparison) {
  if (comparison.runs.empty()) return "No run.\n";
  std::vector<Row> rows = {{"cell", "parameters", "runs", "train", "validation", "test",
                            "bits/token", "tokens/s", "seconds", "MB"}};
  std::string conventions;
  for (const Group& group : GroupByCell(comparison)) {
    rows.push_back(RowOf(group));
    absl::StrAppend(&conventions, "  ", group.cell, ": ", group.runs[0]->conventions, "\n");
  }
  return absl::StrCat(
      "Perplexity per token, mean +- standard deviation over runs of different seeds:\n",
      AlignedTable(rows), "Conventions:\n", conventions);
}

std::string SamplesText(const Comparison& comparison) {
  std::string text;
  for (const ComparedRun& run : comparison.runs) {
    for (const TextSample& sample : run.samples) {
      absl::StrAppendFormat(&text, "  %s: [%s]%s  (prefix perplexity %.2f)\n", run.cell,
                            OneLine(sample.prefix), OneLine(sample.continuation),
                            sample.prefix_perplexity);
    }
  }
  return text.empty() ? text : absl::StrCat("Samples:\n", text);
}

}  // namespace sluice
