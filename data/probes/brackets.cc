#include <cmath>
#include <memory>
#include <vector>

#include <sluice/data/probes/probe.h>

namespace sluice {
namespace {

// One balanced expression of brackets of several types, the outermost of which encloses lag others.
// A closing bracket shows that it closes but not its type, which is asked for: the type of the
// bracket it belongs to. Types are drawn independently of the nesting, so without memory:
// ln(types).

// Walks of `steps` steps up or down from some height back to 1, never below 1 nor above `depth`, as
// numbers of walks: ways[steps][height]. Each row up to a factor, which is all that their ratios
// need.
std::vector<std::vector<double>> CountWalks(int64_t steps, int64_t depth) {
  std::vector<std::vector<double>> ways(steps + 1, std::vector<double>(depth + 2, 0));
  ways[0][1] = 1;
  for (int64_t i = 1; i <= steps; ++i) {
    double sum = 0;
    for (int64_t height = 1; height <= depth; ++height) {
      ways[i][height] = ways[i - 1][height - 1] + ways[i - 1][height + 1];
      sum += ways[i][height];
    }
    for (double& each : ways[i]) each /= sum;
  }
  return ways;
}

absl::StatusOr<Probe> Make(int64_t lag, const ProbeOptions& options) {
  const int64_t types = options.at("types");
  const int64_t depth = options.at("depth");
  const int64_t inside = lag + lag % 2;
  const auto close = static_cast<int32_t>(types);
  const auto ways =
      std::make_shared<const std::vector<std::vector<double>>>(CountWalks(inside, depth));
  return Probe{.steps = inside + 2,
               .symbols = types + 1,
               .classes = types,
               .first_answer = 2,
               .memoryless_loss = std::log(static_cast<double>(types)),
               .draw = [=](RandomStream& random) {
                 ProbeSequence sequence;
                 std::vector<int32_t> open;
                 const auto up = [&] {
                   open.push_back(static_cast<int32_t>(random.Below(types)));
                   sequence.Add(open.back());
                 };
                 const auto down = [&] {
                   sequence.Add(close);
                   sequence.Ask(open.back());
                   open.pop_back();
                 };
                 up();
                 for (int64_t left = inside; left > 0; --left) {
                   const size_t height = open.size();
                   const double rising = (*ways)[left - 1][height + 1];
                   const double falling = (*ways)[left - 1][height - 1];
                   if (random.Uniform() * (rising + falling) < rising) {
                     up();
                   } else {
                     down();
                   }
                 }
                 down();
                 return sequence;
               }};
}

const RegisterProbe kBrackets(
    {.name = "brackets",
     .title = "Nested brackets",
     .description = "brackets of several types, all balanced nestings equally likely; of each that "
                    "closes, its type; lag: brackets inside the outermost, rounded up to even",
     .source = "Dyck words; Hewitt et al. 2020",
     .memoryless = "ln(types)",
     .least_lag = 2,
     .options = {{"types", 2, 2, 1000, "types of brackets"},
                 {"depth", 8, 2, 64, "deepest nesting"}},
     .make = Make});

}  // namespace
}  // namespace sluice
