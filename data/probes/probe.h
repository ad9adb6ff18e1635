#ifndef SLUICE_DATA_PROBES_PROBE_H_
#define SLUICE_DATA_PROBES_PROBE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/types/span.h>

#include <sluice/graph/random.h>
#include <sluice/graph/registry.h>
#include <sluice/graph/tensor.h>

namespace sluice {

// Memory probes: made-up sequences whose answers need what was seen `lag` steps ago, with the exact
// answers. They tell gate designs apart where texts do not.

// One sequence: a symbol or K numbers a step, and what is asked at some of the steps.
struct ProbeSequence {
  struct Answer {
    int64_t step;
    int32_t id;    // the right class, or
    float number;  // the right number
  };
  std::vector<int32_t> symbols;  // T ids, or
  std::vector<float> numbers;    // T * K
  std::vector<Answer> answers;   // in order of their steps

  void Add(int32_t symbol) { symbols.push_back(symbol); }
  // At the step added last, of a probe with symbols.
  void Ask(int32_t id) { answers.push_back({static_cast<int64_t>(symbols.size()) - 1, id, 0}); }
};

// What is counted as right.
enum class ProbeAccuracy : uint8_t {
  kAnswers,    // share of the answers that are right
  kSequences,  // share of the sequences whose answers are all right
};
absl::string_view Name(ProbeAccuracy accuracy);

// A probe at one lag. Losses are means over all answers: nats for classes, the squared error for
// numbers.
struct Probe {
  std::string name;  // given by MakeProbe
  int64_t lag = 0;   // given by MakeProbe

  int64_t steps = 0;         // T of the longest sequence
  int64_t symbols = 0;       // inputs are ids below this; 0: numbers
  int64_t numbers = 0;       // K
  int64_t classes = 0;       // answers are ids below this; 0: a number
  int64_t first_answer = 0;  // no sequence is asked anything before this step

  // Loss of the best predictor that has no memory. It knows which steps are asked, and where on the
  // way through the sequence they are if the probe says so, but none of the symbols and numbers.
  double memoryless_loss = 0;
  double ideal_loss = 0;  // of one that remembers all
  ProbeAccuracy accuracy = ProbeAccuracy::kAnswers;
  double tolerance = 0;  // an answer that is a number is right if it is as near as this
  double solved = 0.99;  // the accuracy from which on a model is said to have solved the probe

  std::function<ProbeSequence(RandomStream& random)> draw;
};

// A whole number that a probe may be asked with: "copy:symbols=4".
struct ProbeOption {
  std::string name;
  int64_t standard = 0;
  int64_t least = 0;
  int64_t most = 0;
  std::string description;
};
using ProbeOptions = std::map<std::string, int64_t>;  // all of them

// One kind of probe: everything the rest of the program knows about it.
struct ProbeRecord {
  static constexpr const char* kKind = "probe";

  std::string name;
  std::string title;
  std::string description;  // of the sequences, the question and what the lag is
  std::string source;
  std::string memoryless;  // the memoryless loss as a formula
  int64_t least_lag = 1;
  std::vector<ProbeOption> options;
  // An error where options do not go together. Lag and options are in their ranges.
  std::function<absl::StatusOr<Probe>(int64_t lag, const ProbeOptions& options)> make;
};
using ProbeRegistry = Registry<ProbeRecord>;
using RegisterProbe = Register<ProbeRecord>;

// A probe with its options: "selective_copy:tokens=8".
struct ProbeSpec {
  const ProbeRecord* record = nullptr;
  ProbeOptions options;

  std::string Conventions() const;  // "tokens=8, symbols=16"
};
// Unknown names and numbers out of range are errors that say what there is.
absl::StatusOr<ProbeSpec> ParseProbeSpec(absl::string_view text);

// More steps than anyone would want to train on.
inline constexpr int64_t kLargestLag = 100'000;
absl::StatusOr<Probe> MakeProbe(const ProbeSpec& spec, int64_t lag);

// B sequences, padded to the probe's longest.
struct ProbeBatch {
  Tensor inputs;   // (T, B) i32 ids, or (T, B, K) f32; 0 in the padding
  Tensor targets;  // (T, B) i32, kIgnoredTarget where nothing is asked; or (T, B) f32
  Tensor asked;    // (T, B) f32: 1 where an answer counts in the loss
  Tensor mask;     // (T, B) f32: 1 in the sequence, 0 in the padding behind it
  int64_t answers = 0;
  bool padded = false;  // whether the mask has zeros
};

// Which sequences: numbers first .. first + batch - 1 of this part ("train", "validation", "test").
// A sequence depends on probe, seed, part and its number alone.
struct ProbeDraw {
  uint64_t seed = 0;
  std::string part;
  int64_t first = 0;
  int64_t batch = 0;
};
ProbeSequence DrawSequence(const Probe& probe, uint64_t seed, absl::string_view part,
                           int64_t number);
ProbeBatch DrawBatch(const Probe& probe, const ProbeDraw& draw);

}  // namespace sluice

#endif  // SLUICE_DATA_PROBES_PROBE_H_
