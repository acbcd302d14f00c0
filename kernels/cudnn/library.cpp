#include "kernels/cudnn/library.hpp"

#include <fmt/format.h>

#include "kernels/cudnn/frontend.hpp"
#include "src/support/check.hpp"

namespace cudnn_frontend {
void* cudnn_dlhandle = nullptr;  // declared by the frontend, defined by the program that opens the library
}  // namespace cudnn_frontend

namespace recpo::cudnn {

namespace frontend = cudnn_frontend;

namespace {

constexpr std::size_t kOldest = 91801;  // the first that takes packed sequences on compute capability 8

// The one that the loader finds, else the one the program was built beside.
std::string open() {
  frontend::cudnn_dlhandle = dlopen("libcudnn.so.9", RTLD_NOW);
  if (frontend::cudnn_dlhandle == nullptr) frontend::cudnn_dlhandle = dlopen(RECPO_CUDNN_LIBRARY, RTLD_NOW);
  if (frontend::cudnn_dlhandle == nullptr) return "libcudnn.so.9 is not found";
  if (frontend::detail::get_backend_version() < kOldest) return description() + " is older than 9.18.1";
  return "";
}

cudnnHandle_t created = nullptr;

}  // namespace

const std::string& unsupported_reason() {
  static const std::string why = open();
  return why;
}

std::string description() {
  const std::size_t version = frontend::detail::get_backend_version();
  return fmt::format("cuDNN {}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

cudnnContext* handle() {
  if (created != nullptr) return created;
  const cudnnStatus_t status = frontend::detail::create_handle(&created);
  if (status != CUDNN_STATUS_SUCCESS) {
    throw_error(ExitCode::kInternal, "cuDNN: no handle: {}", frontend::detail::get_error_string(status));
  }
  return created;
}

void destroy_handle() {
  if (created != nullptr) frontend::detail::destroy_handle(created);
  created = nullptr;
}

}  // namespace recpo::cudnn
