#ifndef SLUICE_BENCH_SINGLE_STEP_H_
#define SLUICE_BENCH_SINGLE_STEP_H_

#include <string>

#include <absl/status/statusor.h>

#include <sluice/graph/program.h>
#include <sluice/layers/recurrent.h>

namespace sluice {

// One time step of one sequence through a recurrent layer, as in a program that answers each input
// as it comes: x (1, 1, I) is fed, the output (1, 1, H) fetched, the state kept between runs.
class SingleStep {
 public:
  SingleStep(const std::string& cell, int64_t inputs, int64_t hidden, PlanLevel level);

  absl::Status Step();
  const Program& program() const { return *program_; }
  const Tensor& output() const { return output_; }  // of the last step

 private:
  RunOptions run_;
  VariableStore variables_;
  Recurrent layer_;
  Tape tape_;
  Value feed_;
  Tensor x_;
  absl::StatusOr<Program> program_;
  Tensor output_;
};

}  // namespace sluice

#endif  // SLUICE_BENCH_SINGLE_STEP_H_
