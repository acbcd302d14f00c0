# How recpo's own sources are compiled: the interface target recpo_options, the only place for compiler flags.
# The instruction set (-march) comes from Kokkos, and only to the sources that see Kokkos.

find_program(RECPO_CCACHE ccache)
mark_as_advanced(RECPO_CCACHE)
if(RECPO_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # -march=native means another thing on another processor: the note beside Kokkos names the processor, so it is hashed.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env "CCACHE_EXTRAFILES=${RECPO_KOKKOS_PREFIX}/recpo-build.txt" ${RECPO_CCACHE})
  if(NOT EXISTS ${RECPO_KOKKOS_PREFIX}/recpo-build.txt)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${RECPO_CCACHE})
  endif()
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
endif()

# No errno and no trapping arithmetic: both keep loops from being vectorized. Nothing that changes a result is used.
set(host_flags -Wall -Wextra -fno-math-errno -fno-trapping-math)

add_library(recpo_options INTERFACE)
target_include_directories(recpo_options INTERFACE ${PROJECT_SOURCE_DIR})
target_link_libraries(recpo_options INTERFACE fmt::fmt spdlog::spdlog)
target_compile_options(recpo_options INTERFACE
  "$<$<COMPILE_LANGUAGE:CXX>:${host_flags};-Wpedantic;-Wno-unknown-pragmas>")
if(RECPO_CUDA)
  list(JOIN host_flags "," host_flags_of_nvcc)
  # fmt 9 turns half of its constexpr off under nvcc, which then refuses the other half.
  target_compile_definitions(recpo_options INTERFACE $<$<COMPILE_LANGUAGE:CUDA>:FMT_USE_CONSTEXPR=1>)
  target_compile_options(recpo_options INTERFACE
    "$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=${host_flags_of_nvcc};--expt-relaxed-constexpr;SHELL:-include ${RECPO_CUDA_COMPAT}>")
endif()
if(RECPO_SANITIZE)
  target_compile_options(recpo_options INTERFACE
    -fsanitize=${RECPO_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -g1)
  target_link_options(recpo_options INTERFACE -fsanitize=${RECPO_SANITIZE})
endif()
