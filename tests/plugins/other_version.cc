// What a plug-in of another version would be. It must not be loaded, so it would say so.

#include <cstdio>
#include <cstdlib>

extern "C" const char sluice_plugin_stamp[] = "sluice-plugin-stamp:0.0.7/0123456789abcdef;";

namespace {
const int kLoaded = [] {
  std::puts("the plug-in of another version was loaded");
  std::exit(3);
  return 0;
}();
}  // namespace

extern "C" int sluice_test_loaded() { return kLoaded; }
