#ifndef SLUICE_GRAPH_NEAREST_H_
#define SLUICE_GRAPH_NEAREST_H_

#include <cstdint>
#include <string>

#include <absl/strings/string_view.h>
#include <absl/types/span.h>

namespace sluice {

// The fewest insertions, deletions and replacements of a byte, and swaps of two neighbours, that
// turn `a` into `b`, no byte being edited twice (optimal string alignment). O(|a| |b|).
int64_t EditDistance(absl::string_view a, absl::string_view b);

// The name in `known` that `wanted` was probably meant to be, for "did you mean". Case is ignored.
// At most one edit in three bytes counts as near (and one edit for shorter names); the first of
// equals wins; empty when nothing is near.
std::string NearestName(absl::string_view wanted, absl::Span<const std::string> known);

// For errors: `; did you mean "gru"?`, or `; there are elman, gru, lstm` where nothing is near.
std::string NearestNameHint(absl::string_view wanted, absl::Span<const std::string> known);

}  // namespace sluice

#endif  // SLUICE_GRAPH_NEAREST_H_
