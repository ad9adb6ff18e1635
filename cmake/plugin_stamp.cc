// Part of every plug-in: sluice_add_plugin adds it.

#include "plugin_stamp.h"

// Visible, so that no linker leaves it out.
extern "C" [[gnu::used, gnu::visibility("default")]] constinit const auto sluice_plugin_stamp =
    sluice::kPluginStamp;
