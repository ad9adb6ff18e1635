#include <cmath>

#include <absl/strings/str_cat.h>

#include <sluice/data/probes/probe.h>

namespace sluice {
namespace {

// State that every step changes: parity, and a sum and product modulo a prime. Each step is a
// bijection of the state, so that nothing is ever forgotten and each answer is uniform:
// ln(modulus).

const ProbeOption kEvery = {"every", 1, 0, 1, "1: asked at every step; 0: at the end only"};

absl::StatusOr<Probe> MakeParity(int64_t lag, const ProbeOptions& options) {
  const bool every = options.at("every") == 1;
  return Probe{.steps = lag,
               .symbols = 2,
               .classes = 2,
               .first_answer = every ? 0 : lag - 1,
               .memoryless_loss = std::log(2.0),
               .draw = [=](RandomStream& random) {
                 ProbeSequence sequence;
                 int32_t parity = 0;
                 for (int64_t t = 0; t < lag; ++t) {
                   const auto bit = static_cast<int32_t>(random.Below(2));
                   parity ^= bit;
                   sequence.Add(bit);
                   if (every || t == lag - 1) sequence.Ask(parity);
                 }
                 return sequence;
               }};
}

const RegisterProbe kParity({.name = "parity",
                             .title = "Parity",
                             .description = "bits; whether there were an odd number of ones so "
                                            "far; lag: steps",
                             .source = "Hochreiter & Schmidhuber 1997; Merrill et al. 2024",
                             .memoryless = "ln 2",
                             .options = {kEvery},
                             .make = MakeParity});

// Digits 0 .. m - 1, then +, -, *.
absl::StatusOr<Probe> MakeModularArithmetic(int64_t lag, const ProbeOptions& options) {
  const int64_t modulus = options.at("modulus");
  for (int64_t divisor = 2; divisor * divisor <= modulus; ++divisor) {
    if (modulus % divisor != 0) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "probe modular_arithmetic: the modulus must be a prime number, so that products lose "
        "nothing; got ",
        modulus));
  }
  const bool every = options.at("every") == 1;
  return Probe{.steps = 2 * lag + 1,
               .symbols = modulus + 3,
               .classes = modulus,
               .first_answer = every ? 0 : 2 * lag,
               .memoryless_loss = std::log(static_cast<double>(modulus)),
               .draw = [=](RandomStream& random) {
                 ProbeSequence sequence;
                 auto value = static_cast<int64_t>(random.Below(modulus));
                 sequence.Add(static_cast<int32_t>(value));
                 if (every) sequence.Ask(static_cast<int32_t>(value));
                 for (int64_t i = 0; i < lag; ++i) {
                   const uint64_t operation = random.Below(3);
                   const auto digit = static_cast<int64_t>(
                       operation == 2 ? 1 + random.Below(modulus - 1) : random.Below(modulus));
                   value = operation == 0   ? value + digit
                           : operation == 1 ? value + modulus - digit
                                            : value * digit;
                   value %= modulus;
                   sequence.Add(static_cast<int32_t>(modulus + static_cast<int64_t>(operation)));
                   sequence.Add(static_cast<int32_t>(digit));
                   if (every || i == lag - 1) sequence.Ask(static_cast<int32_t>(value));
                 }
                 return sequence;
               }};
}

const RegisterProbe kModularArithmetic(
    {.name = "modular_arithmetic",
     .title = "Modular arithmetic",
     .description = "digits with +, - and * between them, worked out from left to right, never "
                    "times 0; the value so far; lag: operations",
     .source = "after Deletang et al. 2023; Beck et al. 2024",
     .memoryless = "ln(modulus)",
     .options = {{"modulus", 5, 2, 997, "a prime number"}, kEvery},
     .make = MakeModularArithmetic});

}  // namespace
}  // namespace sluice
