#ifndef SLUICE_EXPERIMENTS_PROBE_REPORT_H_
#define SLUICE_EXPERIMENTS_PROBE_REPORT_H_

#include <map>
#include <string>
#include <vector>

#include <sluice/experiments/probe_run.h>

namespace sluice {

// All runs on one probe, ready to be shown and written.
struct ProbeReport {
  std::string task;  // as asked for
  std::string title;
  std::string conventions;                     // all options of the task
  std::map<std::string, std::string> options;  // the flags
  int threads = 0;
  int64_t updates = 0;  // at most, of each run
  std::vector<ProbeRun> runs;
};

// What the runs of one cell at one lag came to. An interrupted run does not count; a diverged one
// is a failure.
struct ProbeSummary {
  std::string cell;
  int64_t lag = 0;
  std::vector<const ProbeRun*> runs;
  int64_t solved = 0;
  int64_t trials = 0;
  std::optional<double> median_updates;  // to solve; nothing where most did not
};
std::vector<ProbeSummary> Summarise(const std::vector<ProbeRun>& runs);

// A row for each lag and cell; for a terminal.
std::string ProbeTable(const ProbeReport& report);
std::string ProbeJson(const ProbeReport& report);
// A row for each validation of each run.
std::string ProbeCsv(const ProbeReport& report);

}  // namespace sluice

#endif  // SLUICE_EXPERIMENTS_PROBE_REPORT_H_
