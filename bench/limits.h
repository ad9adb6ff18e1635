#ifndef SLUICE_BENCH_LIMITS_H_
#define SLUICE_BENCH_LIMITS_H_

namespace sluice {

// Limits of this machine, measured, each the best of several short runs. All figures of a benchmark
// are shares of the limits of the same run: machines are shared, and their speed drifts.

// Floating-point operations a second of f32 multiply-adds on registers, `threads` threads together.
double PeakFlops(int threads);
// The same while something else is measured: the best of short samples taken in between.
class PeakFlopsSampler {
 public:
  explicit PeakFlopsSampler(int threads) : threads_(threads) {}
  void Sample();  // about 2 ms
  double best() const { return best_; }

 private:
  int threads_;
  double best_ = 0;
};
// Bytes a second read from memory far beyond the caches.
double PeakReadBytes(int threads);
// Bytes a second copied from and to such memory, both counted.
double PeakCopyBytes(int threads);

}  // namespace sluice

#endif  // SLUICE_BENCH_LIMITS_H_
