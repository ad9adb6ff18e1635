#ifndef SLUICE_OPS_IDS_H_
#define SLUICE_OPS_IDS_H_

#include <absl/status/status.h>

#include <sluice/graph/op.h>

namespace sluice {

// An error for the first of the ids, an input of a kernel, that is not within 0 .. count - 1.
absl::Status CheckIds(const ConstView& ids, int64_t count, const KernelArguments& arguments);

}  // namespace sluice

#endif  // SLUICE_OPS_IDS_H_
