#pragma once
// What a checkpoint that holds adapters only says of them.

#include <cstdint>
#include <string>

#include "src/model/lora.hpp"

namespace recpo::checkpoint {

// The model beside which adapters stand (model/lora.hpp): a folder as for model_source.hpp and its model_hash, or
// random weights of the checkpoint's config.
struct AdapterBase {
  std::string path;  // absolute; empty: random weights
  std::string hash;
  std::uint64_t seed = 0;
};
struct AdapterRecord {
  model::LoraOptions options;  // rank 0: the checkpoint holds a whole model
  AdapterBase base;
};

}  // namespace recpo::checkpoint
