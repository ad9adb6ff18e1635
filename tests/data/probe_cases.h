#ifndef SLUICE_TESTS_DATA_PROBE_CASES_H_
#define SLUICE_TESTS_DATA_PROBE_CASES_H_

#include <functional>
#include <string>
#include <vector>

#include <sluice/data/probes/probe.h>

namespace sluice {

// An answer as a test finds it from the inputs alone, and where on its way through the sequence a
// predictor without memory may know it is.
struct Expected {
  int64_t step;
  double answer;
  int64_t place = 0;
};

// One probe with a solver of its own, written from the description and not from the generator.
struct ProbeCase {
  std::string spec;
  int64_t lag;
  double memoryless;
  int64_t shortest, longest;  // T of all sequences
  std::function<std::vector<Expected>(const ProbeSequence&)> solve;
  // What the lag means: asserted of each sequence.
  std::function<void(const ProbeSequence&)> check = [](const ProbeSequence&) {};
};

// A case of every probe, some with several.
std::vector<ProbeCase> ProbeCases();

// The places t of a sequence of numbers and marks that are marked.
std::vector<int64_t> Marked(const std::vector<float>& numbers);
// Brackets are nested, none deeper than `deepest`, all of them in the outermost; `close` is the
// symbol that closes one.
void CheckNesting(const ProbeSequence& s, int32_t close, int64_t deepest);

}  // namespace sluice

#endif  // SLUICE_TESTS_DATA_PROBE_CASES_H_
