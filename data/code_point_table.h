#ifndef SLUICE_DATA_CODE_POINT_TABLE_H_
#define SLUICE_DATA_CODE_POINT_TABLE_H_

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace sluice {

// A value for each code point, zero to begin with, in pages of 256 that are made when first
// written: as fast as an array, at the size of the scripts in use.
template <typename T>
class CodePointTable {
 public:
  T Get(char32_t code_point) const {
    const size_t page = code_point >> 8;
    return page < pages_.size() && pages_[page] ? (*pages_[page])[code_point & 0xFF] : T{};
  }

  T& At(char32_t code_point) {
    const size_t page = code_point >> 8;
    if (page >= pages_.size()) pages_.resize(page + 1);
    if (!pages_[page]) pages_[page] = std::make_unique<Page>();
    return (*pages_[page])[code_point & 0xFF];
  }

  // Calls visit(code_point, value) in ascending order for every value that is not zero.
  template <typename Visit>
  void ForEach(Visit visit) const {
    for (size_t page = 0; page < pages_.size(); ++page) {
      if (!pages_[page]) continue;
      for (size_t i = 0; i < 256; ++i) {
        if (const T value = (*pages_[page])[i]; value != T{}) {
          visit(static_cast<char32_t>(page << 8 | i), value);
        }
      }
    }
  }

 private:
  using Page = std::array<T, 256>;
  std::vector<std::unique_ptr<Page>> pages_;
};

}  // namespace sluice

#endif  // SLUICE_DATA_CODE_POINT_TABLE_H_
