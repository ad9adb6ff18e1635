#include <absl/strings/str_cat.h>

#include <sluice/ops/ids.h>

namespace sluice {

absl::Status CheckIds(const ConstView& ids, int64_t count, const KernelArguments& arguments) {
  const int32_t* data = ids.as<int32_t>();
  const int64_t size = ids.type.shape.elements();
  for (int64_t i = 0; i < size; ++i) {
    if (data[i] >= 0 && data[i] < count) continue;
    // Among all ids, where these are those of some rows.
    const int64_t before = arguments.rows == 0 ? 0 : arguments.first_row * (size / arguments.rows);
    return absl::OutOfRangeError(absl::StrCat("id ", data[i], " at position ", before + i,
                                              " is not within 0 .. ", count - 1));
  }
  return absl::OkStatus();
}

}  // namespace sluice
