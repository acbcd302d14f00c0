# recpo_version: the library behind src/support/version.hpp. Included by the build, it defines the target; run with
# `cmake -P` by that target, it asks git and writes the source only when the answer changed.
if(CMAKE_SCRIPT_MODE_FILE)
  execute_process(COMMAND git describe --always --dirty --tags WORKING_DIRECTORY ${SOURCE_DIR}
                  OUTPUT_VARIABLE RECPO_GIT OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE status ERROR_QUIET)
  if(NOT status EQUAL 0)
    set(RECPO_GIT "unknown")
  endif()
  configure_file(${TEMPLATE} ${OUTPUT} @ONLY)
  return()
endif()

string(JOIN ", " RECPO_LIBRARIES
  "Kokkos ${Kokkos_VERSION} (${Kokkos_DEVICES})" "MPI ${MPI_CXX_VERSION}" "HDF5 ${HDF5_VERSION}")
if(RECPO_CUDA)
  string(APPEND RECPO_LIBRARIES ", CUDA ${CMAKE_CUDA_COMPILER_VERSION} for sm_${CMAKE_CUDA_ARCHITECTURES}")
endif()
string(STRIP "${CMAKE_BUILD_TYPE} ${RECPO_SANITIZE}" build)
set(output ${PROJECT_BINARY_DIR}/generated/version.cpp)
add_custom_target(recpo_git_description BYPRODUCTS ${output} COMMAND ${CMAKE_COMMAND}
  -D SOURCE_DIR=${PROJECT_SOURCE_DIR} -D TEMPLATE=${PROJECT_SOURCE_DIR}/src/support/version.cpp.in -D OUTPUT=${output}
  -D "RECPO_VERSION=${PROJECT_VERSION}" -D "RECPO_BUILD=${build}"
  -D "RECPO_COMPILER=${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}" -D "RECPO_LIBRARIES=${RECPO_LIBRARIES}"
  -P ${CMAKE_CURRENT_LIST_FILE} VERBATIM)
add_library(recpo_version STATIC ${output})
add_dependencies(recpo_version recpo_git_description)
target_link_libraries(recpo_version PRIVATE recpo_options)
