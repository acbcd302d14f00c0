# recpo_library(NAME [DEVICE] [SOURCES file ...] [EXCLUDE regex ...] [DEPENDS target ...]): one static library a folder, of
# all its sources or those named.
#   DEVICE: the folder's sources see Kokkos, so a CUDA build compiles them as CUDA.
# recpo_double_libraries(NAME ...): of libraries, low to high, what tests need for double
# recpo_test(NAME SOURCES file ... [DEVICE] [RANKS n ... [NESTED]] [DEPENDS target ...] [LABELS label ...]
#            [WITHOUT pattern ...])
#   RANKS: runs under mpirun, once for each number. On 8 ranks it is `long`: only scripts/test.sh --all runs it.
#   NESTED: more ranks run every case of fewer, so that --all passes over the fewer (label `nested`).
#   WITHOUT: GoogleTest names that this build cannot run; ctest leaves them out.
# recpo_benchmark(NAME SOURCES file ... [DEPENDS target ...])
# recpo_registry(TARGET FOLDER MACRO LIST)

function(recpo_mark_device)
  if(RECPO_CUDA)
    set_source_files_properties(${ARGN} PROPERTIES LANGUAGE CUDA)
  endif()
endfunction()

# recpo_batch(LIST NAME): the sources of a list as batches of RECPO_BATCH, files NAME_batch_* that include them, so that
# headers are read once for many. Files of registries stay alone: they call their parts by the same names.
function(recpo_batch list name)
  if(RECPO_BATCH LESS 2)
    return()
  endif()
  set(alone "")
  set(together "")
  foreach(source IN LISTS ${list})
    file(RELATIVE_PATH path ${PROJECT_SOURCE_DIR} ${source})
    if(path MATCHES "/(architectures|datasets|models|objectives|metrics|tests)/")
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
    set(file ${CMAKE_CURRENT_BINARY_DIR}/${name}_batch_${number}.cpp)
    file(CONFIGURE OUTPUT ${file} CONTENT "${text}\n")
    list(APPEND batches ${file})
  endwhile()
  # GCC takes the included files for headers, where an anonymous namespace would be a mistake.
  set_source_files_properties(${batches} PROPERTIES COMPILE_OPTIONS
    $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-subobject-linkage>)
  set(${list} ${batches} ${alone} PARENT_SCOPE)
endfunction()

function(recpo_library name)
  cmake_parse_arguments(ARG "DEVICE" "" "DEPENDS;EXCLUDE;SOURCES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  if(ARG_SOURCES)
    list(TRANSFORM ARG_SOURCES PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/ OUTPUT_VARIABLE sources)
  endif()
  foreach(pattern IN LISTS ARG_EXCLUDE)
    list(FILTER sources EXCLUDE REGEX "${pattern}")
  endforeach()
  set(files ${sources})
  recpo_batch(sources ${name})
  if(ARG_DEVICE)
    recpo_mark_device(${sources})
    list(APPEND ARG_DEPENDS Kokkos::kokkos)
  endif()
  if(sources)
    add_library(recpo_${name} STATIC ${sources})
    target_link_libraries(recpo_${name} PUBLIC recpo_options ${ARG_DEPENDS})
    recpo_precompile(recpo_${name} library ${ARG_DEPENDS})
    set_target_properties(recpo_${name} PROPERTIES RECPO_FILES "${files}")
  else()
    add_library(recpo_${name} INTERFACE)
    target_link_libraries(recpo_${name} INTERFACE recpo_options ${ARG_DEPENDS})
  endif()
endfunction()

# recpo_NAME_double holds those sources of recpo_NAME that instantiate templates for storage types, compiled for double
# alone (src/support/views.hpp), in batches. Functions that are no templates are then in both libraries, alike, and the
# linker takes the first.
function(recpo_double_libraries)
  set(RECPO_BATCH 8)
  set(lower "")
  foreach(name IN LISTS ARGN)
    get_target_property(files recpo_${name} RECPO_FILES)
    set(sources "")
    foreach(file IN LISTS files)
      file(STRINGS ${file} instantiations REGEX "^RECPO_(FOR_EACH|INSTANTIATE)_" LIMIT_COUNT 1)
      if(instantiations)
        list(APPEND sources ${file})
      endif()
    endforeach()
    recpo_batch(sources ${name}_double)
    recpo_mark_device(${sources})
    add_library(recpo_${name}_double STATIC ${sources})
    target_compile_definitions(recpo_${name}_double PRIVATE RECPO_DOUBLE)
    target_link_libraries(recpo_${name}_double PUBLIC recpo_${name} ${lower})
    target_link_options(recpo_${name}_double INTERFACE LINKER:--allow-multiple-definition)
    recpo_precompile(recpo_${name}_double library Kokkos::kokkos)
    list(APPEND lower recpo_${name}_double)
  endforeach()
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
  cmake_parse_arguments(ARG "DEVICE;NESTED" "" "SOURCES;RANKS;DEPENDS;LABELS;WITHOUT" ${ARGN})
  if(ARG_DEVICE)
    recpo_mark_device(${ARG_SOURCES})
  endif()
  set(filter "")
  if(ARG_WITHOUT)
    list(JOIN ARG_WITHOUT ":" patterns)
    set(filter "--gtest_filter=-${patterns}")
    message(STATUS "${name}: this build runs no ${patterns}")
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE recpo_options ${ARG_DEPENDS} GTest::gtest)
  recpo_precompile(${name} test ${ARG_DEPENDS})
  set_target_properties(${name} PROPERTIES RECPO_TEST_CODE TRUE)
  target_compile_definitions(${name} PRIVATE RECPO_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  if(NOT ARG_RANKS)
    add_test(NAME ${name} COMMAND ${name} ${filter})
    set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}"
      ENVIRONMENT "${RECPO_TEST_ENVIRONMENT};OMP_NUM_THREADS=2")
  endif()
  if(RECPO_SANITIZE AND "8" IN_LIST ARG_RANKS)
    # Eight ranks under sanitizers take many minutes on two cores and reach no code that four do not.
    message(STATUS "${name}: 8 ranks are left to the optimised build")
    list(REMOVE_ITEM ARG_RANKS 8)
  endif()
  foreach(ranks IN LISTS ARG_RANKS)
    set(labels ${ARG_LABELS} mpi)
    if(ranks EQUAL 8)
      list(APPEND labels long)
    elseif(ARG_NESTED AND "8" IN_LIST ARG_RANKS)
      list(APPEND labels nested)
    endif()
    add_test(NAME ${name}_np${ranks}
             COMMAND ${MPIEXEC_EXECUTABLE} --oversubscribe -np ${ranks} $<TARGET_FILE:${name}> ${filter})
    # Leaks are looked for without MPI: its plugins keep memory, and have no frame pointers by which to recognise it.
    set_tests_properties(${name}_np${ranks} PROPERTIES LABELS "${labels}" PROCESSORS ${ranks}
      ENVIRONMENT "${RECPO_TEST_ENVIRONMENT};OMP_NUM_THREADS=1;ASAN_OPTIONS=detect_leaks=0")
  endforeach()
endfunction()

function(recpo_benchmark name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  recpo_mark_device(${ARG_SOURCES})
  add_executable(${name} EXCLUDE_FROM_ALL ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE recpo_options ${ARG_DEPENDS} benchmark::benchmark)
  add_dependencies(benchmarks ${name})
endfunction()
