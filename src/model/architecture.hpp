#pragma once
// A decoder architecture: its names and keys in config.json, and its parameters with their roles, for the block of
// block.hpp. One file in architectures/ defines an `Architecture` under its file's name; the build lists them.
//
//   const Architecture llama = {"llama", "LlamaForCausalLM", read_keys, write_keys, layer_weights, layer_norms};
//
// Everything that handles parameters (memory, initial values, import and export, adapters, optimizer, sums over ranks,
// the planner) follows from that list.

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "src/model/config.hpp"

namespace recpo {
class JsonObject;
}

namespace recpo::model {

class ParameterLayout;

struct Architecture {
  const char* model_type;  // config.json's model_type
  const char* class_name;  // and its architectures[0]

  // Keys of config.json that not all architectures have. Reading sees the common ones in `config`, and throws kBadInput
  // for values that change results and are not computed; writing appends.
  void (*read_keys)(const JsonObject& json, LlamaConfig& config);
  void (*write_keys)(const LlamaConfig& config, nlohmann::ordered_json& json);

  // The parameters of a layer in storage order, names beginning with `prefix` ("model.layers.3."): those of its own
  // bucket, projections first, and its norms, which share one bucket with those of other layers. What the block
  // multiplies as one matrix (q|k|v, gate|up) are neighbours. Optional parts, which the block computes where they are
  // listed: self_attn.{q,k,v}_proj.bias, neighbours; self_attn.{q,k}_norm.weight [D], norms of heads (gradient kPart).
  void (*layer_weights)(const LlamaConfig& config, const std::string& prefix, ParameterLayout& layout);
  void (*layer_norms)(const LlamaConfig& config, const std::string& prefix, ParameterLayout& layout);
};

// The optional parts of a layer.
struct BlockParts {
  bool qkv_bias = false, head_norms = false;
};
BlockParts block_parts(const LlamaConfig& config);

const std::vector<const Architecture*>& architectures();
void add_architecture(const Architecture& architecture);  // one that has no file in architectures/, of a test
const Architecture* find_architecture(const std::string& model_type);  // null when there is none
const Architecture& architecture_of(const LlamaConfig& config);

}  // namespace recpo::model
