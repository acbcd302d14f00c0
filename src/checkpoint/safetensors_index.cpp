#include "src/checkpoint/safetensors_index.hpp"

#include <algorithm>

#include "src/support/check.hpp"
#include "src/support/json.hpp"

namespace recpo::checkpoint {
namespace {
constexpr std::size_t kMostShards = 4096;
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
    if (tensors_of.size() > kMostShards) throw_input("{}: weight_map: more than {} shards", source, kMostShards);
  }
  return tensors_of;
}

}  // namespace recpo::checkpoint
