#ifndef SLUICE_TESTS_OPS_OP_CASES_H_
#define SLUICE_TESTS_OPS_OP_CASES_H_

#include <functional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>
#include <absl/types/span.h>

#include <sluice/graph/op.h>

namespace sluice::testing {

struct ReferenceArguments {
  absl::Span<const Tensor> inputs;
  const Attributes& attributes;
  const TensorType& output;
};
// The elements of the result in f64, by plain loops over `std::` functions: nothing of the library
// but random numbers themselves.
using Reference = std::function<std::vector<double>(const ReferenceArguments&)>;

// How sample inputs are drawn.
enum class Draw {
  kUniform,
  kOffZero,  // nothing within 0.05 of zero, where the op has a kink
  kApart,    // all elements of all inputs differ: an op that compares them has a kink where not
  kHalves,   // multiples of 1/2, so that many are equal or zero
};

// How near an f32 result has to be to the f64 reference of the same inputs.
enum class Accuracy {
  kRounded,   // the correctly rounded result or its neighbour
  kFunction,  // within 4 ulp
  kSum,       // 2e-6 of the reference of the inputs' magnitudes
  kNormal,    // 4e-6: Box-Muller, whose cosine takes an angle rounded to f32
};

// What the tests know of one op, besides its record.
struct OpCase {
  std::string name;
  Reference reference;
  Accuracy accuracy = Accuracy::kRounded;
  Draw draw = Draw::kUniform;
  // Inputs that the result is flat in, and may jump with: not moved by gradient checks, and their
  // gradient is zero.
  std::vector<size_t> flat_inputs = {};
  // Inputs large enough to be cut between threads.
  std::vector<Sample> large = {};
  // Instead of all the above, for ops that read from elsewhere than their inputs.
  std::function<absl::Status()> own_check = nullptr;
};

const std::vector<OpCase>& OpCases();
const OpCase* FindCase(absl::string_view op);

// What keeps the op from being tested: no samples, no case. Ops of a name that starts with "test_"
// belong to tests and need none.
absl::Status CheckIsTested(const Op& op);

// A sample of f32 inputs with another dtype, also where an attribute says the dtype; i32 inputs
// stay.
Sample Retyped(const Op& op, const Sample& sample, DType dtype);
// Inputs for a sample. Floats are the same for f32 and f64: numbers that f32 holds.
std::vector<Tensor> DrawInputs(const Sample& sample, Draw draw, uint64_t seed);

// The op of given inputs, recorded on one tape.
Value RecordSample(const Op& op, const Sample& sample, absl::Span<const Value> inputs);

}  // namespace sluice::testing

#endif  // SLUICE_TESTS_OPS_OP_CASES_H_
