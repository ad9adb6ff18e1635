#include <algorithm>
#include <cmath>
#include <map>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <sluice/experiments/comparison.h>
#include <sluice/experiments/study.h>

namespace sluice {
namespace {

// A failed run remembers nothing.
std::vector<double> Accuracies(const ProbeRun& run) {
  std::vector<double> accuracies;
  for (const ProbeScore& test : run.tests) accuracies.push_back(test.accuracy);
  return accuracies;
}

StudyFinding EachAccuracy(const std::vector<ProbeRun>& runs,
                          const std::function<bool(double)>& holds) {
  StudyFinding finding{.holds = !runs.empty()};
  std::vector<std::string> texts;
  for (const ProbeRun& run : runs) {
    const std::vector<double> accuracies = Accuracies(run);
    finding.holds = finding.holds && !accuracies.empty() &&
                    std::all_of(accuracies.begin(), accuracies.end(), holds);
    std::vector<std::string> parts;
    for (const double each : accuracies) parts.push_back(absl::StrFormat("%.3f", each));
    texts.push_back(parts.empty() ? std::string(Name(run.result.status))
                                  : absl::StrJoin(parts, "/"));
  }
  finding.measured = absl::StrJoin(texts, ", ");
  return finding;
}

// Over all runs; one that diverged counts as 0.
double MeanAccuracy(const std::vector<ProbeRun>& runs) {
  std::vector<double> accuracies;
  for (const ProbeRun& run : runs) {
    accuracies.push_back(run.tests.empty() ? 0 : run.tests[0].accuracy);
  }
  return SpreadOf(accuracies).mean;
}

StudyFinding Compared(const StudyRuns& runs, size_t a, size_t b,
                      const std::function<bool(double, double)>& holds) {
  const double first = MeanAccuracy(runs[a]);
  const double second = MeanAccuracy(runs[b]);
  return {holds(first, second), absl::StrFormat("%.3f and %.3f", first, second)};
}

// Mean validation loss over the runs by the number of updates. A run that has ended counts with its
// last one.
std::map<int64_t, double> MeanCurve(const std::vector<ProbeRun>& runs) {
  std::map<int64_t, double> curve;
  for (const ProbeRun& run : runs) {
    for (const CurvePoint& point : run.result.curve) curve[point.updates] = 0;
  }
  for (auto& [updates, mean] : curve) {
    for (const ProbeRun& run : runs) {
      double loss = run.memoryless_loss;
      for (const CurvePoint& point : run.result.curve) {
        if (point.updates <= updates && point.validation_loss) loss = *point.validation_loss;
      }
      mean += loss / static_cast<double>(runs.size());
    }
  }
  return curve;
}

double ValueAt(const std::map<int64_t, double>& curve, int64_t updates) {
  const auto after = curve.upper_bound(updates);
  return after == curve.begin() ? NAN : std::prev(after)->second;
}

}  // namespace

std::string SettingsText(const StudyArm& arm) {
  const ProbeSettings& s = arm.settings;
  const TrainingOptions& training = s.training;
  std::string text = absl::StrCat(
      arm.cell, " on ", s.task, ", lag ", arm.lag,
      s.test_lags.empty() ? "" : absl::StrCat(", tested at ", absl::StrJoin(s.test_lags, " and ")),
      s.parameters > 0 ? absl::StrCat(", at most ", s.parameters, " parameters")
                       : absl::StrCat(", ", s.model.hidden, " units"),
      s.model.layers == 1 ? "" : absl::StrCat(", ", s.model.layers, " layers"),
      s.model.embedding == 0 ? "" : absl::StrCat(", embedding ", s.model.embedding), ", at most ",
      training.budget.updates, " updates of ", training.batch, " sequences, ", training.optimizer,
      " ", training.learning_rate,
      training.clip == 0 ? ", no clipping" : absl::StrCat(", norm clipped at ", training.clip));
  return text;
}

StudyCriterion EachAccuracyAtLeast(size_t arm, double least, std::string published) {
  return {{arm},
          absl::StrCat("accuracy at least ", least, " in each run"),
          std::move(published),
          [=](const StudyRuns& runs) {
            return EachAccuracy(runs[arm], [=](double accuracy) { return accuracy >= least; });
          }};
}

StudyCriterion EachAccuracyAtMost(size_t arm, double most, std::string published) {
  return {{arm},
          absl::StrCat("accuracy at most ", most, " in each run"),
          std::move(published),
          [=](const StudyRuns& runs) {
            return EachAccuracy(runs[arm], [=](double accuracy) { return accuracy <= most; });
          }};
}

StudyCriterion MeanAccuracyAtLeast(size_t arm, double least, std::string published) {
  return {{arm},
          absl::StrCat("mean accuracy at least ", least),
          std::move(published),
          [=](const StudyRuns& runs) {
            const double mean = MeanAccuracy(runs[arm]);
            return StudyFinding{mean >= least, absl::StrFormat("%.3f", mean)};
          }};
}

StudyCriterion MeanAccuracyAtMost(size_t arm, double most, std::string published) {
  return {{arm},
          absl::StrCat("mean accuracy at most ", most),
          std::move(published),
          [=](const StudyRuns& runs) {
            const double mean = MeanAccuracy(runs[arm]);
            return StudyFinding{!runs[arm].empty() && mean <= most, absl::StrFormat("%.3f", mean)};
          }};
}

StudyCriterion MeanAccuracyAbove(size_t better, size_t worse, double by, std::string published) {
  return {{better, worse},
          absl::StrCat("mean accuracies differ by at least ", by),
          std::move(published),
          [=](const StudyRuns& runs) {
            return Compared(runs, better, worse, [=](double a, double b) { return a - b >= by; });
          }};
}

StudyCriterion MeanAccuracyNear(size_t arm, size_t other, double by, std::string published) {
  return {{arm, other},
          absl::StrCat("mean accuracies differ by at most ", by),
          std::move(published),
          [=](const StudyRuns& runs) {
            return Compared(runs, arm, other,
                            [=](double a, double b) { return std::abs(a - b) <= by; });
          }};
}

StudyCriterion SolvedWithin(size_t arm, double share, int64_t sequences, std::string published) {
  return {{arm},
          absl::StrCat(100 * share, " % of the runs solve it on ", sequences, " sequences at most"),
          std::move(published),
          [=](const StudyRuns& runs) {
            StudyFinding finding;
            int64_t solved = 0;
            std::vector<std::string> needed;
            for (const ProbeRun& run : runs[arm]) {
              const bool in_time = run.solved_after && run.sequences_to_solve() <= sequences;
              solved += in_time;
              needed.push_back(run.solved_after ? absl::StrCat(run.sequences_to_solve()) : "never");
            }
            const auto count = static_cast<double>(runs[arm].size());
            finding.holds = count > 0 && static_cast<double>(solved) >= share * count;
            finding.measured =
                absl::StrCat(solved, " of ", runs[arm].size(), ": ", absl::StrJoin(needed, ", "));
            return finding;
          }};
}

StudyCriterion LeavesPlateauFirst(size_t fast, size_t slow, std::string published) {
  return {{fast, slow},
          "when the one is below half the memoryless loss, the other is within 5 % of it",
          std::move(published),
          [=](const StudyRuns& runs) {
            if (runs[fast].empty() || runs[slow].empty()) return StudyFinding{false, "no runs"};
            const double memoryless = runs[fast][0].memoryless_loss;
            const std::map<int64_t, double> slow_curve = MeanCurve(runs[slow]);
            double lowest = memoryless;
            for (const auto& [updates, loss] : MeanCurve(runs[fast])) {
              lowest = std::min(lowest, loss);
              if (loss >= memoryless / 2) continue;
              const double other = ValueAt(slow_curve, updates);
              return StudyFinding{other >= 0.95 * memoryless,
                                  absl::StrFormat("after %d updates %.4f and %.4f; memoryless %.4f",
                                                  updates, loss, other, memoryless)};
            }
            return StudyFinding{false, absl::StrFormat("the one only reaches %.4f; memoryless %.4f",
                                                       lowest, memoryless)};
          }};
}

}  // namespace sluice
