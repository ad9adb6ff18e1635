#ifndef SLUICE_DATA_TOKEN_IDS_H_
#define SLUICE_DATA_TOKEN_IDS_H_

#include <cstdint>
#include <memory>
#include <variant>

#include <absl/types/span.h>

namespace sluice {

// A long row of ids in the fewest bytes each that the vocabulary allows: 1, 2 or 4. A text of 1 GB
// in characters so takes 1 GB, not 4.
class TokenIds {
 public:
  TokenIds() = default;
  // `size` ids below `vocabulary`, to be written before they are read.
  TokenIds(int64_t size, int64_t vocabulary);

  int64_t size() const { return size_; }
  int64_t bytes() const;  // in memory

  int32_t operator[](int64_t position) const;
  // Copies between `begin`, `begin` + 1, ... and a span of i32. Calls that write to different
  // positions may run at the same time.
  void Write(int64_t begin, absl::Span<const int32_t> ids);
  void Read(int64_t begin, absl::Span<int32_t> ids) const;

 private:
  int64_t size_ = 0;
  std::variant<std::unique_ptr<uint8_t[]>, std::unique_ptr<uint16_t[]>, std::unique_ptr<int32_t[]>>
      buffer_;
};

}  // namespace sluice

#endif  // SLUICE_DATA_TOKEN_IDS_H_
