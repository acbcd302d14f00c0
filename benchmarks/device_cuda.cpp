#include <cuda_runtime.h>

#include "benchmarks/device.hpp"
#include "src/support/check.hpp"

namespace recpo::bench {
namespace {

void check_status(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  throw_error(ExitCode::kInternal, "CUDA: {} failed: {}", what, cudaGetErrorString(status));
}

}  // namespace

std::string device_name() {
  int device = 0;
  cudaDeviceProp properties;
  check_status(cudaGetDevice(&device), "cudaGetDevice");
  check_status(cudaGetDeviceProperties(&properties, device), "cudaGetDeviceProperties");
  return properties.name;
}

std::int64_t device_bytes_in_use() {
  std::size_t available = 0, total = 0;
  check_status(cudaMemGetInfo(&available, &total), "cudaMemGetInfo");
  return static_cast<std::int64_t>(total - available);
}

}  // namespace recpo::bench
