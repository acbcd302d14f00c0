#pragma once
// Expected time of a step on a node:
//   compute    products' FLOPs / (peak x efficiency x t / (t + half)) + bytes of everything else / memory bandwidth
//   tensor     tensor-parallel collectives in full
//   data       data-parallel ones beyond the part of a pass that hides them: gradients under the backward pass of the
//              micro-batch they leave with (but for the last bucket), weights (ZeRO 1, 2) under the next step's first
//              forward pass, summed gradients (ZeRO 0) under nothing; what is hidden still takes its memory accesses
//   optimizer  its bytes / memory bandwidth
// of the data-parallel rank that takes longest. An estimate: measure before relying on differences below 10 %.

#include <cstdint>
#include <string>
#include <vector>

#include "src/model/decoder_memory.hpp"
#include "src/model/lora.hpp"
#include "src/optim/options.hpp"
#include "src/parallel/communicator.hpp"
#include "src/plan/node.hpp"
#include "src/train/metrics.hpp"
#include "src/train/step_shape.hpp"

namespace recpo::plan {
// Workload of a stage's step: the trees of one global batch, and the largest that the stage can bring. From
// rows, or from lengths where there are no rows yet.

// One way to train on a node: how ranks are cut into tensor- and data-parallel ones, what is sharded and recomputed,
// how much is computed at a time, and in how many bytes everything is stored.

// Bytes of an element.
struct Precision {
  model::Precision storage = model::Precision::kFp32;
  std::int64_t weight = 4, gradient = 4;  // gradients are summed and sent as they are stored
  std::int64_t master = 0;                // weights the optimizer updates; 0 = `weight` itself
  std::int64_t moment = 4, activation = 4;
  std::int64_t sum = 4;          // statistics and log-probs
  bool lower_gradients = false;  // bf16 sums: less exact than training usually is
  bool lower_moments = false;
};

// storage = kFp32 | kBf16.
inline Precision training_precision(model::Precision storage, optim::Moments moments) {
  Precision precision;
  precision.storage = storage;
  precision.lower_moments = moments == optim::Moments::kBf16;
  precision.moment = precision.lower_moments ? 2 : 4;
  if (storage == model::Precision::kBf16) precision.weight = precision.activation = 2, precision.master = 4;
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

struct TreeSize {
  std::int64_t tokens = 0, logit_rows = 0, targets = 0;
  double seen_keys = 0;      // pairs of a query and a visible key
  double forward_flops = 0;  // as metrics.jsonl counts them (train/step_shape.hpp)
};

struct Workload {
  std::vector<TreeSize> trees;  // of one step, in batch order
  std::int64_t longest = 0, most_answers = 1, most_logit_rows = 1;
  train::TreesShape validation;  // between steps; only its memory is planned

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

// Bytes and hops of a step's collectives, as the trainer sends them (train/data_parallel.cpp, model/llama.hpp's
// decoder_collectives, model/head.cpp) and parallel::Communicator counts them.

// What one rank sends to the others of its axis.
class RingTraffic {
 public:
  explicit RingTraffic(int ranks) : ranks_(ranks) {}
  void all_reduce(std::int64_t elements, std::int64_t element_bytes);
  void reduce_scatter(std::int64_t elements, std::int64_t element_bytes);
  void all_gather(std::int64_t elements, std::int64_t element_bytes);

  const parallel::Traffic& sent() const { return sent_; }
  double seconds(const Link& link) const {
    return static_cast<double>(sent_.total()) / link.bandwidth + static_cast<double>(hops_) * link.latency;
  }

 private:
  int ranks_;
  parallel::Traffic sent_;
  std::int64_t hops_ = 0;
};

// Of tensor parallelism in a data-parallel rank's step.
RingTraffic tensor_traffic(const model::LlamaConfig& config, const Layout& layout, const RankWork& work);

// Of data parallelism: the parts of a step, which hide under different work.
struct DataTraffic {
  RingTraffic last_bucket;         // of leaf_gradients: the embedding's, complete when the backward pass is over
  RingTraffic leaf_gradients;      // reduce-scatter of all gradients, each time they leave
  std::int64_t times = 1;          // that they leave in a step: once, or with every leaf (ZeRO 2)
  RingTraffic gathered;            // all-gather of gradients (ZeRO 0) or weights, once
  RingTraffic norm;                // of the gradient
  parallel::Traffic sent() const;  // in a step
};
DataTraffic data_traffic(const model::LlamaConfig& config, const Layout& layout, const RankWork& work);

// comm_bytes of metrics.jsonl: means over ranks.
train::SentBytes sent_bytes(const model::LlamaConfig& config, const Workload& workload, const Layout& layout);

struct StepTime {  // seconds
  double compute = 0, tensor = 0, data = 0, optimizer = 0;
  double total() const { return compute + tensor + data + optimizer; }
};

StepTime step_time(const model::LlamaConfig& config, const Workload& workload, const Layout& layout, const Node& node);

// Bytes of a rank while a stage trains, by kind: what the trainer would allocate in the layout's precision
// (train/step_shape.hpp). Allocates nothing; not collective.

using Memory = train::RankMemory;

// Throws kUsage when the batch cannot be shared by the layout's ranks.
Memory rank_memory(const model::LlamaConfig& config, const Workload& workload, const Layout& layout);

}  // namespace recpo::plan
