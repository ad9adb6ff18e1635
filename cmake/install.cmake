# `cmake --install`: headers, libsluice.so, the program, and what find_package(sluice) and pkg-config read.
include(CMakePackageConfigHelpers)

set(SLUICE_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/sluice)
set(SLUICE_PC_DIR ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(TARGETS sluice EXPORT sluice-targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET sluice_program)
  file(RELATIVE_PATH lib_from_bin /prefix/${CMAKE_INSTALL_BINDIR} /prefix/${CMAKE_INSTALL_LIBDIR})
  set_target_properties(sluice_program PROPERTIES INSTALL_RPATH "$ORIGIN/${lib_from_bin}")
  install(TARGETS sluice_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

# Every room's headers and the tables they include; not what only the library's own sources include.
install(DIRECTORY graph ops layers optim data DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/sluice
        FILES_MATCHING PATTERN "*.h" PATTERN "*.inc"
        PATTERN kernels EXCLUDE PATTERN equations EXCLUDE PATTERN passes EXCLUDE PATTERN program_state.h EXCLUDE
        PATTERN product_by_parts.h EXCLUDE
        PATTERN pass_record.h EXCLUDE PATTERN plan_summary.h EXCLUDE PATTERN plan_table.h EXCLUDE)

# The designs as equations, to start from.
install(DIRECTORY layers/cells DESTINATION ${CMAKE_INSTALL_DATADIR}/sluice FILES_MATCHING PATTERN "*.cell")

configure_package_config_file(cmake/sluice-config.cmake.in ${PROJECT_BINARY_DIR}/sluice-config.cmake
                              INSTALL_DESTINATION ${SLUICE_CMAKE_DIR})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/sluice-config-version.cmake COMPATIBILITY SameMinorVersion)
install(EXPORT sluice-targets NAMESPACE sluice:: DESTINATION ${SLUICE_CMAKE_DIR})
install(FILES ${PROJECT_BINARY_DIR}/sluice-config.cmake ${PROJECT_BINARY_DIR}/sluice-config-version.cmake
              ${PROJECT_SOURCE_DIR}/cmake/plugin.cmake ${PROJECT_SOURCE_DIR}/cmake/plugin_stamp.h
              ${PROJECT_SOURCE_DIR}/cmake/plugin_stamp.cc
        DESTINATION ${SLUICE_CMAKE_DIR})

# The pkg-config file finds its prefix from where it lies, so an installed tree may be moved.
file(RELATIVE_PATH SLUICE_PREFIX_FROM_PC /prefix/${SLUICE_PC_DIR} /prefix)
get_target_property(SLUICE_PC_REQUIRES sluice INTERFACE_LINK_LIBRARIES)
list(FILTER SLUICE_PC_REQUIRES INCLUDE REGEX "^absl::")
list(TRANSFORM SLUICE_PC_REQUIRES REPLACE "^absl::" "absl_")
list(JOIN SLUICE_PC_REQUIRES " " SLUICE_PC_REQUIRES)
configure_file(cmake/sluice.pc.in ${PROJECT_BINARY_DIR}/sluice.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/sluice.pc DESTINATION ${SLUICE_PC_DIR})
