# Warnings, optimisation and sanitizers for everything that is built here.
add_compile_options(-Wall -Wextra -Werror -Wno-missing-field-initializers)
# gcc 12 sees uninitialised memory in moves of absl::InlinedVector, where there is none.
add_compile_options($<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
# The same bits whatever the compiler decides to contract: kernels write fused multiply-adds where they mean them.
add_compile_options(-ffp-contract=off)
if(SLUICE_NATIVE)
  add_compile_options(-march=native)
endif()
if(SLUICE_SANITIZE)
  add_compile_options(-fsanitize=${SLUICE_SANITIZE} -fno-omit-frame-pointer -g1)
  add_link_options(-fsanitize=${SLUICE_SANITIZE})
  if(SLUICE_SANITIZE MATCHES undefined)
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
endif()

# Adds the files of ops/kernels/ to `target`, compiled once for each instruction set; the program picks one at run time.
function(sluice_add_kernels target)
  file(GLOB kernel_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/ops/kernels/*.cc)
  set_source_files_properties(${CMAKE_SOURCE_DIR}/ops/kernels/product.cc PROPERTIES
                              COMPILE_OPTIONS -ffp-contract=fast)
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
    target_include_directories(${kernels} PRIVATE ${CMAKE_BINARY_DIR}/include)
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
