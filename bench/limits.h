#ifndef SLUICE_BENCH_LIMITS_H_
#define SLUICE_BENCH_LIMITS_H_

#include <cstdint>

#include <sluice/graph/tensor.h>

namespace sluice {

// Limits of this machine, measured in between what is measured against them, each the best of many
// short samples: machines are shared, and their speed drifts.

// Floating-point operations a second of f32 multiply-adds on registers, `threads` threads together.
class PeakFlopsSampler {
 public:
  explicit PeakFlopsSampler(int threads) : threads_(threads) {}
  void Sample();  // about 2 ms
  double best() const { return best_; }

 private:
  int threads_;
  double best_ = 0;
};

// Bytes a second of reading, writing and copying (both its sides count) `bytes` of memory again and
// again: a cache's limits where that is little, the memory's where it is much.
class MemorySampler {
 public:
  MemorySampler(int threads, int64_t bytes);
  void Sample();  // some milliseconds

  double read() const { return read_; }
  double write() const { return write_; }
  double copy() const { return copy_; }
  // The least time to read and write that much.
  double Seconds(double bytes_read, double bytes_written) const;

 private:
  int threads_;
  int64_t count_;  // floats of one half of one thread's memory
  Tensor memory_;
  double read_ = 0;
  double write_ = 0;
  double copy_ = 0;
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
