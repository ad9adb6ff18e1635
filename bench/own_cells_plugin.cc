// The plug-in that bench_own_cell loads.

#include <sluice/bench/own_cells.h>

namespace {
const sluice::RegisterOwnCells kCells("plugin_");
}  // namespace
