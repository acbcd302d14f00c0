# Precompiled headers (GCC, C++ sources): third-party and standard headers alone, so that a project header is still
# included by every file that uses it. A precompiled header belongs to one set of compiler flags: targets that see
# Kokkos, directly or through what they link, have another one than host code, and tests have GoogleTest in theirs.

option(RECPO_PRECOMPILE "Precompile third-party headers" ON)
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU" OR RECPO_CUDA)
  set(RECPO_PRECOMPILE OFF)
endif()

set(RECPO_HOST_HEADERS <algorithm> <array> <chrono> <cmath> <cstdint> <filesystem> <fstream> <functional> <map> <memory>
  <optional> <set> <span> <sstream> <string> <string_view> <unordered_map> <variant> <vector> <fmt/format.h>
  <fmt/ranges.h> <nlohmann/json.hpp>)

# recpo_sees_kokkos(OUT TARGET ...): whether one of the targets sees Kokkos.
function(recpo_sees_kokkos out)
  set(${out} FALSE PARENT_SCOPE)
  foreach(dependency IN LISTS ARGN)
    if(dependency STREQUAL "Kokkos::kokkos")
      set(${out} TRUE PARENT_SCOPE)
    elseif(TARGET ${dependency})
      get_target_property(sees ${dependency} RECPO_SEES_KOKKOS)
      if(sees)
        set(${out} TRUE PARENT_SCOPE)
      endif()
    endif()
  endforeach()
endfunction()

# recpo_precompile(TARGET HEADER-SET DEPENDENCY ...): HEADER-SET is library or test.
function(recpo_precompile target kind)
  recpo_sees_kokkos(device ${ARGN})
  set_target_properties(${target} PROPERTIES RECPO_SEES_KOKKOS ${device})
  if(NOT RECPO_PRECOMPILE)
    return()
  endif()
  set(headers ${RECPO_HOST_HEADERS})
  set(owner recpo_precompiled_host_${kind})
  set(libraries recpo_options nlohmann_json::nlohmann_json)
  if(device)
    list(APPEND headers <Kokkos_Core.hpp>)
    set(owner recpo_precompiled_device_${kind})
    list(APPEND libraries Kokkos::kokkos)
  endif()
  if(kind STREQUAL "test")
    list(APPEND headers <gtest/gtest.h>)
    list(APPEND libraries GTest::gtest)
  endif()
  if(NOT TARGET ${owner})
    file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/${owner}.cpp CONTENT "")
    add_library(${owner} OBJECT ${PROJECT_BINARY_DIR}/${owner}.cpp)
    target_link_libraries(${owner} PRIVATE ${libraries})
    target_precompile_headers(${owner} PRIVATE ${headers})
    if(kind STREQUAL "test")
      set_target_properties(${owner} PROPERTIES RECPO_TEST_CODE TRUE)
    endif()
  endif()
  target_precompile_headers(${target} REUSE_FROM ${owner})
endfunction()
