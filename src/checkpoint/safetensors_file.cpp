#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "src/checkpoint/float16.hpp"
#include "src/checkpoint/safetensors.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
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
  const std::optional<Dtype> dtype = tensor.number();
  if (!dtype)
    throw_input("{}: tensor {} has dtype {}; supported are F32, BF16 and F16", path_.string(), tensor.name,
                tensor.dtype);
  if (dtype == kDtype<T>) {
    std::memcpy(static_cast<void*>(values.data()), bytes, values.size_bytes());
  } else if (dtype == Dtype::kFloat32) {
    convert_all<float>(bytes, values, [](float value) { return value; });
  } else {
    convert_all<std::uint16_t>(bytes, values, dtype == Dtype::kBfloat16 ? bfloat16_to_float : float16_to_float);
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

namespace {
constexpr std::size_t kAlignment = 8;  // of the first tensor, by spaces behind the header

template <class T, class Convert>
std::string convert_all(std::span<const T> values, Convert convert) {
  using Stored = decltype(convert(0.0f));
  std::string bytes(values.size() * sizeof(Stored), '\0');
  char* next = bytes.data();
  for (const T value : values) {
    const Stored stored = convert(static_cast<float>(value));
    std::memcpy(next, &stored, sizeof stored);
    next += sizeof stored;
  }
  return bytes;
}

std::string length_prefix(std::uint64_t length) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(length >> (8 * i) & 0xFF);
  return bytes;
}
}  // namespace

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& path, Dtype dtype,
                                     std::span<const std::pair<std::string, std::vector<std::int64_t>>> tensors)
    : path_(path), dtype_(dtype) {
  const int element = element_bytes(format_name(dtype));
  nlohmann::ordered_json header = {{"__metadata__", {{"format", "pt"}}}};  // Transformers wants this entry
  for (const auto& [name, shape] : tensors) {
    const std::int64_t begin = missing_ * element;
    std::int64_t size = 1;
    for (const std::int64_t extent : shape) size *= extent;
    missing_ += size;
    header[name] = {{"dtype", format_name(dtype)}, {"shape", shape}, {"data_offsets", {begin, missing_ * element}}};
  }
  std::string text = header.dump();
  text.append((kAlignment - text.size() % kAlignment) % kAlignment, ' ');
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
  append_to_file(path_, length_prefix(text.size()) + text);
}

template <class T>
void SafetensorsWriter::append(std::span<const T> values) {
  missing_ -= static_cast<std::int64_t>(values.size());
  if (dtype_ == kDtype<T>) {
    append_to_file(path_, {reinterpret_cast<const char*>(values.data()), values.size_bytes()});
  } else if (dtype_ == Dtype::kFloat32) {
    append_to_file(path_, convert_all(values, [](float value) { return value; }));
  } else {
    append_to_file(path_, convert_all(values, dtype_ == Dtype::kBfloat16 ? float_to_bfloat16 : float_to_float16));
  }
}

void SafetensorsWriter::close() {
  RECPO_REQUIRE(missing_ == 0);
  sync_path(path_);
}

#define RECPO_INSTANTIATE(T) template void SafetensorsWriter::append<T>(std::span<const T>);
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::checkpoint
