#ifndef SLUICE_TESTS_OPS_SOURCE_CHECKS_H_
#define SLUICE_TESTS_OPS_SOURCE_CHECKS_H_

#include <absl/status/status.h>

namespace sluice::testing {

// Checks of the ops that read or write something outside the tape. Each runs its op in every dtype,
// at every plan level.
absl::Status CheckFeed();
absl::Status CheckConstant();
absl::Status CheckVariable();
absl::Status CheckWrite();

}  // namespace sluice::testing

#endif  // SLUICE_TESTS_OPS_SOURCE_CHECKS_H_
