#include <cmath>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <sluice/graph/units.h>

namespace sluice {
namespace {

// Three digits of a number from 1 to 1000.
std::string ThreeDigits(double value) {
  const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return absl::StrFormat("%.*f", decimals, value);
}

// Numbers that would be rounded to 1000 of a unit belong to the next one.
constexpr double kNextUnit = 999.5;

}  // namespace

std::string WithUnit(double value, absl::string_view unit) {
  if (value < kNextUnit) {
    const bool whole = value == std::floor(value);
    return absl::StrCat(whole ? absl::StrFormat("%.0f", value) : ThreeDigits(value), " ", unit);
  }
  absl::string_view prefix;
  for (const absl::string_view next : {"k", "M", "G", "T", "P"}) {
    prefix = next;
    value /= 1e3;
    if (value < kNextUnit) break;
  }
  return absl::StrCat(ThreeDigits(value), " ", prefix, unit);
}

std::string Duration(double seconds) {
  for (const auto& [unit, scale] : {std::pair("ns", 1e9), {"us", 1e6}, {"ms", 1e3}}) {
    if (seconds * scale < kNextUnit) return absl::StrCat(ThreeDigits(seconds * scale), " ", unit);
  }
  return absl::StrCat(ThreeDigits(seconds), " s");
}

std::string Percent(double share) {
  if (share == 0 || share > 0.9995) return absl::StrFormat("%.0f %%", 100 * share);
  return share < 0.0005 ? "<0.1 %" : absl::StrFormat("%.1f %%", 100 * share);
}

std::string WithCommas(int64_t number) {
  std::string text = absl::StrCat(number);
  for (auto place = static_cast<int64_t>(text.size()) - 3; place > 0; place -= 3) {
    text.insert(static_cast<size_t>(place), 1, ',');
  }
  return text;
}

std::string Counted(int64_t count, absl::string_view noun) {
  return absl::StrCat(WithCommas(count), " ", noun, count == 1 ? "" : "s");
}

}  // namespace sluice
