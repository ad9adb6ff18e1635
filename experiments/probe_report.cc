#include <algorithm>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <nlohmann/json.hpp>

#include <sluice/experiments/comparison.h>
#include <sluice/experiments/machine_json.h>
#include <sluice/experiments/probe_report.h>
#include <sluice/experiments/success_rate.h>
#include <sluice/experiments/text_table.h>

namespace sluice {
namespace {

using Json = nlohmann::ordered_json;

// Mean over the runs that were tested; nothing where none was.
template <typename Number>
std::optional<double> MeanOver(const ProbeSummary& summary, Number number) {
  std::vector<double> values;
  for (const ProbeRun* run : summary.runs) {
    if (!run->tests.empty()) values.push_back(number(*run));
  }
  if (values.empty()) return std::nullopt;
  return SpreadOf(values).mean;
}

std::string NumberText(const std::optional<double>& number, int digits) {
  return number ? absl::StrFormat("%.*f", digits, *number) : "-";
}

std::string UpdatesText(const ProbeSummary& summary, int64_t most) {
  if (summary.median_updates) return absl::StrFormat("%.0f", *summary.median_updates);
  return absl::StrCat(">", most);
}

// Test lags of the report's runs; empty where each run is tested at its own lag.
std::vector<int64_t> OtherTestLags(const ProbeReport& report) {
  std::vector<int64_t> lags;
  for (const ProbeRun& run : report.runs) {
    if (run.tests.empty()) continue;
    for (const ProbeScore& test : run.tests) lags.push_back(test.lag);
    if (lags.size() == 1 && lags[0] == run.lag) lags.clear();
    break;
  }
  return lags;
}

std::vector<std::string> RowOf(const ProbeSummary& summary, const ProbeReport& report,
                               size_t tests) {
  const Interval interval = WilsonInterval(summary.solved, summary.trials);
  std::vector<std::string> row = {
      summary.cell,
      absl::StrCat(summary.lag),
      absl::StrCat(summary.runs[0]->hidden),
      absl::StrCat(summary.runs[0]->parameters),
      absl::StrCat(summary.solved, "/", summary.trials),
      absl::StrFormat("%.2f-%.2f", interval.low, interval.high),
      UpdatesText(summary, report.updates),
  };
  for (size_t test = 0; test < tests; ++test) {
    row.push_back(NumberText(
        MeanOver(summary, [test](const ProbeRun& run) { return run.tests[test].accuracy; }), 3));
  }
  const auto loss = [](const ProbeRun& run) { return run.tests[0].loss; };
  const auto share = [](const ProbeRun& run) {
    return run.tests[0].loss / run.tests[0].memoryless_loss;
  };
  double seconds = 0;
  for (const ProbeRun* run : summary.runs) seconds += run->result.seconds;
  row.push_back(NumberText(MeanOver(summary, loss), 4));
  row.push_back(NumberText(MeanOver(summary, share), 3));
  row.push_back(absl::StrFormat("%.1f", seconds / static_cast<double>(summary.runs.size())));
  return row;
}

Json OptionalJson(const std::optional<double>& number) {
  return number ? Json(*number) : Json(nullptr);
}

Json RunJson(const ProbeRun& run) {
  Json tests = Json::array();
  for (const ProbeScore& test : run.tests) {
    tests.push_back({{"lag", test.lag},
                     {"loss", test.loss},
                     {"memoryless_loss", test.memoryless_loss},
                     {"accuracy", test.accuracy}});
  }
  return {{"cell", run.cell},
          {"conventions", run.conventions},
          {"lag", run.lag},
          {"seed", run.seed},
          {"hidden", run.hidden},
          {"parameters", run.parameters},
          {"memoryless_loss", run.memoryless_loss},
          {"solved_after", run.solved_after ? Json(*run.solved_after) : Json(nullptr)},
          {"tests", tests},
          {"updates", run.result.updates},
          {"answers", run.result.tokens},
          {"seconds", run.result.seconds},
          {"peak_bytes", run.result.peak_bytes},
          {"status", std::string(Name(run.result.status))}};
}

Json SummaryJson(const ProbeSummary& summary) {
  const Interval interval = WilsonInterval(summary.solved, summary.trials);
  return {{"cell", summary.cell},
          {"lag", summary.lag},
          {"solved", summary.solved},
          {"runs", summary.trials},
          {"success_rate_low", interval.low},
          {"success_rate_high", interval.high},
          {"median_updates_to_solve", OptionalJson(summary.median_updates)}};
}

}  // namespace

std::vector<ProbeSummary> Summarise(const std::vector<ProbeRun>& runs) {
  std::vector<ProbeSummary> summaries;
  for (const ProbeRun& run : runs) {
    auto summary = std::find_if(summaries.begin(), summaries.end(), [&](const ProbeSummary& known) {
      return known.cell == run.cell && known.lag == run.lag;
    });
    if (summary == summaries.end()) {
      summaries.push_back({.cell = run.cell, .lag = run.lag});
      summary = summaries.end() - 1;
    }
    summary->runs.push_back(&run);
    if (run.result.status == RunStatus::kInterrupted) continue;
    ++summary->trials;
    if (run.solved_after) ++summary->solved;
  }
  for (ProbeSummary& summary : summaries) {
    std::vector<double> updates;
    for (const ProbeRun* run : summary.runs) {
      if (run->solved_after) updates.push_back(static_cast<double>(*run->solved_after));
    }
    summary.median_updates = CensoredMedian(updates, summary.trials - summary.solved);
  }
  std::stable_sort(summaries.begin(), summaries.end(),
                   [](const ProbeSummary& a, const ProbeSummary& b) { return a.lag < b.lag; });
  return summaries;
}

std::string ProbeTable(const ProbeReport& report) {
  if (report.runs.empty()) return "No run.\n";
  const std::vector<int64_t> test_lags = OtherTestLags(report);
  std::vector<std::vector<std::string>> rows = {
      {"cell", "lag", "hidden", "parameters", "solved", "95 %", "updates"}};
  for (const int64_t lag : test_lags) rows[0].push_back(absl::StrCat("accuracy at ", lag));
  if (test_lags.empty()) rows[0].push_back("accuracy");
  for (const char* name : {"loss", "of memoryless", "seconds"}) rows[0].emplace_back(name);
  std::string conventions;
  std::vector<std::string> cells;
  for (const ProbeSummary& summary : Summarise(report.runs)) {
    rows.push_back(RowOf(summary, report, std::max<size_t>(1, test_lags.size())));
    if (std::find(cells.begin(), cells.end(), summary.cell) != cells.end()) continue;
    cells.push_back(summary.cell);
    absl::StrAppend(&conventions, "  ", summary.cell, ": ", summary.runs[0]->conventions, "\n");
  }
  return absl::StrCat(
      "Runs solved with the 95 % interval of their rate, median of the updates to solve, means of "
      "tests:\n",
      AlignedTable(rows), "Conventions:\n", conventions);
}

std::string ProbeJson(const ProbeReport& report) {
  Json json = {
      {"task", {{"name", report.task}, {"title", report.title}, {"options", report.conventions}}},
      {"options", report.options},
      {"machine", MachineJson(report.threads)},
      {"summary", Json::array()},
      {"runs", Json::array()}};
  for (const ProbeSummary& summary : Summarise(report.runs)) {
    json["summary"].push_back(SummaryJson(summary));
  }
  for (const ProbeRun& run : report.runs) json["runs"].push_back(RunJson(run));
  return json.dump(2) + "\n";
}

std::string ProbeCsv(const ProbeReport& report) {
  std::string csv =
      "task,cell,lag,seed,updates,seconds,train_loss,validation_loss,validation_accuracy\n";
  for (const ProbeRun& run : report.runs) {
    for (const CurvePoint& point : run.result.curve) {
      absl::StrAppendFormat(&csv, "%s,%s,%d,%d,%d,%.6f,%.9g,", CsvField(report.task),
                            CsvField(run.cell), run.lag, run.seed, point.updates, point.seconds,
                            point.train_loss);
      if (point.validation_loss) absl::StrAppendFormat(&csv, "%.9g", *point.validation_loss);
      csv += ',';
      if (point.validation_accuracy) {
        absl::StrAppendFormat(&csv, "%.9g", *point.validation_accuracy);
      }
      csv += '\n';
    }
  }
  return csv;
}

}  // namespace sluice
