// This machine's limits: multiply-adds, memory reads and copies, for 1 .. n threads.

#include <cstdio>
#include <thread>

#include <sluice/bench/limits.h>

int main() {
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  std::printf("threads  f32 GFLOP/s  read GB/s  copy GB/s\n");
  for (int threads = 1; threads <= cores; ++threads) {
    std::printf("%7d  %11.1f  %9.1f  %9.1f\n", threads, sluice::PeakFlops(threads) / 1e9,
                sluice::PeakReadBytes(threads) / 1e9, sluice::PeakCopyBytes(threads) / 1e9);
  }
  return 0;
}
