#include <sluice/graph/registry.h>

namespace sluice {
namespace {

struct FirstError {
  std::mutex mutex;
  absl::Status status;
};

FirstError& Global() {
  static FirstError& error = *new FirstError();
  return error;
}

}  // namespace

absl::Status RegistrationStatus() {
  const std::lock_guard lock(Global().mutex);
  return Global().status;
}

void FailRegistration(const absl::Status& error) {
  const std::lock_guard lock(Global().mutex);
  if (Global().status.ok()) Global().status = error;
}

}  // namespace sluice
