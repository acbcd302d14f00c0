#pragma once
// What a deck says about a training stage: sections [sft] and [align] and what they share.

#include <cstdint>
#include <string>

#include "src/objective/objective.hpp"
#include "src/optim/adamw.hpp"

namespace recpo::train {

struct StageOptions {
  std::int64_t epochs = 5, steps = 0;  // steps > 0 overrides epochs
  double lr = 0;                       // > 0 overrides the optimizer's: alignment usually wants a lower rate than SFT
  std::int64_t global_batch = 128;     // rows or preference sets an optimizer step
  std::int64_t micro_batch_tokens = 4096;
  std::string order = "shuffled";  // shuffled | file
};

struct ParallelOptions {
  std::int64_t tp = 1, zero = 1;
  std::string backend = "auto";
  std::int64_t reduction_leaves = 8;  // see leaves.hpp
  bool sequence_parallel = false;
};

struct CheckpointOptions {
  std::int64_t every_steps = 50;
  double every_minutes = 15;
  std::int64_t keep = 2;
};

struct LogOptions {
  std::int64_t every_steps = 1;
  bool tensorboard = false;
};

}  // namespace recpo::train
