#ifndef SLUICE_BENCH_OP_RUN_H_
#define SLUICE_BENCH_OP_RUN_H_

#include <vector>

#include <absl/status/status.h>

#include <sluice/graph/op.h>
#include <sluice/graph/parallel.h>

namespace sluice {

// An op's kernel on a sample's random inputs: what a planned program calls, without the copy that
// handing out its result takes.
class OpRun {
 public:
  OpRun(const Op& op, const Sample& sample, int threads);

  // An error unless the output is near what the reference of the tests' case table computes. Of
  // products too large for that, the first rows are looked at, of large element-wise results the
  // ends and one of every 200 elements.
  absl::Status Check();
  // Runs in the caller's arena, which is to be this one.
  absl::Status Step();
  ArenaRef arena() const { return threads_.arena(); }

  double flops() const { return op_.flops(types_, output_.type()); }
  double bytes_read() const;
  double bytes_written() const { return static_cast<double>(output_.bytes()); }
  const std::vector<Tensor>& inputs() const { return inputs_; }
  const Sample& sample() const { return sample_; }
  Tensor& output() { return output_; }

 private:
  const Op& op_;
  Sample sample_;
  Threads threads_;
  absl::Status status_;
  std::vector<TensorType> types_;
  std::vector<Tensor> inputs_;
  Tensor output_;
};

}  // namespace sluice

#endif  // SLUICE_BENCH_OP_RUN_H_
