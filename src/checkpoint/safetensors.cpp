#include "src/checkpoint/safetensors.hpp"

#include <algorithm>
#include <map>

#include "src/support/check.hpp"
#include "src/support/json.hpp"

namespace recpo::checkpoint {
namespace {
constexpr std::uint64_t kLengthBytes = 8;
constexpr std::uint64_t kLongestHeader = std::uint64_t{1} << 24;  // thousands of layers need less
constexpr std::size_t kMostDimensions = 8;
constexpr int kHeaderDepth = 4;

// A non-negative whole number at most `limit`; JSON's negative, fractional and huge ones are refused.
std::uint64_t checked_number(const nlohmann::json& value, std::uint64_t limit, const std::string& where) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > limit)
    throw_input("{} must be whole numbers from 0 to {}", where, limit);
  return value.get<std::uint64_t>();
}

// shape's product times the element's bytes, refused before it can pass the data's own size
void parse_shape(const nlohmann::json& json, std::uint64_t data_bytes, const std::string& where, Tensor& tensor) {
  std::uint64_t bytes = element_bytes(tensor.dtype);
  if (bytes == 0) throw_input("{}: unknown dtype {}", where, nlohmann::json(tensor.dtype).dump());
  if (!json.is_array() || json.size() > kMostDimensions)
    throw_input("{}: shape must be a list of at most {} numbers", where, kMostDimensions);
  for (const nlohmann::json& extent : json) {
    const std::uint64_t count = checked_number(extent, INT64_MAX, where + ": shape");
    if (count != 0 && bytes > data_bytes / count)
      throw_input("{}: shape {} needs more than the file's {} bytes of data", where, json.dump(), data_bytes);
    bytes *= count;
    tensor.shape.push_back(static_cast<std::int64_t>(count));
  }
  if (tensor.end - tensor.begin != bytes)
    throw_input("{}: shape {} of {} needs {} bytes, data_offsets span {}", where, json.dump(), tensor.dtype, bytes,
                tensor.end - tensor.begin);
}

// Names stand in one-line messages.
void check_name(const std::string& name, const std::string& source) {
  const auto is_control = [](unsigned char c) { return c < ' ' || c == 127; };
  if (name.empty() || std::ranges::any_of(name, is_control))
    throw_input("{}: tensor {}: a name is text without control characters", source, nlohmann::json(name).dump());
}

Tensor parse_tensor(const std::string& name, const nlohmann::json& json, std::uint64_t data_bytes,
                    const std::string& source) {
  check_name(name, source);
  const std::string where = fmt::format("{}: tensor {}", source, name);
  const JsonObject entry(json, where);
  Tensor tensor;
  tensor.name = name;
  tensor.dtype = entry.text("dtype");
  const nlohmann::json& offsets = entry.at("data_offsets");
  if (!offsets.is_array() || offsets.size() != 2) throw_input("{}: data_offsets must be two numbers", where);
  tensor.begin = checked_number(offsets[0], data_bytes, where + ": data_offsets");
  tensor.end = checked_number(offsets[1], data_bytes, where + ": data_offsets");
  if (tensor.begin > tensor.end) throw_input("{}: data_offsets end before they begin", where);
  parse_shape(entry.at("shape"), data_bytes, where, tensor);
  return tensor;
}

// Free text by key; nothing in it is used.
void check_metadata(const JsonObject& metadata) {
  for (const auto& [key, value] : metadata.value().items())
    if (!value.is_string())
      throw_input("{}: {} must be a text in quotes", metadata.source(), nlohmann::json(key).dump());
}

// The tensors tile the data: each begins where the one before ended.
void check_tiling(const std::vector<Tensor>& tensors, std::uint64_t data_bytes, const std::string& source) {
  std::uint64_t end = 0;
  for (const Tensor& tensor : tensors) {
    if (tensor.begin != end)
      throw_input("{}: tensor {} begins at byte {} of the data, the one before ends at {}", source, tensor.name,
                  tensor.begin, end);
    end = tensor.end;
  }
  if (end != data_bytes)
    throw_input("{}: the tensors end at byte {} of the data, which has {}", source, end, data_bytes);
}

std::uint64_t header_length(std::string_view file, const std::string& source) {
  if (file.size() < kLengthBytes) throw_input("{}: {} bytes are no safetensors file", source, file.size());
  std::uint64_t length = 0;
  for (std::uint64_t i = kLengthBytes; i-- > 0;) length = length << 8 | static_cast<unsigned char>(file[i]);
  if (length > kLongestHeader)
    throw_input("{}: header of {} bytes, more than the {} allowed", source, length, kLongestHeader);
  if (length > file.size() - kLengthBytes)
    throw_input("{}: header of {} bytes in a file of {}: cut off, or no safetensors file", source, length, file.size());
  return length;
}
}  // namespace

int element_bytes(const std::string& dtype) {
  static const std::map<std::string, int> bytes = {{"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E5M2", 1}, {"F8_E4M3", 1},
                                                   {"I16", 2},  {"U16", 2}, {"F16", 2}, {"BF16", 2},    {"I32", 4},
                                                   {"U32", 4},  {"F32", 4}, {"F64", 8}, {"I64", 8},     {"U64", 8}};
  const auto found = bytes.find(dtype);
  return found == bytes.end() ? 0 : found->second;
}

std::int64_t Tensor::size() const {
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) count *= extent;
  return count;
}

std::string format_shape(std::span<const std::int64_t> shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

std::vector<Tensor> parse_safetensors(std::string_view file, const std::string& source) {
  const std::uint64_t length = header_length(file, source);
  const std::uint64_t data_begin = kLengthBytes + length, data_bytes = file.size() - data_begin;
  const nlohmann::json header = parse_json(file.substr(kLengthBytes, length), source + ": header", kHeaderDepth);
  std::vector<Tensor> tensors;
  const JsonObject object(header, source + ": header");
  if (object.has("__metadata__")) check_metadata(object.object("__metadata__"));
  for (const auto& [name, entry] : object.value().items())
    if (name != "__metadata__") tensors.push_back(parse_tensor(name, entry, data_bytes, source));
  // An empty tensor lies before the one that begins at the same byte.
  std::ranges::sort(tensors, {}, [](const Tensor& tensor) { return std::pair(tensor.begin, tensor.end); });
  check_tiling(tensors, data_bytes, source);
  for (Tensor& tensor : tensors) tensor.begin += data_begin, tensor.end += data_begin;
  return tensors;
}

}  // namespace recpo::checkpoint
