#ifndef SLUICE_CMAKE_PLUGIN_STAMP_H_
#define SLUICE_CMAKE_PLUGIN_STAMP_H_

#include <array>
#include <cstdint>
#include <string_view>

#include <sluice/data/corpus.h>
#include <sluice/data/probes/probe.h>
#include <sluice/graph/mix.h>
#include <sluice/graph/op.h>
#include <sluice/layers/cell.h>
#include <sluice/optim/optimizer.h>

namespace sluice {

// What a plug-in says it was built against. It stands in the plug-in's bytes, where the program
// reads it before it loads the plug-in, since loading runs its code:
//   sluice-plugin-stamp:<version>/<layout>;
inline constexpr std::string_view kStampStart = "sluice-plugin-stamp:";
inline constexpr std::string_view kStampVersion = SLUICE_VERSION;
inline constexpr char kStampEnd = ';';

// Differs where records or what they are made of differ in size: by another version's headers or
// another standard library.
constexpr uint64_t StampLayout() {
  uint64_t hash = 0;
  for (const uint64_t size : {sizeof(Op),
                              sizeof(CellRecord),
                              sizeof(CellOption),
                              sizeof(GateRecord),
                              sizeof(CellSize),
                              sizeof(CellOptions),
                              sizeof(State),
                              sizeof(GateInput),
                              sizeof(GateInput::Options),
                              sizeof(ParameterCount),
                              sizeof(LinearRecurrence),
                              sizeof(OptimizerRecord),
                              sizeof(CorpusRecord),
                              sizeof(ProbeRecord),
                              sizeof(Attributes),
                              sizeof(TensorType),
                              sizeof(Tensor),
                              sizeof(Tape),
                              sizeof(Variable),
                              sizeof(absl::Status),
                              sizeof(std::string),
                              alignof(std::max_align_t)}) {
    hash = Mix(hash, size);
  }
  return hash;
}

inline constexpr auto kPluginStamp = [] {
  constexpr size_t kDigits = 16;
  std::array<char, kStampStart.size() + kStampVersion.size() + 1 + kDigits + 1> stamp = {};
  size_t place = 0;
  for (const char c : kStampStart) stamp[place++] = c;
  for (const char c : kStampVersion) stamp[place++] = c;
  stamp[place++] = '/';
  for (size_t digit = 0; digit < kDigits; ++digit) {
    stamp[place++] = "0123456789abcdef"[StampLayout() >> (4 * digit) & 15];
  }
  stamp[place++] = kStampEnd;
  return stamp;
}();

}  // namespace sluice

#endif  // SLUICE_CMAKE_PLUGIN_STAMP_H_
