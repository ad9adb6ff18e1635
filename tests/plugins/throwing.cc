// A plug-in that throws when it is loaded.

#include <stdexcept>

namespace {
const int kNumber = []() -> int { throw std::runtime_error("nothing works today"); }();
}  // namespace

extern "C" int sluice_test_number() { return kNumber; }
