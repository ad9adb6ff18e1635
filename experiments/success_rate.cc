#include <algorithm>
#include <cmath>

#include <sluice/experiments/success_rate.h>

namespace sluice {

Interval WilsonInterval(int64_t successes, int64_t trials) {
  if (trials < 1) return {0, 1};
  constexpr double kZ = 1.959963984540054;  // 97.5 % of a normal distribution are below it
  const auto n = static_cast<double>(trials);
  const double share = static_cast<double>(successes) / n;
  const double z2 = kZ * kZ / n;
  const double centre = (share + z2 / 2) / (1 + z2);
  const double half = kZ * std::sqrt(share * (1 - share) / n + z2 / (4 * n)) / (1 + z2);
  // The ends are exact where nothing or everything succeeded.
  return {successes == 0 ? 0 : centre - half, successes == trials ? 1 : centre + half};
}

std::optional<double> CensoredMedian(std::vector<double> values, int64_t censored) {
  const size_t count = values.size() + static_cast<size_t>(censored);
  // Of an even number, both in the middle must be known.
  const size_t upper = count / 2;
  if (count == 0 || upper >= values.size()) return std::nullopt;
  std::sort(values.begin(), values.end());
  const size_t lower = (count - 1) / 2;
  return (values[lower] + values[upper]) / 2;
}

}  // namespace sluice
