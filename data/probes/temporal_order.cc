#include <cmath>

#include <sluice/data/probes/probe.h>

namespace sluice {
namespace {

// Two (three) symbols X or Y among distractors a, b, c, d; the class is which of them came in which
// order. E opens the sequence and B, where the answer is asked for, ends it. With lag 100 as in the
// paper: T from 100 to 110, X or Y at a step from 10 to 20 and one from 50 to 60; three of them:
// from 10 to 20, 33 to 43, 66 to 76. Other lags are in proportion.
constexpr int32_t kX = 0;  // and Y
constexpr int32_t kDistractors = 2;
constexpr int32_t kOpen = 6;
constexpr int32_t kEnd = 7;
constexpr int32_t kSymbols = 8;

absl::StatusOr<Probe> Make(int64_t lag, const ProbeOptions& options) {
  const int64_t relevant = options.at("symbols");
  const int64_t classes = int64_t{1} << relevant;
  const int64_t spread = lag / 10;
  const std::vector<int64_t> earliest = relevant == 2
                                            ? std::vector<int64_t>{spread, lag / 2}
                                            : std::vector<int64_t>{spread, lag / 3, 2 * lag / 3};
  return Probe{.steps = lag + spread,
               .symbols = kSymbols,
               .classes = classes,
               .first_answer = lag - 1,
               // All orders are equally likely.
               .memoryless_loss = std::log(static_cast<double>(classes)),
               .draw = [=](RandomStream& random) {
                 const int64_t steps = lag + static_cast<int64_t>(random.Below(spread + 1));
                 ProbeSequence sequence;
                 sequence.Add(kOpen);
                 for (int64_t t = 1; t < steps - 1; ++t) {
                   sequence.Add(kDistractors + static_cast<int32_t>(random.Below(4)));
                 }
                 sequence.Add(kEnd);
                 int32_t order = 0;
                 for (const int64_t step : earliest) {
                   const auto y = static_cast<int32_t>(random.Below(2));
                   sequence.symbols[step + static_cast<int64_t>(random.Below(spread + 1))] = kX + y;
                   order = 2 * order + y;
                 }
                 sequence.Ask(order);
                 return sequence;
               }};
}

const RegisterProbe kTemporalOrder(
    {.name = "temporal_order",
     .title = "Temporal order",
     .description = "X and Y among distractors; at the end, which came in which order; lag: steps",
     .source = "Hochreiter & Schmidhuber 1997, tasks 6a and 6b",
     .memoryless = "symbols ln 2",
     .least_lag = 12,
     .options = {{"symbols", 2, 2, 3, "how many relevant symbols: 2 is task 6a, 3 is 6b"}},
     .make = Make});

}  // namespace
}  // namespace sluice
