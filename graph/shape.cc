#include <algorithm>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <sluice/graph/shape.h>

namespace sluice {
namespace {

constexpr int64_t kMostElements = int64_t{1} << 48;

}  // namespace

Shape::Shape(absl::Span<const int64_t> sizes) {
  if (sizes.size() > kMaxRank) {
    rank_ = kTooManyAxes;
    return;
  }
  if (std::any_of(sizes.begin(), sizes.end(), [](int64_t size) { return size < 0; })) {
    rank_ = kNegativeSize;
    return;
  }
  int64_t elements = 1;
  for (const int64_t size : sizes) {
    // Zeros leave nothing to overflow, but the other sizes must not be absurd either.
    if (__builtin_mul_overflow(elements, std::max<int64_t>(1, size), &elements) ||
        elements >= kMostElements) {
      rank_ = kTooManyElements;
      return;
    }
  }
  rank_ = static_cast<int>(sizes.size());
  std::copy(sizes.begin(), sizes.end(), sizes_.begin());
}

int64_t Shape::elements() const {
  int64_t product = 1;
  for (const int64_t size : sizes()) product *= size;
  return product;
}

Shape Shape::With(int axis, int64_t size) const {
  std::array<int64_t, kMaxRank> sizes = sizes_;
  sizes[axis] = size;
  return Shape(absl::MakeConstSpan(sizes.data(), rank()));
}

std::string Shape::ToString() const {
  if (rank_ == kTooManyAxes) return "(too many axes)";
  if (rank_ == kNegativeSize) return "(negative size)";
  if (rank_ == kTooManyElements) return "(too many elements)";
  return absl::StrCat("(", absl::StrJoin(sizes(), ", "), ")");
}

absl::StatusOr<Shape> BroadcastShapes(const Shape& a, const Shape& b) {
  const int rank = std::max(a.rank(), b.rank());
  std::array<int64_t, Shape::kMaxRank> sizes = {};
  for (int axis = 0; axis < rank; ++axis) {
    const int64_t size_a = a.back(axis);
    const int64_t size_b = b.back(axis);
    if (size_a != size_b && size_a != 1 && size_b != 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("shapes ", a.ToString(), " and ", b.ToString(), " do not broadcast"));
    }
    sizes[rank - 1 - axis] = size_a == 1 ? size_b : size_a;
  }
  return Shape(absl::MakeConstSpan(sizes.data(), rank));
}

bool BroadcastsTo(const Shape& from, const Shape& to) {
  const absl::StatusOr<Shape> joined = BroadcastShapes(from, to);
  return joined.ok() && *joined == to;
}

std::array<int64_t, Shape::kMaxRank> RowMajorStrides(const Shape& shape) {
  std::array<int64_t, Shape::kMaxRank> strides = {};
  int64_t stride = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

}  // namespace sluice
