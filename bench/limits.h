#ifndef SLUICE_BENCH_LIMITS_H_
#define SLUICE_BENCH_LIMITS_H_

#include <cstdint>
#include <vector>

#include <sluice/bench/statistics.h>
#include <sluice/graph/tensor.h>

namespace sluice {

// Limits of this machine, measured in between what is measured against them, each the median of its
// samples, as the times are that they are compared with: a processor's clock follows what else its
// machine does, so that the best moment of one side and the usual one of the other say nothing.

// Floating-point operations a second of f32 multiply-adds on registers, `threads` threads together.
class PeakFlopsSampler {
 public:
  explicit PeakFlopsSampler(int threads) : threads_(threads) {}
  void Sample();  // about 2 ms
  double median() const { return SpreadOf(samples_).median; }

 private:
  int threads_;
  std::vector<double> samples_;
};

// Bytes a second of reading, writing and copying (both its sides count) `bytes` of memory again and
// again: a cache's limits where that is little, the memory's where it is much.
class MemorySampler {
 public:
  MemorySampler(int threads, int64_t bytes);
  void Sample();  // some milliseconds

  double read() const { return SpreadOf(read_).median; }
  double write() const { return SpreadOf(write_).median; }
  double copy() const { return SpreadOf(copy_).median; }
  // The least time to read and write that much.
  double Seconds(double bytes_read, double bytes_written) const;

 private:
  int threads_;
  int64_t count_;  // floats of one half of one thread's memory
  Tensor memory_;
  std::vector<double> read_;
  std::vector<double> write_;
  std::vector<double> copy_;
};

// The least time that the limits allow, as a share of the time taken. At most 1: what was done is
// possible, so a limit that says otherwise was disturbed while it was measured.
double ShareOfLimit(double least_seconds, double seconds);

// What the processor says of its caches, in bytes.
struct CacheSizes {
  int64_t first = 32 << 10;
  int64_t second = 1 << 20;
  int64_t last = 32 << 20;
};
CacheSizes Caches();

}  // namespace sluice

#endif  // SLUICE_BENCH_LIMITS_H_
