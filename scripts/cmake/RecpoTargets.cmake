# recpo_library(NAME [DEVICE] [DEPENDS target ...]): one static library a folder, of all its sources.
#   DEVICE: the folder's sources see Kokkos, so a CUDA build compiles them as CUDA.
# recpo_test(NAME SOURCES file ... [DEVICE] [RANKS n ...] [DEPENDS target ...] [LABELS label ...])
# recpo_benchmark(NAME SOURCES file ... [DEPENDS target ...])
# recpo_registry(TARGET FOLDER MACRO LIST)

function(recpo_mark_device)
  if(RECPO_CUDA)
    set_source_files_properties(${ARGN} PROPERTIES LANGUAGE CUDA)
  endif()
endfunction()

# recpo_batch(LIST): the sources of a list as batches of RECPO_BATCH, files that include them, so that headers are read
# once for many. Files of registries stay alone: they call their parts by the same names.
function(recpo_batch list)
  if(RECPO_BATCH LESS 2)
    return()
  endif()
  set(alone "")
  set(together "")
  foreach(source IN LISTS ${list})
    file(RELATIVE_PATH path ${PROJECT_SOURCE_DIR} ${source})
    if(path MATCHES "/(datasets|models)/")
      list(APPEND alone ${source})
    else()
      list(APPEND together ${path})
    endif()
  endforeach()
  set(batches "")
  while(together)
    list(LENGTH batches number)
    list(SUBLIST together 0 ${RECPO_BATCH} batch)
    list(REMOVE_ITEM together ${batch})
    list(TRANSFORM batch REPLACE "(.+)" "#include \"\\1\"")
    list(JOIN batch "\n" text)
    set(file ${CMAKE_CURRENT_BINARY_DIR}/batch_${number}.cpp)
    file(CONFIGURE OUTPUT ${file} CONTENT "${text}\n")
    list(APPEND batches ${file})
  endwhile()
  # GCC takes the included files for headers, where an anonymous namespace would be a mistake.
  set_source_files_properties(${batches} PROPERTIES COMPILE_OPTIONS
    $<$<COMPILE_LANGUAGE:CXX>:-Wno-subobject-linkage>)
  set(${list} ${batches} ${alone} PARENT_SCOPE)
endfunction()

function(recpo_library name)
  cmake_parse_arguments(ARG "DEVICE" "" "DEPENDS;EXCLUDE" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  foreach(pattern IN LISTS ARG_EXCLUDE)
    list(FILTER sources EXCLUDE REGEX "${pattern}")
  endforeach()
  recpo_batch(sources)
  if(ARG_DEVICE)
    recpo_mark_device(${sources})
    list(APPEND ARG_DEPENDS Kokkos::kokkos)
  endif()
  if(sources)
    add_library(recpo_${name} STATIC ${sources})
    target_link_libraries(recpo_${name} PUBLIC recpo_options ${ARG_DEPENDS})
  else()
    add_library(recpo_${name} INTERFACE)
    target_link_libraries(recpo_${name} INTERFACE recpo_options ${ARG_DEPENDS})
  endif()
endfunction()

# recpo_registry(TARGET FOLDER MACRO LIST): LIST, an include file of TARGET, gets a line MACRO(NAME) for every FOLDER/NAME.cpp,
# so that a new file is found without editing another.
function(recpo_registry target folder macro list)
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cpp)
  set(lines "")
  foreach(file IN LISTS files)
    get_filename_component(name ${file} NAME_WE)
    string(APPEND lines "${macro}(${name})\n")
  endforeach()
  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${list} CONTENT "${lines}")
  target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_BINARY_DIR})
endfunction()

# What every test runs under. Threads sleep while they wait and are not bound, because tests share the cores.
set(RECPO_TEST_ENVIRONMENT
  OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 OMP_WAIT_POLICY=passive
  OMP_PROC_BIND=false)
if(RECPO_SANITIZE)
  list(APPEND RECPO_TEST_ENVIRONMENT UBSAN_OPTIONS=print_stacktrace=1
    "LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/support/leaks.supp:print_suppressions=0")
endif()

function(recpo_test name)
  cmake_parse_arguments(ARG "DEVICE" "" "SOURCES;RANKS;DEPENDS;LABELS" ${ARGN})
  if(ARG_DEVICE)
    recpo_mark_device(${ARG_SOURCES})
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE recpo_options ${ARG_DEPENDS} GTest::gtest)
  target_compile_definitions(${name} PRIVATE RECPO_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  if(NOT ARG_RANKS)
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}"
      ENVIRONMENT "${RECPO_TEST_ENVIRONMENT};OMP_NUM_THREADS=2")
  endif()
  if(RECPO_SANITIZE AND "8" IN_LIST ARG_RANKS)
    # Eight ranks under sanitizers take many minutes on two cores and reach no code that four do not.
    message(STATUS "${name}: 8 ranks are left to the optimised build")
    list(REMOVE_ITEM ARG_RANKS 8)
  endif()
  foreach(ranks IN LISTS ARG_RANKS)
    add_test(NAME ${name}_np${ranks}
             COMMAND ${MPIEXEC_EXECUTABLE} --oversubscribe -np ${ranks} $<TARGET_FILE:${name}>)
    # Leaks are looked for without MPI: its plugins keep memory, and have no frame pointers by which to recognise it.
    set_tests_properties(${name}_np${ranks} PROPERTIES LABELS "${ARG_LABELS};mpi" PROCESSORS ${ranks}
      ENVIRONMENT "${RECPO_TEST_ENVIRONMENT};OMP_NUM_THREADS=1;ASAN_OPTIONS=detect_leaks=0")
  endforeach()
endfunction()

function(recpo_benchmark name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  recpo_mark_device(${ARG_SOURCES})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE recpo_options ${ARG_DEPENDS} benchmark::benchmark)
endfunction()
