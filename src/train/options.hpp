#pragma once
// Keys of the deck's sections about training stages: what [sft] and [align] share, [parallel], [validate],
// [checkpoint], [log].

#include <cstdint>
#include <string>

#include "src/parallel/backend.hpp"
#include "src/support/keys.hpp"

namespace recpo::train {

enum class StageKind : std::uint8_t { kSft, kAlign };
constexpr auto names_of(StageKind) { return std::array{"sft", "align"}; }

enum class Order : std::uint8_t { kShuffled, kFile };
constexpr auto names_of(Order) { return std::array{"shuffled", "file"}; }

struct StageOptions {
  std::int64_t epochs = 5, steps = 0;
  double lr = 0;
  std::int64_t global_batch = 128;
  std::int64_t micro_batch_tokens = 4096;
  Order order = Order::kShuffled;

  // `samples`: rows | preference sets
  void declare(Keys& key, const std::string& samples) {
    key("epochs", epochs, "passes over the training " + samples).at_least(0);
    key("steps", steps, "optimizer steps; if > 0, overrides epochs").at_least(0);
    key("lr", lr, "peak learning rate of this stage; 0 = optimizer.lr").at_least(0);
    key("global_batch", global_batch, samples + " per optimizer step, over all ranks").at_least(1);
    key("micro_batch_tokens", micro_batch_tokens, "tokens a rank processes at a time")
        .unit("tokens")
        .at_least(1)
        .affects(changes::kNothing);
    key("order", order, "order of the " + samples + ": shuffled by the seed, or as in the file");
  }
};

struct ParallelOptions {
  std::int64_t tp = 1, zero = 1;
  parallel::Backend backend = parallel::Backend::kAuto;
  std::int64_t reduction_leaves = 8;
  bool sequence_parallel = false;

  void declare(Keys& key) {
    key("tp", tp, "tensor-parallel ranks; data-parallel ranks = ranks of mpirun / tp").at_least(1);
    key("zero", zero, "ZeRO stage: 0 replicate, 1 shard optimizer states, 2 also gradients").between(0, 2);
    key("backend", backend, "communication");
    key("reduction_leaves", reduction_leaves,
        "leaves of the fixed sum of gradients: any number of ranks up to it gives the same bits")
        .at_least(1);
    key("sequence_parallel", sequence_parallel, "norms and residuals are split over the tp ranks by tokens");
  }
};

// Metrics that validations are compared by.
enum class ValidationMetric : std::uint8_t { kRankedHitRate, kMrr, kLoss };
constexpr auto names_of(ValidationMetric) { return std::array{"ranked_hr@1", "mrr", "loss"}; }

struct ValidationOptions {
  std::int64_t every_steps = 0, rows = 200;
  ValidationMetric metric = ValidationMetric::kRankedHitRate;
  bool keep_best = false;
  std::int64_t patience = 0;

  bool exists() const { return every_steps > 0; }
  bool is_due(std::int64_t step, std::int64_t total_steps) const {  // after `step` steps
    return exists() && (step % every_steps == 0 || step == total_steps);
  }
  // Whether a stage's model depends on its validations. Training's own steps never do.
  bool selects() const { return exists() && (keep_best || patience > 0); }

  void declare(Keys& key) {
    key("every_steps", every_steps, "validate at the steps divisible by this, and at the last; 0 = never")
        .unit("optimizer steps")
        .at_least(0);
    key("rows", rows, "validation rows scored, drawn by the seed, nested (the first ones of one order); 0 = all")
        .at_least(0);
    key("metric", metric, "metric of the best step (loss: smaller is better); ties: the earlier step");
    key("keep_best", keep_best, "keep the best step's checkpoint beyond checkpoint.keep; it is the stage's model");
    key("patience", patience, "end a stage after this many validations without a strictly better one; 0 = never")
        .at_least(0);
  }
};

struct CheckpointOptions {
  std::int64_t every_steps = 50;
  double every_minutes = 15;
  std::int64_t keep = 2;

  void declare(Keys& key) {
    key("every_steps", every_steps, "optimizer steps between checkpoints; 0 = only at the end").at_least(0);
    key("every_minutes", every_minutes, "time between checkpoints; 0 = off").unit("min").at_least(0);
    key("keep", keep, "checkpoints of a stage that are kept").at_least(1);
  }
};

struct LogOptions {
  std::int64_t every_steps = 1;
  bool tensorboard = false;

  void declare(Keys& key) {
    key("every_steps", every_steps,
        "lines of metrics.jsonl: steps divisible by this, the first, the last, validated ones")
        .unit("optimizer steps")
        .at_least(1);
    key("tensorboard", tensorboard, "also write TensorBoard event files, into RUN/tensorboard/STAGE");
  }
};

}  // namespace recpo::train
