# sluice_add_plugin(<name> <source>...): builds lib<name>.so, which registers its ops, cells, optimizers, corpora or
# probes when it is loaded (`sluice --plugin=path/lib<name>.so`).
function(sluice_add_plugin name)
  add_library(${name} MODULE ${ARGN})
  set_target_properties(${name} PROPERTIES PREFIX lib SUFFIX .so)
  target_link_libraries(${name} PRIVATE sluice::sluice)
endfunction()
