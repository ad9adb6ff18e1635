#include <algorithm>
#include <cmath>

#include <absl/strings/str_cat.h>

#include <sluice/data/probes/probe.h>

namespace sluice {
namespace {

// Symbols 1 .. symbols are to be remembered; 0 is the blank, symbols + 1 the cue.

// `length` symbols, lag blanks, the last of which is the cue if it comes as late as it may, and
// blanks while they are to be repeated, T = lag + 2 length. Blank is the right answer at all other
// steps. Without memory, but knowing when the answers are due, only their symbols cost anything:
// length ln(symbols) over T answers. That is the classical 10 ln 8 / (lag + 20).
absl::StatusOr<Probe> MakeCopy(int64_t lag, const ProbeOptions& options, bool variable) {
  const int64_t length = options.at("length");
  const int64_t symbols = options.at("symbols");
  const int64_t steps = lag + 2 * length;
  return Probe{.steps = steps,
               .symbols = symbols + 2,
               .classes = symbols + 1,
               .memoryless_loss = static_cast<double>(length) *
                                  std::log(static_cast<double>(symbols)) /
                                  static_cast<double>(steps),
               .accuracy = ProbeAccuracy::kSequences,
               .solved = 0.95,
               .draw = [=](RandomStream& random) {
                 ProbeSequence sequence;
                 std::vector<int32_t> remembered(length);
                 for (int32_t& symbol : remembered) {
                   symbol = 1 + static_cast<int32_t>(random.Below(symbols));
                 }
                 const int64_t wait = variable ? 1 + static_cast<int64_t>(random.Below(lag)) : lag;
                 const int64_t cue = length + wait - 1;
                 for (int64_t t = 0; t < steps; ++t) {
                   sequence.Add(t < length ? remembered[t]
                                : t == cue ? static_cast<int32_t>(symbols) + 1
                                           : 0);
                   const int64_t place = t - cue - 1;
                   sequence.Ask(place >= 0 && place < length ? remembered[place] : 0);
                 }
                 return sequence;
               }};
}

const std::vector<ProbeOption> kCopyOptions = {
    {"length", 10, 1, 1000, "symbols to remember"},
    {"symbols", 8, 2, 1000, "different symbols"},
};

const RegisterProbe kCopy(
    {.name = "copy",
     .title = "Copy",
     .description = "symbols, then blanks and a cue, after which they are repeated; blanks are "
                    "answers too; lag: steps from the last symbol to the cue",
     .source = "Hochreiter & Schmidhuber 1997; Arjovsky, Shah, Bengio 2016",
     .memoryless = "length ln(symbols) / (lag + 2 length)",
     .options = kCopyOptions,
     .make = [](int64_t lag, const ProbeOptions& options) {
       return MakeCopy(lag, options, /*variable=*/false);
     }});

const RegisterProbe kVariableCopy(
    {.name = "variable_copy",
     .title = "Copy after a random time",
     .description = "as copy, but the cue comes 1 to lag steps after the last symbol",
     .source = "Tallec & Ollivier 2018",
     .memoryless = "length ln(symbols) / (lag + 2 length)",
     .options = kCopyOptions,
     .make = [](int64_t lag, const ProbeOptions& options) {
       return MakeCopy(lag, options, /*variable=*/true);
     }});

// `tokens` symbols at random places among lag steps, blanks elsewhere; then as many cues, at which
// they are repeated in order. Only the repeated ones count.
absl::StatusOr<Probe> MakeSelectiveCopy(int64_t lag, const ProbeOptions& options) {
  const int64_t tokens = options.at("tokens");
  const int64_t symbols = options.at("symbols");
  if (tokens > lag) {
    return absl::InvalidArgumentError(
        absl::StrCat("probe selective_copy: ", tokens, " tokens do not fit into a lag of ", lag));
  }
  return Probe{.steps = lag + tokens,
               .symbols = symbols + 2,
               .classes = symbols + 1,
               .first_answer = lag,
               .memoryless_loss = std::log(static_cast<double>(symbols)),
               .accuracy = ProbeAccuracy::kSequences,
               .solved = 0.95,
               .draw = [=](RandomStream& random) {
                 std::vector<int64_t> places(lag);
                 for (int64_t t = 0; t < lag; ++t) places[t] = t;
                 random.Shuffle(places);
                 std::sort(places.begin(), places.begin() + tokens);
                 ProbeSequence sequence;
                 sequence.symbols.assign(lag, 0);
                 for (int64_t i = 0; i < tokens; ++i) {
                   sequence.symbols[places[i]] = 1 + static_cast<int32_t>(random.Below(symbols));
                 }
                 for (int64_t i = 0; i < tokens; ++i) {
                   sequence.Add(static_cast<int32_t>(symbols) + 1);
                   sequence.Ask(sequence.symbols[places[i]]);
                 }
                 return sequence;
               }};
}

const RegisterProbe kSelectiveCopy(
    {.name = "selective_copy",
     .title = "Selective copy",
     .description = "symbols at random places among blanks; at the end they are repeated in order; "
                    "lag: steps before the first answer",
     .source = "Gu & Dao 2023; Jing et al. 2019",
     .memoryless = "ln(symbols)",
     .options = {{"tokens", 4, 1, 1000, "symbols to remember"},
                 {"symbols", 16, 2, 1000, "different symbols"}},
     .make = MakeSelectiveCopy});

}  // namespace
}  // namespace sluice
