#ifndef SLUICE_EXPERIMENTS_PLUGINS_H_
#define SLUICE_EXPERIMENTS_PLUGINS_H_

#include <string>

#include <absl/status/status.h>
#include <absl/types/span.h>

namespace sluice {

// Loads shared libraries that register ops, cells, optimisers, corpora or probes; for as long as
// the process lives. One that was built against another version is not loaded.
absl::Status LoadPlugins(absl::Span<const std::string> paths);

}  // namespace sluice

#endif  // SLUICE_EXPERIMENTS_PLUGINS_H_
