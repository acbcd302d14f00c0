#include "src/plan/traffic.hpp"

#include <algorithm>
#include <cmath>

#include "src/model/llama.hpp"
#include "src/model/parameter_shard.hpp"

namespace recpo::plan {
namespace {

// Sums of the norm's partial squares, over one axis.
void add_norm(const model::StoreLayout& store, const Layout& layout, RingTraffic& traffic) {
  const auto partials = static_cast<std::int64_t>(store.buckets.size()) * model::chunks_of_bucket(layout.dp);
  traffic.all_reduce(partials, sizeof(double));
}

// Sums and gathers of [T, H] between the projections.
void add_blocks(const model::LlamaConfig& config, const Layout& layout, std::int64_t tokens, RingTraffic& traffic) {
  const std::int64_t blocks = config.num_hidden_layers, bytes = layout.precision.activation;
  // A block computed again ends before its second sum; the last one is not computed again.
  const std::int64_t repeated = layout.recompute == model::Recompute::kBlock ? blocks - 1 : 0;
  const std::int64_t sums = 1 + 2 * blocks + repeated + 2 * blocks;  // embedding, forward, again, backward
  if (!layout.sequence_parallel) {
    for (std::int64_t i = 0; i < sums; ++i) traffic.all_reduce(tokens * config.hidden_size, bytes);
    return;
  }
  const std::int64_t padded = (tokens + layout.tp - 1) / layout.tp * layout.tp * config.hidden_size;
  const std::int64_t gathers = 2 * blocks + 1 + 2 * repeated + 4 * blocks + 1;  // forward, head, again, backward, rows
  for (std::int64_t i = 0; i < sums; ++i) traffic.reduce_scatter(padded, bytes);
  for (std::int64_t i = 0; i < gathers; ++i) traffic.all_gather(padded, bytes);
}

// Log-sum-exps, log-probs, and the gradient of the rows that predict, a chunk at a time.
void add_head(const model::LlamaConfig& config, const Layout& layout, const TreeSize& size, RingTraffic& traffic) {
  traffic.all_gather(layout.tp * size.logit_rows, layout.precision.sum);
  traffic.all_reduce(size.targets, layout.precision.sum);
  const std::int64_t chunk = model::LlamaCapacity{}.logit_rows;
  for (std::int64_t begin = 0; begin < size.logit_rows; begin += chunk) {
    traffic.all_reduce(std::min(chunk, size.logit_rows - begin) * config.hidden_size, layout.precision.activation);
  }
}

}  // namespace

void RingTraffic::all_reduce(std::int64_t elements, std::int64_t element_bytes) {
  if (ranks_ == 1 || elements == 0) return;
  sent_.all_reduce += 2 * elements * (ranks_ - 1) / ranks_ * element_bytes;
  hops_ += 2 * (ranks_ - 1);
}

void RingTraffic::reduce_scatter(std::int64_t elements, std::int64_t element_bytes) {
  if (ranks_ == 1 || elements == 0) return;
  sent_.reduce_scatter += elements / ranks_ * (ranks_ - 1) * element_bytes;
  hops_ += ranks_ - 1;
}

void RingTraffic::all_gather(std::int64_t elements, std::int64_t element_bytes) {
  if (ranks_ == 1 || elements == 0) return;
  sent_.all_gather += elements / ranks_ * (ranks_ - 1) * element_bytes;
  hops_ += ranks_ - 1;
}

RingTraffic tensor_traffic(const model::LlamaConfig& config, const Layout& layout, const RankWork& work) {
  RingTraffic traffic(layout.tp);
  if (layout.tp == 1) return traffic;
  for (const MicroBatch& micro : work.micro_batches) {
    add_blocks(config, layout, micro.sum.tokens, traffic);
    add_head(config, layout, micro.sum, traffic);
  }
  const model::StoreLayout trained = trained_layout(config, layout);
  for (std::int64_t leaf = 0; leaf < work.leaves; ++leaf) {
    if (layout.lora.exists()) {  // every shard has its part of the gradients of what all have
      for (const model::Bucket& bucket : trained.buckets) {
        if (bucket.replicated) traffic.all_reduce(bucket.size(), layout.precision.gradient);
      }
    } else if (layout.sequence_parallel) {  // of the blocks' norms every shard has its tokens' part
      traffic.all_reduce(2 * config.num_hidden_layers * config.hidden_size, layout.precision.gradient);
    }
  }
  add_norm(trained, layout, traffic);
  return traffic;
}

DataTraffic data_traffic(const model::LlamaConfig& config, const Layout& layout, const RankWork& work) {
  const RingTraffic none(layout.dp);
  DataTraffic traffic{none, none, layout.zero == 2 ? work.leaves : 1, none, none};
  if (layout.dp == 1) return traffic;
  const model::StoreLayout store = trained_layout(config, layout);
  for (const model::Bucket& bucket : store.buckets) {
    traffic.leaf_gradients.reduce_scatter(bucket.size(), layout.precision.gradient);
    traffic.gathered.all_gather(bucket.size(), layout.zero == 0 ? layout.precision.gradient : layout.precision.weight);
  }
  traffic.last_bucket.reduce_scatter(store.buckets.front().size(), layout.precision.gradient);
  add_norm(store, layout, traffic.norm);
  return traffic;
}

parallel::Traffic DataTraffic::sent() const {
  return {norm.sent().all_reduce, times * leaf_gradients.sent().reduce_scatter, gathered.sent().all_gather};
}

train::SentBytes sent_bytes(const model::LlamaConfig& config, const Workload& workload, const Layout& layout) {
  train::SentBytes sent;
  parallel::Traffic sum;
  for (int rank = 0; rank < layout.dp; ++rank) {
    const RankWork work = rank_work(workload, layout, rank);
    sum += tensor_traffic(config, layout, work).sent();
    sent.dp = data_traffic(config, layout, work).sent();  // every rank's
  }
  const auto mean = [&](std::int64_t bytes) { return std::llround(static_cast<double>(bytes) / layout.dp); };
  sent.tp = {mean(sum.all_reduce), mean(sum.reduce_scatter), mean(sum.all_gather)};
  return sent;
}

}  // namespace recpo::plan
