#pragma once
// model.safetensors.index.json: which shard of a Hugging Face folder holds which tensor. The text is hostile: shards
// are plain file names, so that no path leads out of the folder. A pure function of the bytes.

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace recpo::checkpoint {

using ShardTensors = std::map<std::string, std::vector<std::string>>;  // shard's file name -> its tensors

// Throws kBadInput naming `source` and the tensor whose entry is wrong.
ShardTensors parse_index(std::string_view json, const std::string& source);

}  // namespace recpo::checkpoint
