// A plug-in whose cell has a built-in one's name.

#include <sluice/layers/cell.h>

namespace {
const sluice::RegisterCell kTaken({.name = "gru", .title = "Another GRU"});
}  // namespace
