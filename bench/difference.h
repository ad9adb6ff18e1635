#ifndef SLUICE_BENCH_DIFFERENCE_H_
#define SLUICE_BENCH_DIFFERENCE_H_

#include <algorithm>
#include <cmath>

namespace sluice {

// How far results are from what is expected, over all elements.
struct Difference {
  double worst = 0;    // NaN where one of them was
  double largest = 0;  // magnitude expected

  void Add(double result, double expected) {
    const double difference = std::abs(result - expected);
    if (std::isnan(difference) || difference > worst) worst = difference;  // a NaN stays
    largest = std::max(largest, std::abs(expected));
  }
  bool Within(double tolerance) const { return worst <= tolerance * largest; }
};

}  // namespace sluice

#endif  // SLUICE_BENCH_DIFFERENCE_H_
