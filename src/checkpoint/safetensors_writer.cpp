#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "src/checkpoint/half.hpp"
#include "src/checkpoint/safetensors.hpp"
#include "src/checkpoint/safetensors_types.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/views.hpp"

namespace recpo::checkpoint {
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

ElementType element_type(const std::string& torch_dtype) {
  if (torch_dtype == "float32") return {"F32", 4};
  if (torch_dtype == "bfloat16") return {"BF16", 2};
  if (torch_dtype == "float16") return {"F16", 2};
  throw_usage("dtype {} is not known; known: float32, bfloat16, float16", torch_dtype);
}

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& path, const ElementType& type,
                                     std::span<const std::pair<std::string, std::vector<std::int64_t>>> tensors)
    : path_(path), type_(type) {
  nlohmann::ordered_json header = {{"__metadata__", {{"format", "pt"}}}};  // Transformers wants this entry
  for (const auto& [name, shape] : tensors) {
    const std::int64_t begin = missing_ * type_.bytes;
    std::int64_t size = 1;
    for (const std::int64_t extent : shape) size *= extent;
    missing_ += size;
    header[name] = {{"dtype", type_.dtype}, {"shape", shape}, {"data_offsets", {begin, missing_ * type_.bytes}}};
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
  if (is_stored_as<T>(type_.dtype)) {
    append_to_file(path_, {reinterpret_cast<const char*>(values.data()), values.size_bytes()});
  } else if (type_.dtype == "F32") {
    append_to_file(path_, convert_all(values, [](float value) { return value; }));
  } else if (type_.dtype == "BF16") {
    append_to_file(path_, convert_all(values, float_to_bfloat16));
  } else {
    append_to_file(path_, convert_all(values, float_to_float16));
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
