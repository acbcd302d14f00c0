#pragma once
// Force-included into every CUDA source. CUDA 13 changed the signatures of three runtime functions that Kokkos 4.7
// calls in their older form; these C++ overloads keep the old calls working. Empty for CUDA 12.

#if defined(__CUDACC__)
#include <cuda_runtime.h>
#if CUDART_VERSION >= 13000

inline cudaMemLocation recpo_device_location(int device) {
  cudaMemLocation location{};
  location.type = device == cudaCpuDeviceId ? cudaMemLocationTypeHost : cudaMemLocationTypeDevice;
  location.id = device == cudaCpuDeviceId ? 0 : device;
  return location;
}

inline cudaError_t cudaMemAdvise(const void* pointer, size_t count, cudaMemoryAdvise advice, int device) {
  return cudaMemAdvise(pointer, count, advice, recpo_device_location(device));
}

inline cudaError_t cudaMemPrefetchAsync(const void* pointer, size_t count, int device, cudaStream_t stream = nullptr) {
  return cudaMemPrefetchAsync(pointer, count, recpo_device_location(device), 0u, stream);
}

inline cudaError_t cudaGraphAddDependencies(cudaGraph_t graph, const cudaGraphNode_t* from, const cudaGraphNode_t* to,
                                            size_t count) {
  return cudaGraphAddDependencies(graph, from, to, nullptr, count);
}

#endif
#endif
