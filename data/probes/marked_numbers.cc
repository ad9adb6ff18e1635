#include <algorithm>

#include <sluice/data/probes/probe.h>

namespace sluice {
namespace {

// Numbers, two of which are marked: (value, mark) at each step. At the last step the sum or the
// product of the two is asked for.
//
// Standard (Arjovsky et al. 2016): values uniform in [0, 1), T = lag, one mark in each half.
// hs97=1 (Hochreiter & Schmidhuber 1997, tasks 4 and 5): T from lag to 1.1 lag; the first mark
// among the steps after the first, at most 10 of them, the second anywhere else ahead of T / 2; the
// first and the last step are marked -1. The sum is of values in [-1, 1) and is asked for as
// 1/2 + sum / 4.
struct Marks {
  int64_t steps, first, second;
};

Marks DrawMarks(RandomStream& random, int64_t lag, bool hs97) {
  if (!hs97) {
    const int64_t half = lag / 2;
    return {lag, static_cast<int64_t>(random.Below(half)),
            half + static_cast<int64_t>(random.Below(lag - half))};
  }
  const int64_t steps = lag + static_cast<int64_t>(random.Below(lag / 10 + 1));
  const int64_t half = steps / 2;
  const int64_t first = 1 + static_cast<int64_t>(random.Below(std::min<int64_t>(10, half - 2)));
  int64_t second = 1 + static_cast<int64_t>(random.Below(half - 2));
  if (second >= first) ++second;
  return {steps, first, second};
}

Probe MarkedNumbers(int64_t lag, bool hs97, double low, float (*answer)(float, float)) {
  return {.steps = hs97 ? lag + lag / 10 : lag,
          .numbers = 2,
          .first_answer = lag - 1,
          .draw = [=](RandomStream& random) {
            const Marks marks = DrawMarks(random, lag, hs97);
            ProbeSequence sequence;
            for (int64_t t = 0; t < marks.steps; ++t) {
              const double value = low + (1 - low) * random.Uniform();
              const bool end = t == 0 || t == marks.steps - 1;
              const bool marked = t == marks.first || t == marks.second;
              sequence.numbers.push_back(static_cast<float>(value));
              sequence.numbers.push_back(marked ? 1.0F : hs97 && end ? -1.0F : 0.0F);
            }
            const float right =
                answer(sequence.numbers[2 * marks.first], sequence.numbers[2 * marks.second]);
            sequence.answers.push_back({marks.steps - 1, 0, right});
            return sequence;
          }};
}

const ProbeOption kHs97 = {"hs97", 0, 0, 1,
                           "1: lengths, marks and scale of Hochreiter & Schmidhuber 1997"};

// The mean is the best guess, and its loss the variance. That of one value in [0, 1) is 1/12, so
// that of a sum of two 1/6. Of 1/2 + sum / 4 with values in [-1, 1): 2 (4/12) / 16 = 1/24.
const RegisterProbe kAdding(
    {.name = "adding",
     .title = "Adding",
     .description = "numbers, two of them marked; at the end their sum; lag: steps",
     .source = "Hochreiter & Schmidhuber 1997, task 4; Arjovsky, Shah, Bengio 2016",
     .memoryless = "1/6 (hs97=1: 1/24), the variance of the sum",
     .least_lag = 10,
     .options = {kHs97},
     .make = [](int64_t lag, const ProbeOptions& options) -> absl::StatusOr<Probe> {
       const bool hs97 = options.at("hs97") == 1;
       const auto sum = [](float a, float b) { return a + b; };
       const auto scaled_sum = [](float a, float b) { return 0.5F + (a + b) / 4; };
       Probe probe =
           hs97 ? MarkedNumbers(lag, hs97, -1, scaled_sum) : MarkedNumbers(lag, hs97, 0, sum);
       probe.memoryless_loss = hs97 ? 1.0 / 24 : 1.0 / 6;
       probe.tolerance = hs97 ? 0.04 : 0.08;  // the same, on the other scale
       return probe;
     }});

// E[x^2 y^2] - E[x y]^2 = 1/9 - 1/16 = 7/144.
const RegisterProbe kMultiplication(
    {.name = "multiplication",
     .title = "Multiplication",
     .description = "numbers, two of them marked; at the end their product; lag: steps",
     .source = "Hochreiter & Schmidhuber 1997, task 5",
     .memoryless = "7/144, the variance of the product",
     .least_lag = 10,
     .options = {kHs97},
     .make = [](int64_t lag, const ProbeOptions& options) -> absl::StatusOr<Probe> {
       const auto product = [](float a, float b) { return a * b; };
       Probe probe = MarkedNumbers(lag, options.at("hs97") == 1, 0, product);
       probe.memoryless_loss = 7.0 / 144;
       probe.tolerance = 0.04;
       return probe;
     }});

}  // namespace
}  // namespace sluice
