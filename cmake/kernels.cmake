# Adds the files of ops/kernels/ to `target`, compiled once for each instruction set; the program picks one at run time.
function(sluice_add_kernels target)
  file(GLOB kernel_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/ops/kernels/*.cc)
  # Their tiles mean one instruction by a * b + c.
  foreach(file IN ITEMS product.cc contract.cc reduction.cc)
    set_source_files_properties(${PROJECT_SOURCE_DIR}/ops/kernels/${file} PROPERTIES
                                COMPILE_OPTIONS -ffp-contract=fast)
  endforeach()
  # Functions of several vectors at once are meant to run side by side, which gcc does not do by itself.
  set_source_files_properties(${PROJECT_SOURCE_DIR}/ops/kernels/elementwise.cc PROPERTIES
                              COMPILE_OPTIONS "$<$<CXX_COMPILER_ID:GNU>:-fschedule-insns;-fsched-pressure>")
  set(instruction_sets baseline)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    list(APPEND instruction_sets avx2 avx512)
  endif()
  set(flags_baseline)
  set(flags_avx2 -mavx2 -mfma)
  set(flags_avx512 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mprefer-vector-width=512)
  foreach(instruction_set IN LISTS instruction_sets)
    set(kernels kernels_${instruction_set})
    add_library(${kernels} OBJECT ${kernel_sources})
    target_include_directories(${kernels} PRIVATE ${PROJECT_BINARY_DIR}/include)
    target_compile_definitions(${kernels} PRIVATE SLUICE_KERNELS=${instruction_set})
    target_compile_options(${kernels} PRIVATE -O3 -fno-math-errno -fno-trapping-math
                                              ${flags_${instruction_set}}
                                              # clang: functions of libm stay calls, and that is meant
                                              $<$<CXX_COMPILER_ID:Clang>:-Wno-pass-failed>)
    set_target_properties(${kernels} PROPERTIES POSITION_INDEPENDENT_CODE ON)
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:${kernels}>)
    string(TOUPPER ${instruction_set} upper)
    target_compile_definitions(${target} PRIVATE SLUICE_HAS_${upper})
  endforeach()
endfunction()
