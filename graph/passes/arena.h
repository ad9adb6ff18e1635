#ifndef SLUICE_GRAPH_PASSES_ARENA_H_
#define SLUICE_GRAPH_PASSES_ARENA_H_

#include <cstdint>
#include <map>
#include <set>
#include <utility>

namespace sluice {

// Gives out ranges of one growing arena, the smallest free range that fits first.
class Arena {
 public:
  // What lies before `begin` is taken.
  explicit Arena(int64_t begin) : end_(begin) {}

  int64_t Allocate(int64_t bytes) {
    const auto fit = free_by_size_.lower_bound({bytes, 0});
    if (fit == free_by_size_.end()) {
      // A free range at the very end may grow.
      int64_t offset = end_;
      if (!free_by_offset_.empty()) {
        const auto last = std::prev(free_by_offset_.end());
        if (last->first + last->second == end_) {
          offset = last->first;
          Remove(last);
        }
      }
      end_ = offset + bytes;
      return offset;
    }
    const auto [size, offset] = *fit;
    Remove(free_by_offset_.find(offset));
    if (size > bytes) Insert(offset + bytes, size - bytes);
    return offset;
  }

  void Free(int64_t offset, int64_t bytes) {
    if (bytes == 0) return;
    auto next = free_by_offset_.lower_bound(offset);
    if (next != free_by_offset_.end() && offset + bytes == next->first) {
      bytes += next->second;
      Remove(next);
    }
    next = free_by_offset_.lower_bound(offset);
    if (next != free_by_offset_.begin()) {
      const auto previous = std::prev(next);
      if (previous->first + previous->second == offset) {
        offset = previous->first;
        bytes += previous->second;
        Remove(previous);
      }
    }
    Insert(offset, bytes);
  }

  int64_t end() const { return end_; }

 private:
  using ByOffset = std::map<int64_t, int64_t>;

  void Insert(int64_t offset, int64_t bytes) {
    free_by_offset_[offset] = bytes;
    free_by_size_.insert({bytes, offset});
  }
  void Remove(ByOffset::iterator range) {
    free_by_size_.erase({range->second, range->first});
    free_by_offset_.erase(range);
  }

  ByOffset free_by_offset_;
  std::set<std::pair<int64_t, int64_t>> free_by_size_;  // (bytes, offset)
  int64_t end_;
};

}  // namespace sluice

#endif  // SLUICE_GRAPH_PASSES_ARENA_H_
