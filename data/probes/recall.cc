#include <cmath>

#include <sluice/data/probes/probe.h>

namespace sluice {
namespace {

// One early thing to hold on to, whatever comes after it.

// A token, lag others of the same kind, and a query: the sum of query and first token modulo
// `symbols`. Nothing but the first token helps, so without it: ln(symbols).
absl::StatusOr<Probe> MakeFirstToken(int64_t lag, const ProbeOptions& options) {
  const int64_t symbols = options.at("symbols");
  return Probe{.steps = lag + 2,
               .symbols = 2 * symbols,
               .classes = symbols,
               .first_answer = lag + 1,
               .memoryless_loss = std::log(static_cast<double>(symbols)),
               .draw = [=](RandomStream& random) {
                 ProbeSequence sequence;
                 for (int64_t t = 0; t <= lag; ++t) {
                   sequence.Add(static_cast<int32_t>(random.Below(symbols)));
                 }
                 const auto query = static_cast<int64_t>(random.Below(symbols));
                 sequence.Add(static_cast<int32_t>(symbols + query));
                 sequence.Ask(static_cast<int32_t>((sequence.symbols[0] + query) % symbols));
                 return sequence;
               }};
}

const RegisterProbe kFirstToken(
    {.name = "first_token",
     .title = "Checksum with the first token",
     .description = "tokens and a query; the query plus the first token, modulo symbols; lag: "
                    "tokens between the two",
     .source = "after Hochreiter & Schmidhuber 1997, task 2",
     .memoryless = "ln(symbols)",
     .options = {{"symbols", 8, 2, 1000, "different tokens"}},
     .make = MakeFirstToken});

// `signal` numbers of 1 or of -1, by the class, and lag of normal noise with variance 0.2, the last
// of which is where the class is asked for. Classes are equally likely: ln 2.
absl::StatusOr<Probe> MakeNoise(int64_t lag, const ProbeOptions& options) {
  const int64_t signal = options.at("signal");
  return Probe{.steps = signal + lag,
               .numbers = 1,
               .classes = 2,
               .first_answer = signal + lag - 1,
               .memoryless_loss = std::log(2.0),
               .draw = [=](RandomStream& random) {
                 const auto positive = static_cast<int32_t>(random.Below(2));
                 ProbeSequence sequence;
                 sequence.numbers.assign(signal, positive == 1 ? 1.0F : -1.0F);
                 for (int64_t t = 0; t < lag; ++t) {
                   sequence.numbers.push_back(static_cast<float>(std::sqrt(0.2) * random.Normal()));
                 }
                 sequence.answers.push_back({signal + lag - 1, positive, 0});
                 return sequence;
               }};
}

const RegisterProbe kNoise({.name = "noise",
                            .title = "Signal ahead of noise",
                            .description = "a few numbers of 1 or of -1, then noise; at the end, "
                                           "which of the two; lag: steps of noise",
                            .source = "Hochreiter & Schmidhuber 1997, task 3a",
                            .memoryless = "ln 2",
                            .options = {{"signal", 3, 1, 1000, "steps of the signal"}},
                            .make = MakeNoise});

// Segments, each a break and 2 to lag tokens. At each token but the first, the first token of its
// segment is asked for: what stood ahead of the break must go, what comes first after it must stay.
// First tokens are uniform, so without memory: ln(symbols).
absl::StatusOr<Probe> MakeSegments(int64_t lag, const ProbeOptions& options) {
  const int64_t symbols = options.at("symbols");
  const int64_t segments = options.at("segments");
  return Probe{.steps = segments * (lag + 1),
               .symbols = symbols + 1,
               .classes = symbols,
               .first_answer = 2,
               .memoryless_loss = std::log(static_cast<double>(symbols)),
               .draw = [=](RandomStream& random) {
                 ProbeSequence sequence;
                 for (int64_t segment = 0; segment < segments; ++segment) {
                   sequence.Add(static_cast<int32_t>(symbols));
                   const auto first = static_cast<int32_t>(random.Below(symbols));
                   sequence.Add(first);
                   const auto others = 1 + static_cast<int64_t>(random.Below(lag - 1));
                   for (int64_t i = 0; i < others; ++i) {
                     sequence.Add(static_cast<int32_t>(random.Below(symbols)));
                     sequence.Ask(first);
                   }
                 }
                 return sequence;
               }};
}

const RegisterProbe kSegments(
    {.name = "segments",
     .title = "Segments with breaks",
     .description = "tokens in segments with a break ahead of each; the first token of the "
                    "segment; lag: tokens of the longest segment",
     .source = "after Gers, Schmidhuber, Cummins 2000 (continual problems)",
     .memoryless = "ln(symbols)",
     .least_lag = 2,
     .options = {{"symbols", 4, 2, 1000, "different tokens"},
                 {"segments", 4, 1, 1000, "segments of a sequence"}},
     .make = MakeSegments});

}  // namespace
}  // namespace sluice
