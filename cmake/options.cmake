# Warnings, optimisation and sanitizers for everything that is built here, and for nothing that uses it.

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

add_compile_options(-Wall -Wextra
                    # Designated initializers leave out what keeps its default, and that is their use.
                    -Wno-missing-field-initializers
                    # gcc 12 sees uninitialised memory in moves of absl::InlinedVector, where there is none.
                    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
# A warning is an error. To build with a compiler this was not tried with: cmake --compile-no-warning-as-error
set(CMAKE_COMPILE_WARNING_AS_ERROR ON)

# The same bits whatever the compiler decides to contract: kernels write fused multiply-adds where they mean them.
add_compile_options(-ffp-contract=off)
if(SLUICE_NATIVE)
  add_compile_options(-march=native)
endif()

if(SLUICE_SANITIZE)
  # -O1 for whole stacks in reports at a bearable speed; without NDEBUG, so assertions count.
  set(CMAKE_BUILD_TYPE Sanitize)
  set(CMAKE_CXX_FLAGS_SANITIZE "-O1 -g1")
  # gcc 12 sees overflows and null pointers in instrumented code that are not there.
  set(CMAKE_COMPILE_WARNING_AS_ERROR OFF)
  add_compile_options(-fsanitize=${SLUICE_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${SLUICE_SANITIZE})
  if(SLUICE_SANITIZE MATCHES undefined)
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
endif()

# libtbb is not built with ThreadSanitizer, so the sanitizer does not see that a fork comes before its pieces and
# they before the join: every ParallelFor would be a race. A suppression by library or by `tbb::` frames would hide
# the races of the pieces themselves, since their stacks go through TBB. So the one file that uses TBB goes without
# instrumentation, and thread_sanitizer.cc, without it too, tells the sanitizer of fork and join around it.
# thread_sanitizer.supp, for TSAN_OPTIONS, leaves out what libtbb does on its own account, such as freeing memory.
# tests/sanitizers/ checks that races between pieces are still seen.
function(sluice_explain_tbb_to_thread_sanitizer target)
  set(parallel ${PROJECT_SOURCE_DIR}/graph/parallel.cc)
  set(around ${PROJECT_SOURCE_DIR}/cmake/thread_sanitizer.cc)
  target_sources(${target} PRIVATE ${around})
  # -O2 puts inline functions in place, where another file's instrumented copy of them cannot be linked instead.
  set_source_files_properties(${parallel} ${around} PROPERTIES COMPILE_OPTIONS "-fno-sanitize=thread;-O2")
  set_source_files_properties(${parallel} PROPERTIES COMPILE_DEFINITIONS
                              "ParallelFor=ParallelForUnseen;ParallelRanges=ParallelRangesUnseen;ParallelTasks=ParallelTasksUnseen")
endfunction()
