#ifndef SLUICE_GRAPH_UNITS_H_
#define SLUICE_GRAPH_UNITS_H_

#include <cstdint>
#include <string>

#include <absl/strings/string_view.h>

namespace sluice {

// Three digits and a decimal prefix: "12.6 MFLOP", "640 B", "0 FLOP".
std::string WithUnit(double value, absl::string_view unit);
// "2.91 ms", "640 us".
std::string Duration(double seconds);
// "3.1 %"; only nothing is "0 %".
std::string Percent(double share);
// With commas: "1,240,000".
std::string WithCommas(int64_t number);
// "1 kernel", "1,240 kernels".
std::string Counted(int64_t count, absl::string_view noun);

}  // namespace sluice

#endif  // SLUICE_GRAPH_UNITS_H_
