#ifndef SLUICE_BENCH_STATISTICS_H_
#define SLUICE_BENCH_STATISTICS_H_

#include <vector>

namespace sluice {

// Median and quartiles: of timings the mean says what the machine's other users did.
struct Spread {
  double low = 0;  // first quartile
  double median = 0;
  double high = 0;  // third quartile
};
// Zeros for no values. Between two values, the line between them.
Spread SpreadOf(std::vector<double> values);

}  // namespace sluice

#endif  // SLUICE_BENCH_STATISTICS_H_
