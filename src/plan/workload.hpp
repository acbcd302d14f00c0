#pragma once
// What a step of a stage has to compute: the trees of one global batch, and the largest that the stage can bring. From
// rows, or from lengths where there are no rows yet.

#include <vector>

#include "src/plan/layout.hpp"
#include "src/train/step_shape.hpp"

namespace recpo::plan {

struct TreeSize {
  std::int64_t tokens = 0, logit_rows = 0, targets = 0;
  double seen_keys = 0;      // pairs of a query and a visible key
  double forward_flops = 0;  // as metrics.jsonl counts them (train/flops.hpp)
};

struct Workload {
  std::vector<TreeSize> trees;  // of one step, in batch order
  std::int64_t longest = 0, most_answers = 1, most_logit_rows = 1;

  std::int64_t tokens() const;
  double forward_flops() const;
  // The trainer's shape of a step under this layout.
  train::StepShape shape(const Layout& layout) const;
};

// What is trained on a rank, and so summed, updated and gathered: the model, or its adapters.
model::StoreLayout trained_layout(const model::LlamaConfig& config, const Layout& layout);

// `samples` is not empty; of more than a batch every n-th is taken, fewer are repeated.
Workload workload_of(const model::LlamaConfig& config, const std::vector<train::Sample>& samples,
                     std::int64_t global_batch);
// Equal trees of one prompt and `answers` answers; answer_tokens counts the end token.
Workload workload_of(const model::LlamaConfig& config, std::int64_t prompt_tokens, std::int64_t answer_tokens,
                     std::int64_t answers, std::int64_t global_batch);

// What is computed at a time.
struct MicroBatch {
  TreeSize sum;
  bool last_of_leaf = false;
};
// Those of a data-parallel rank in a step, in order, and the number of its leaves (empty ones included). Throws kUsage
// when the batch cannot be shared.
struct RankWork {
  std::vector<MicroBatch> micro_batches;
  std::int64_t leaves = 0;
};
RankWork rank_work(const Workload& workload, const Layout& layout, int dp_rank);

}  // namespace recpo::plan
