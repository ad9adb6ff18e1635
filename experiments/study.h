#ifndef SLUICE_EXPERIMENTS_STUDY_H_
#define SLUICE_EXPERIMENTS_STUDY_H_

#include <functional>
#include <string>
#include <vector>

#include <sluice/experiments/probe_run.h>

namespace sluice {

// A published result, run again: `sluice reproduce <name>`.

// One side of it: a cell on a probe.
struct StudyArm {
  std::string label;  // "gru, 4 tokens"
  std::string cell;
  ProbeSettings settings;
  int64_t lag = 0;
};

// The runs of each arm, in the order of the arms; of each, in the order of the seeds.
using StudyRuns = std::vector<std::vector<ProbeRun>>;

struct StudyFinding {
  bool holds = false;
  std::string measured;
};

struct StudyCriterion {
  std::vector<size_t> arms;  // that it is about
  std::string text;          // what should hold
  std::string published;     // the value it comes from
  std::function<StudyFinding(const StudyRuns& runs)> judge;
};

struct Study {
  std::string name;
  std::string claim;
  std::string source;
  std::string differences;  // from the source, where it is known; empty: none
  int seeds = 5;
  std::vector<StudyArm> arms;
  std::vector<StudyCriterion> criteria;
};

// All there are.
const std::vector<Study>& Studies();

// How an arm is trained, in words that are made from what it does.
std::string SettingsText(const StudyArm& arm);

// ---- Criteria ----

// Each run of the arm was tested at these accuracies at least (at most), at each test lag.
StudyCriterion EachAccuracyAtLeast(size_t arm, double least, std::string published);
StudyCriterion EachAccuracyAtMost(size_t arm, double most, std::string published);
// The mean over the runs, at the first test lag.
StudyCriterion MeanAccuracyAtLeast(size_t arm, double least, std::string published);
StudyCriterion MeanAccuracyAtMost(size_t arm, double most, std::string published);
// Mean accuracy of `better` is above that of `worse` by so much at least.
StudyCriterion MeanAccuracyAbove(size_t better, size_t worse, double by, std::string published);
// Mean accuracies differ by so much at most.
StudyCriterion MeanAccuracyNear(size_t arm, size_t other, double by, std::string published);
// So large a share of the runs solved the probe on so many sequences at most.
StudyCriterion SolvedWithin(size_t arm, double share, int64_t sequences, std::string published);
// When the mean validation loss of `fast` first is below half the memoryless loss, that of `slow`
// is still within 5 % of it.
StudyCriterion LeavesPlateauFirst(size_t fast, size_t slow, std::string published);

}  // namespace sluice

#endif  // SLUICE_EXPERIMENTS_STUDY_H_
