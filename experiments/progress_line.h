#ifndef SLUICE_EXPERIMENTS_PROGRESS_LINE_H_
#define SLUICE_EXPERIMENTS_PROGRESS_LINE_H_

#include <chrono>
#include <string>

#include <sluice/experiments/training.h>

namespace sluice {

// One line on standard error that is written over again; silent where that is not a terminal.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // `label` says which run it is: number `run` (from 0) of `runs`. The time left is that of all of
  // them.
  void Show(const std::string& label, const Progress& progress, int run, int runs);
  void Clear();

 private:
  bool terminal_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point started_;
  std::chrono::steady_clock::time_point last_;
};

// "1:05", "2:01:00"
std::string DurationText(double seconds);

}  // namespace sluice

#endif  // SLUICE_EXPERIMENTS_PROGRESS_LINE_H_
