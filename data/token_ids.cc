#include <cassert>

#include <sluice/data/token_ids.h>

namespace sluice {

TokenIds::TokenIds(int64_t size, int64_t vocabulary) : size_(size) {
  // For overwrite: zeros would cost a second pass over all of it.
  const auto count = static_cast<size_t>(size);
  if (vocabulary <= int64_t{1} << 8) {
    buffer_ = std::make_unique_for_overwrite<uint8_t[]>(count);
  } else if (vocabulary <= int64_t{1} << 16) {
    buffer_ = std::make_unique_for_overwrite<uint16_t[]>(count);
  } else {
    buffer_ = std::make_unique_for_overwrite<int32_t[]>(count);
  }
}

int64_t TokenIds::bytes() const {
  return std::visit([&](const auto& ids) { return size_ * static_cast<int64_t>(sizeof(ids[0])); },
                    buffer_);
}

int32_t TokenIds::operator[](int64_t position) const {
  assert(position >= 0 && position < size_);
  return std::visit([&](const auto& ids) { return static_cast<int32_t>(ids[position]); }, buffer_);
}

void TokenIds::Write(int64_t begin, absl::Span<const int32_t> ids) {
  assert(begin >= 0 && begin + static_cast<int64_t>(ids.size()) <= size_);
  std::visit(
      [&](auto& kept) {
        using Id = std::remove_reference_t<decltype(kept[0])>;
        for (size_t i = 0; i < ids.size(); ++i) kept[begin + i] = static_cast<Id>(ids[i]);
      },
      buffer_);
}

void TokenIds::Read(int64_t begin, absl::Span<int32_t> ids) const {
  assert(begin >= 0 && begin + static_cast<int64_t>(ids.size()) <= size_);
  std::visit(
      [&](const auto& kept) {
        for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int32_t>(kept[begin + i]);
      },
      buffer_);
}

}  // namespace sluice
