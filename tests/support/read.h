#ifndef SLUICE_TESTS_SUPPORT_READ_H_
#define SLUICE_TESTS_SUPPORT_READ_H_

#include <utility>
#include <vector>

#include <absl/status/statusor.h>
#include <gtest/gtest.h>

#include <sluice/graph/tape.h>

namespace sluice::testing {

// One value of a tape, of any shape.
inline absl::StatusOr<Tensor> ReadTensor(Value value, const RunOptions& options = {}) {
  absl::StatusOr<std::vector<Tensor>> read =
      value.tape()->Read(absl::MakeConstSpan(&value, 1), options);
  if (!read.ok()) return read.status();
  return std::move(read->front());
}

// The same where an error fails the test; then zeros of the value's type.
inline Tensor MustRead(Value value, const RunOptions& options = {}) {
  absl::StatusOr<Tensor> read = ReadTensor(value, options);
  if (read.ok()) return *std::move(read);
  ADD_FAILURE() << read.status();
  return Tensor(value.type());
}

}  // namespace sluice::testing

#endif  // SLUICE_TESTS_SUPPORT_READ_H_
