#include "ops/source_checks.h"

#include <absl/strings/str_cat.h>

#include <sluice/graph/tape.h>

#include "support/read.h"

namespace sluice::testing {
namespace {

constexpr DType kDTypes[] = {DType::kF32, DType::kF64, DType::kI32};
constexpr PlanLevel kLevels[] = {PlanLevel::kDebug, PlanLevel::kSimple, PlanLevel::kFull};

Tensor Numbers(DType dtype) {
  return Tensor(Shape{2, 3}, std::vector<double>{3, -1, 4, 1, -5, 9}).Cast(dtype);
}

absl::Status Expect(const Tensor& got, const Tensor& wanted) {
  if (SameBits(got, wanted)) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("got another ", got.type().ToString(), " than the ",
                                          wanted.type().ToString(), " that was given"));
}

// Calls check(dtype, options) for every dtype and plan level.
template <typename Check>
absl::Status ForEach(Check check) {
  for (const DType dtype : kDTypes) {
    for (const PlanLevel level : kLevels) {
      absl::Status status = check(dtype, RunOptions{.plan = {.level = level}});
      if (!status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

Variable& MakeVariable(VariableStore& store, DType dtype) {
  return store.Create("numbers", {dtype, {2, 3}},
                      [](const TensorType& type, RandomKey) { return Numbers(type.dtype); });
}

}  // namespace

absl::Status CheckFeed() {
  return ForEach([](DType dtype, const RunOptions& options) {
    Tape tape;
    const Value fed = tape.Feed(Numbers(dtype));
    const absl::StatusOr<Tensor> read = ReadTensor(fed, options);
    return read.ok() ? Expect(*read, Numbers(dtype)) : read.status();
  });
}

absl::Status CheckConstant() {
  return ForEach([](DType dtype, const RunOptions& options) {
    Tape tape;
    const Value constant = tape.Constant(-7, dtype, {2, 3});
    const absl::StatusOr<Tensor> read = ReadTensor(constant, options);
    if (!read.ok()) return read.status();
    return Expect(*read, Tensor(Shape{2, 3}, std::vector<double>(6, -7)).Cast(dtype));
  });
}

absl::Status CheckVariable() {
  return ForEach([](DType dtype, const RunOptions& options) {
    VariableStore store;
    Variable& variable = MakeVariable(store, dtype);
    Tape tape;
    const Value used = tape.Use(variable);
    const absl::StatusOr<Tensor> read = ReadTensor(used, options);
    return read.ok() ? Expect(*read, Numbers(dtype)) : read.status();
  });
}

absl::Status CheckWrite() {
  return ForEach([](DType dtype, const RunOptions& options) {
    VariableStore store;
    Variable& variable = MakeVariable(store, dtype);
    const Tensor written = Tensor(Shape{2, 3}, std::vector<double>(6, 8)).Cast(dtype);
    Tape tape;
    const Value old = tape.Use(variable);
    tape.Write(variable, tape.Feed(written));
    const absl::StatusOr<Tensor> read = ReadTensor(old, options);
    if (!read.ok()) return read.status();
    // What was read before the write is the old value.
    if (absl::Status status = Expect(*read, Numbers(dtype)); !status.ok()) return status;
    return Expect(variable.value(), written);
  });
}

}  // namespace sluice::testing
