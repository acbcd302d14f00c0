# How recpo's own sources are compiled: the interface target recpo_options, the only place for compiler flags.
# The instruction set (-march) comes from Kokkos, and only to the sources that see Kokkos.

find_program(RECPO_CCACHE ccache)
mark_as_advanced(RECPO_CCACHE)
if(RECPO_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Paths are hashed relative to the project, so that all clones and worktrees of a machine share what is compiled.
  set(settings CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime)
  # -march=native means another thing on another processor: the note beside Kokkos names the processor, so it is hashed.
  if(EXISTS ${RECPO_KOKKOS_PREFIX}/recpo-build.txt)
    list(APPEND settings CCACHE_EXTRAFILES=${RECPO_KOKKOS_PREFIX}/recpo-build.txt)
  endif()
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env ${settings} ${RECPO_CCACHE})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
endif()

# No errno and no trapping arithmetic: both keep loops from being vectorized. Nothing that changes a result is used.
set(host_flags -Wall -Wextra -fno-math-errno -fno-trapping-math)

add_library(recpo_options INTERFACE)
target_include_directories(recpo_options INTERFACE ${PROJECT_SOURCE_DIR})
target_link_libraries(recpo_options INTERFACE fmt::fmt spdlog::spdlog)
target_compile_options(recpo_options INTERFACE
  "$<$<COMPILE_LANGUAGE:CXX>:${host_flags};-Wpedantic;-Wno-unknown-pragmas;-fpch-preprocess>")
if(RECPO_CUDA)
  list(JOIN host_flags "," host_flags_of_nvcc)
  # fmt 9 turns half of its constexpr off under nvcc, which then refuses the other half.
  target_compile_definitions(recpo_options INTERFACE $<$<COMPILE_LANGUAGE:CUDA>:FMT_USE_CONSTEXPR=1>)
  target_compile_options(recpo_options INTERFACE
    "$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=${host_flags_of_nvcc};--expt-relaxed-constexpr;SHELL:-include ${RECPO_CUDA_COMPAT}>")
endif()
# Tests' own code runs for moments and compiles for minutes. Not nvcc's: it takes -O once.
target_compile_options(recpo_options INTERFACE
  "$<$<AND:$<COMPILE_LANGUAGE:CXX>,$<BOOL:$<TARGET_PROPERTY:RECPO_TEST_CODE>>>:-O1>")
if(RECPO_SANITIZE)  # of the program; the tests' own code is linked as it is, which halves the time of that build
  target_compile_options(recpo_options INTERFACE
    "$<$<NOT:$<BOOL:$<TARGET_PROPERTY:RECPO_TEST_CODE>>>:-fsanitize=${RECPO_SANITIZE};-fno-sanitize-recover=all>"
    -fno-omit-frame-pointer -O1 -g1)
  target_link_options(recpo_options INTERFACE -fsanitize=${RECPO_SANITIZE})
endif()
