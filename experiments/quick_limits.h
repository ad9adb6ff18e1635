#ifndef SLUICE_EXPERIMENTS_QUICK_LIMITS_H_
#define SLUICE_EXPERIMENTS_QUICK_LIMITS_H_

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <sluice/graph/program.h>

namespace sluice {

// What a large product and a pass over much memory reach on this machine, now: the best of some
// runs, a tenth of a second in all. Good enough to tell which kernels matter; bench/ measures the
// processor's own limits, and how far apart runs are.
absl::StatusOr<MachineLimits> QuickLimits(const ArenaRef& arena);

// "none"; or what is known: "228,17.5", GFLOP/s and GB/s.
absl::StatusOr<MachineLimits> ParseLimits(absl::string_view text);

}  // namespace sluice

#endif  // SLUICE_EXPERIMENTS_QUICK_LIMITS_H_
