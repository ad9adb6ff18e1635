#ifndef SLUICE_TESTS_OPS_LARGE_SAMPLES_H_
#define SLUICE_TESTS_OPS_LARGE_SAMPLES_H_

#include <vector>

#include <absl/strings/string_view.h>

#include <sluice/graph/op.h>

namespace sluice::testing {

// Samples of an op that take far longer than the serial cut-off, so that threads share them, in
// shapes that do not divide evenly. Element-wise ops get theirs from their record's arity and
// ranges. Empty for an op that is not listed.
std::vector<Sample> LargeSamples(absl::string_view op);

}  // namespace sluice::testing

#endif  // SLUICE_TESTS_OPS_LARGE_SAMPLES_H_
