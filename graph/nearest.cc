#include <algorithm>
#include <vector>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <sluice/graph/nearest.h>

namespace sluice {

int64_t EditDistance(absl::string_view a, absl::string_view b) {
  // Rows of the usual table: distances from a's prefixes of length i - 2, i - 1 and i to all of
  // b's.
  std::vector<int64_t> before_last(b.size() + 1), last(b.size() + 1), current(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) current[j] = static_cast<int64_t>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    before_last.swap(last);
    last.swap(current);
    current[0] = static_cast<int64_t>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const int64_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      current[j] = std::min({replaced, last[j] + 1, current[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], before_last[j - 2] + 1);
      }
    }
  }
  return current[b.size()];
}

std::string NearestName(absl::string_view wanted, absl::Span<const std::string> known) {
  const std::string lower = absl::AsciiStrToLower(wanted);
  std::string nearest;
  int64_t best = 0;
  for (const std::string& name : known) {
    const int64_t longer = static_cast<int64_t>(std::max(lower.size(), name.size()));
    const int64_t distance = EditDistance(lower, absl::AsciiStrToLower(name));
    if (distance > std::max<int64_t>(1, longer / 3) || distance >= longer) continue;
    if (nearest.empty() || distance < best) {
      nearest = name;
      best = distance;
    }
  }
  return nearest;
}

std::string NearestNameHint(absl::string_view wanted, absl::Span<const std::string> known) {
  const std::string nearest = NearestName(wanted, known);
  return nearest.empty() ? absl::StrCat("; there are ", absl::StrJoin(known, ", "))
                         : absl::StrCat("; did you mean \"", nearest, "\"?");
}

}  // namespace sluice
