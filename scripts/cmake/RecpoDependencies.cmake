# Every third-party package recpo uses, in one place.
if(DEFINED ENV{RECPO_CACHE})
  set(RECPO_CACHE $ENV{RECPO_CACHE})  # what scripts/setup.sh fills
else()
  set(RECPO_CACHE $ENV{HOME}/.cache/recpo)
endif()
include(RecpoKokkos)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(ZLIB REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)
find_path(RECPO_TOMLPLUSPLUS_INCLUDE toml++/toml.h REQUIRED)
if(RECPO_FUZZ)  # the readers of files need no more
  return()
endif()
find_package(Threads REQUIRED)
set(MPI_CXX_SKIP_MPICXX ON)  # the C interface; the C++ bindings are gone from the standard
find_package(MPI REQUIRED COMPONENTS CXX)
find_package(CLI11 REQUIRED)
set(HDF5_PREFER_PARALLEL ON)
find_package(HDF5 REQUIRED COMPONENTS C)
if(NOT RECPO_CUDA)
  if(NOT BLA_VENDOR)
    set(BLA_VENDOR OpenBLAS)  # another CBLAS: -DBLA_VENDOR=...
  endif()
  find_package(BLAS REQUIRED)
else()
  find_package(CUDAToolkit REQUIRED)
  # Optional: without NCCL the GPU build communicates through MPI. It may lie beside the toolkit's libraries.
  find_library(RECPO_NCCL_LIBRARY nccl HINTS ${CUDAToolkit_LIBRARY_DIR} ${CUDAToolkit_LIBRARY_ROOT} PATH_SUFFIXES lib lib64)
  find_path(RECPO_NCCL_INCLUDE nccl.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
  # Optional: without cuDNN and its frontend (headers alone; scripts/setup.sh puts them into the cache) attention is made
  # of matrix products. The library is opened when the program runs, so it may be missing there.
  find_library(RECPO_CUDNN_LIBRARY cudnn libcudnn.so.9 HINTS ${CUDAToolkit_LIBRARY_DIR} ${CUDAToolkit_LIBRARY_ROOT}
               PATH_SUFFIXES lib lib64)
  find_path(RECPO_CUDNN_INCLUDE cudnn.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
  find_path(RECPO_CUDNN_FRONTEND_INCLUDE cudnn_frontend.h HINTS ${RECPO_CACHE}/cudnn-frontend-1.32.0/include)
endif()
if(RECPO_BUILD_TESTS)
  find_package(GTest REQUIRED)
  find_package(Python3 COMPONENTS Interpreter)
endif()
if(RECPO_BUILD_BENCHMARKS)
  find_package(benchmark REQUIRED)
endif()
