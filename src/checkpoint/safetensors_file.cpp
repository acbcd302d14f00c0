#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "src/checkpoint/half.hpp"
#include "src/checkpoint/safetensors.hpp"
#include "src/checkpoint/safetensors_types.hpp"
#include "src/support/check.hpp"
#include "src/support/views.hpp"

namespace recpo::checkpoint {
namespace fs = std::filesystem;

namespace {
std::shared_ptr<const std::string_view> map_file(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) throw_input("cannot read {}: {}", path.string(), std::strerror(errno));
  struct stat status {};
  const bool regular = ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
  const auto size = regular ? static_cast<std::size_t>(status.st_size) : 0;
  void* memory = size > 0 ? ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0) : nullptr;
  const int error = errno;
  ::close(descriptor);
  if (!regular) throw_input("{} is not a regular file", path.string());
  if (memory == MAP_FAILED) throw_input("cannot read {}: {}", path.string(), std::strerror(error));
  if (size > 0) ::madvise(memory, size, MADV_SEQUENTIAL);  // only advice: what it answers does not matter
  const auto unmap = [](const std::string_view* view) {
    if (!view->empty()) ::munmap(const_cast<char*>(view->data()), view->size());
    delete view;
  };
  return {new std::string_view(static_cast<const char*>(memory), size), unmap};
}

// Elements in a file need not be aligned, so they are copied out one by one.
template <class Stored, class T, class Convert>
void convert_all(const char* bytes, std::span<T> values, Convert convert) {
  for (T& value : values) {
    Stored stored;
    std::memcpy(&stored, bytes, sizeof stored);
    value = static_cast<T>(convert(stored));
    bytes += sizeof stored;
  }
}
}  // namespace

SafetensorsFile::SafetensorsFile(const fs::path& path)
    : path_(path), file_(map_file(path)), tensors_(parse_safetensors(*file_, path.string())) {
  forget(0, file_->size());
}

const Tensor* SafetensorsFile::find(const std::string& name) const {
  const auto found = std::ranges::find(tensors_, name, &Tensor::name);
  return found == tensors_.end() ? nullptr : &*found;
}

template <class T>
void SafetensorsFile::read(const Tensor& tensor, std::int64_t begin, std::span<T> values) const {
  RECPO_REQUIRE(begin >= 0 && begin + static_cast<std::int64_t>(values.size()) <= tensor.size());
  if (values.empty()) return;
  const char* bytes = file_->data() + tensor.begin + begin * element_bytes(tensor.dtype);
  if (is_stored_as<T>(tensor.dtype)) {
    std::memcpy(static_cast<void*>(values.data()), bytes, values.size_bytes());
  } else if (tensor.dtype == "F32") {
    convert_all<float>(bytes, values, [](float value) { return value; });
  } else if (tensor.dtype == "BF16") {
    convert_all<std::uint16_t>(bytes, values, bfloat16_to_float);
  } else if (tensor.dtype == "F16") {
    convert_all<std::uint16_t>(bytes, values, float16_to_float);
  } else {
    throw_input("{}: tensor {} has dtype {}; supported are F32, BF16 and F16", path_.string(), tensor.name,
                tensor.dtype);
  }
}

void SafetensorsFile::release(const Tensor& tensor) const { forget(tensor.begin, tensor.end); }

// Whole pages around the bytes; a page still wanted comes back from the file.
void SafetensorsFile::forget(std::uint64_t begin, std::uint64_t end) const {
  static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t first = begin / page * page;
  if (end > first) ::madvise(const_cast<char*>(file_->data()) + first, end - first, MADV_DONTNEED);
}

#define RECPO_INSTANTIATE(T) template void SafetensorsFile::read<T>(const Tensor&, std::int64_t, std::span<T>) const;
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::checkpoint
