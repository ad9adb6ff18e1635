# sluice_add_plugin(<name> <source>...): builds lib<name>.so, which registers its ops, cells, optimizers, corpora or
# probes when it is loaded (`sluice --plugin=path/lib<name>.so`). It carries a stamp of the version it is built against.
set_property(GLOBAL PROPERTY SLUICE_VERSION "${sluice_VERSION}")

function(sluice_add_plugin name)
  set(stamp ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/plugin_stamp.cc)
  add_library(${name} MODULE ${ARGN} ${stamp})
  set_target_properties(${name} PROPERTIES PREFIX lib SUFFIX .so)
  target_link_libraries(${name} PRIVATE sluice::sluice)
  get_property(version GLOBAL PROPERTY SLUICE_VERSION)
  set_source_files_properties(${stamp} PROPERTIES COMPILE_DEFINITIONS "SLUICE_VERSION=\"${version}\"")
endfunction()
