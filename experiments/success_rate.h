#ifndef SLUICE_EXPERIMENTS_SUCCESS_RATE_H_
#define SLUICE_EXPERIMENTS_SUCCESS_RATE_H_

#include <cstdint>
#include <optional>
#include <vector>

namespace sluice {

struct Interval {
  double low = 0;
  double high = 0;
};

// The probabilities of success that `successes` of `trials` do not speak against at the level of
// 95 %: Wilson's score interval, the p with |successes / trials - p| <= z sqrt(p (1 - p) / trials),
// z = 1.96. Wilson 1927. Without trials it is [0, 1].
Interval WilsonInterval(int64_t successes, int64_t trials);

// The median of `values` and of `censored` more, of which no more is known than that they are
// larger than all of them. Nothing where the median is one of those, or there is none. Of an even
// number it is the mean of the two in the middle.
std::optional<double> CensoredMedian(std::vector<double> values, int64_t censored);

}  // namespace sluice

#endif  // SLUICE_EXPERIMENTS_SUCCESS_RATE_H_
