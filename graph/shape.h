#ifndef SLUICE_GRAPH_SHAPE_H_
#define SLUICE_GRAPH_SHAPE_H_

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>

#include <absl/status/statusor.h>
#include <absl/types/span.h>

namespace sluice {

// Sizes of up to four axes, outermost first. The empty shape `()` is a scalar with one element.
// A shape made from more than four sizes, from a negative one, or of 2^48 elements or more, is not
// `valid()`; ops reject it with a status.
class Shape {
 public:
  static constexpr int kMaxRank = 4;

  Shape() = default;
  Shape(std::initializer_list<int64_t> sizes)
      : Shape(absl::Span<const int64_t>(sizes.begin(), sizes.size())) {}
  explicit Shape(absl::Span<const int64_t> sizes);

  bool valid() const { return rank_ >= 0; }
  int rank() const { return rank_ < 0 ? 0 : rank_; }
  int64_t operator[](int axis) const { return sizes_[axis]; }
  // Size of an axis counted from the innermost: `back(0)` is the last. Axes beyond the rank have
  // size 1.
  int64_t back(int axis) const { return axis < rank() ? sizes_[rank() - 1 - axis] : 1; }
  int64_t elements() const;
  absl::Span<const int64_t> sizes() const { return {sizes_.data(), static_cast<size_t>(rank())}; }

  // The same shape with one axis set to `size`.
  Shape With(int axis, int64_t size) const;
  // "(32, 128)", "()" for a scalar, "(too many axes)", "(negative size)" or "(too many elements)"
  // where not valid.
  std::string ToString() const;

  friend bool operator==(const Shape& a, const Shape& b) {
    return a.rank_ == b.rank_ && a.sizes_ == b.sizes_;
  }
  template <typename H>
  friend H AbslHashValue(H state, const Shape& shape) {
    return H::combine(std::move(state), shape.rank_, shape.sizes_);
  }

 private:
  static constexpr int kTooManyAxes = -1;
  static constexpr int kNegativeSize = -2;
  static constexpr int kTooManyElements = -3;
  int rank_ = 0;
  std::array<int64_t, kMaxRank> sizes_ = {0, 0, 0,
                                          0};  // unused axes stay 0, so equality may compare all
};

// NumPy's rule: align at the innermost axis; sizes agree or one of them is 1.
absl::StatusOr<Shape> BroadcastShapes(const Shape& a, const Shape& b);
// Whether `from` broadcasts to exactly `to`.
bool BroadcastsTo(const Shape& from, const Shape& to);
// Row-major distance, in elements, between neighbours along each axis.
std::array<int64_t, Shape::kMaxRank> RowMajorStrides(const Shape& shape);

}  // namespace sluice

#endif  // SLUICE_GRAPH_SHAPE_H_
