#include "src/checkpoint/safetensors.hpp"

#include <algorithm>

#include "src/support/check.hpp"
#include "src/support/json.hpp"

namespace recpo::checkpoint {
namespace {
constexpr std::uint64_t kLengthBytes = 8;
constexpr std::uint64_t kLongestHeader = std::uint64_t{1} << 24;  // thousands of layers need less
constexpr std::size_t kMaxDimensions = 8;
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
  if (!json.is_array() || json.size() > kMaxDimensions)
    throw_input("{}: shape must be a list of at most {} numbers", where, kMaxDimensions);
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

namespace {
constexpr std::array kFormatNames = {"F32", "BF16", "F16"};  // in the order of Dtype
constexpr const char* kMetadata = "__metadata__";
}  // namespace

const char* format_name(Dtype dtype) { return kFormatNames.at(static_cast<std::size_t>(dtype)); }

std::optional<Dtype> Tensor::number() const {
  const auto* found = std::ranges::find(kFormatNames, dtype);
  if (found == kFormatNames.end()) return std::nullopt;
  return static_cast<Dtype>(found - kFormatNames.begin());
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
  if (object.has(kMetadata)) check_metadata(object.object(kMetadata));
  for (const auto& [name, entry] : object.value().items())
    if (name != kMetadata) tensors.push_back(parse_tensor(name, entry, data_bytes, source));
  // An empty tensor lies before the one that begins at the same byte.
  std::ranges::sort(tensors, {}, [](const Tensor& tensor) { return std::pair(tensor.begin, tensor.end); });
  check_tiling(tensors, data_bytes, source);
  for (Tensor& tensor : tensors) tensor.begin += data_begin, tensor.end += data_begin;
  return tensors;
}

namespace {
constexpr std::size_t kMaxShards = 4096;
constexpr std::size_t kLongestFileName = 255;  // of every file system in use
constexpr int kIndexDepth = 8;

bool is_plain_file_name(const std::string& name) {
  const auto is_plain = [](unsigned char c) { return c >= ' ' && c != '/' && c != '\\' && c != 127; };
  return !name.empty() && name.size() <= kLongestFileName && name != "." && name != ".." &&
         std::ranges::all_of(name, is_plain);
}
}  // namespace

ShardTensors parse_index(std::string_view text, const std::string& source) {
  const nlohmann::json json = parse_json(text, source, kIndexDepth);
  const JsonObject map = JsonObject(json, source).object("weight_map");
  if (map.value().empty()) throw_input("{}: weight_map names no tensor", source);
  ShardTensors tensors_of;
  for (const auto& [tensor, value] : map.value().items()) {
    const std::string name = nlohmann::json(tensor).dump();  // control characters escaped: messages have one line
    if (!value.is_string()) throw_input("{}: tensor {}: the shard must be a text in quotes", source, name);
    const std::string shard = value.get<std::string>();
    if (!is_plain_file_name(shard))
      throw_input("{}: tensor {}: shard {} must be the name of a file in this folder", source, name, value.dump());
    tensors_of[shard].push_back(tensor);
    if (tensors_of.size() > kMaxShards) throw_input("{}: weight_map: more than {} shards", source, kMaxShards);
  }
  return tensors_of;
}

}  // namespace recpo::checkpoint
