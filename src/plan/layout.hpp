#pragma once
// One way to train on a node: how ranks are cut into tensor- and data-parallel ones, what is sharded and recomputed,
// how much is computed at a time, and in how many bytes everything is stored.

#include <cstdint>
#include <string>

#include "src/model/decoder_memory.hpp"
#include "src/model/lora.hpp"

namespace recpo::plan {

// Bytes of an element.
struct Precision {
  std::string name;
  std::int64_t weight = 4, gradient = 4;  // gradients are summed and travel as they are stored
  std::int64_t master = 0;                // weights the optimizer updates, beside `weight`; 0 = those themselves
  std::int64_t moment = 4, activation = 4;
  std::int64_t sum = 4;          // statistics and log-probs
  bool lower_gradients = false;  // bf16 sums: less exact than training usually is
  bool lower_moments = false;
};

// name = fp32 | bf16, moments = fp32 | bf16.
inline Precision training_precision(const std::string& name, const std::string& moments) {
  Precision precision;
  precision.name = name;
  precision.lower_moments = moments == "bf16";
  precision.moment = precision.lower_moments ? 2 : 4;
  if (name == "bf16") precision.weight = precision.activation = 2, precision.master = 4;
  return precision;
}

struct Layout {
  int tp = 1, dp = 1, zero = 1;
  model::Recompute recompute = model::Recompute::kNone;
  bool sequence_parallel = false;
  std::int64_t micro_batch_tokens = 4096, reduction_leaves = 8;
  Precision precision;
  model::LoraOptions lora;

  int ranks() const { return tp * dp; }
  bool lower_precision() const { return precision.lower_gradients || precision.lower_moments; }
};

}  // namespace recpo::plan
