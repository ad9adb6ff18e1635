#ifndef SLUICE_GRAPH_PASSES_STRIPS_H_
#define SLUICE_GRAPH_PASSES_STRIPS_H_

#include <algorithm>
#include <cstdint>
#include <vector>

namespace sluice {

// When the parts of a value are used, if it is used in strips of one size: the time steps of a
// value of all steps. A strip may serve another value while others are still needed.
class Strips {
 public:
  // Says that `bytes` from `offset` on are used by themselves.
  void AddPart(int64_t offset, int64_t bytes, int64_t total) {
    if (bytes_ == 0) bytes_ = bytes;
    if (bytes != bytes_ || bytes == 0 || offset % bytes != 0 || total % bytes != 0) bytes_ = kMixed;
    ++parts_;
    strips_ = total / bytes_;
  }
  // Whether parts are used at all, and whether they are strips. A few parts of very many are none:
  // to keep count of each strip would take more than linear time.
  bool has_parts() const { return bytes_ != 0; }
  bool regular() const { return bytes_ > 0 && strips_ <= kMostStripsPerPart * parts_; }
  int64_t bytes() const { return bytes_; }
  int64_t count() const { return static_cast<int64_t>(last_use_.size()); }

  void Use(int64_t offset, int64_t bytes, int64_t moment) {
    if (!regular() || bytes != bytes_) {
      whole_ = std::max(whole_, moment);
      return;
    }
    if (last_use_.empty()) last_use_.resize(strips_, 0);
    int64_t& last = last_use_[offset / bytes_];
    last = std::max(last, moment);
  }
  void UseAlso(const Strips& other) {
    whole_ = std::max(whole_, other.whole_);
    for (int64_t i = 0; i < count() && i < other.count(); ++i) {
      last_use_[i] = std::max(last_use_[i], other.last_use_[i]);
    }
  }
  int64_t LastUseOfWhole() const { return whole_; }
  // The last moment at which the strip, or all of the value, is used.
  int64_t LastUse(int64_t strip) const { return std::max(whole_, last_use_[strip]); }

 private:
  static constexpr int64_t kMixed = -1;
  static constexpr int64_t kMostStripsPerPart = 16;
  int64_t bytes_ = 0;
  int64_t parts_ = 0;   // that are used
  int64_t strips_ = 0;  // there are
  int64_t whole_ = 0;
  std::vector<int64_t> last_use_;
};

}  // namespace sluice

#endif  // SLUICE_GRAPH_PASSES_STRIPS_H_
