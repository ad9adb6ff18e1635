#ifndef SLUICE_EXPERIMENTS_FILES_H_
#define SLUICE_EXPERIMENTS_FILES_H_

#include <string>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>

namespace sluice {

// Writes a whole file: under another name first, so that a reader never sees half of one and a full
// disk loses nothing that was there.
absl::Status WriteWholeFile(const std::string& path, absl::string_view bytes);

// Whether a file can be written there, leaving one that is there alone: to be asked before hours of
// training.
absl::Status CheckWritable(const std::string& path);

}  // namespace sluice

#endif  // SLUICE_EXPERIMENTS_FILES_H_
