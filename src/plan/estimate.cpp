#include "src/plan/estimate.hpp"

#include <algorithm>
#include <cmath>

#include "src/data/tree_batch.hpp"
#include "src/model/llama.hpp"
#include "src/model/parameter_layout.hpp"
#include "src/support/check.hpp"

namespace recpo::plan {
namespace {

struct Passes {  // seconds
  double forward = 0, backward = 0;
};

// FLOPs of matrix products and elements read or written by everything else.
struct Amount {
  double flops = 0, elements = 0;
};

// Elements of the passes over one micro-batch, by hand from model/block.cpp, reads and writes: what is H wide is norms
// (4) and residuals (4), in the backward the norms' (8); scores are unfused, with softmax.
struct Elements {
  double hidden, query_key, feed_forward, scores;
};
constexpr Elements kForward{8, 2, 3, 4}, kBackward{8, 2, 5, 10}, kSelectiveAgain{4, 0, 3, 0}, kBlockAgain{6, 2, 3, 4};

double block_elements(const model::LlamaConfig& c, const Layout& layout, const TreeSize& size, const Elements& per) {
  const auto tokens = static_cast<double>(size.tokens), tp = static_cast<double>(layout.tp);
  const double hidden = per.hidden * static_cast<double>(c.hidden_size) / (layout.sequence_parallel ? tp : 1);
  const double columns = per.query_key * static_cast<double>(c.query_width() + c.key_value_width()) +
                         per.feed_forward * static_cast<double>(c.intermediate_size);
  return tokens * (hidden + columns / tp) +
         per.scores * size.seen_keys * static_cast<double>(c.num_attention_heads) / tp;
}

// A block's products again, all but the last one.
double block_again_flops(const model::LlamaConfig& c, const TreeSize& size) {
  const auto hidden = static_cast<double>(c.hidden_size);
  const double weights = hidden * (2.0 * static_cast<double>(c.query_width() + c.key_value_width()) +
                                   2.0 * static_cast<double>(c.intermediate_size));
  return 2 * (static_cast<double>(size.tokens) * weights + 2 * size.seen_keys * static_cast<double>(c.query_width()));
}

Passes micro_batch_time(const model::LlamaConfig& c, const Layout& layout, const Node& node, const TreeSize& size) {
  const auto blocks = static_cast<double>(c.num_hidden_layers);
  Amount forward{size.forward_flops, blocks * block_elements(c, layout, size, kForward)};
  Amount backward{train::backward_passes(layout.lora.exists()) * size.forward_flops,
                  blocks * block_elements(c, layout, size, kBackward)};
  if (layout.recompute == model::Recompute::kBlock) {
    backward.flops += (blocks - 1) * block_again_flops(c, size);
    backward.elements += (blocks - 1) * block_elements(c, layout, size, kBlockAgain);
  } else if (layout.recompute == model::Recompute::kSelective) {
    backward.elements += (blocks - 1) * block_elements(c, layout, size, kSelectiveAgain);
  }
  const auto rows = static_cast<double>(size.logit_rows);
  if (size.logit_rows > model::LlamaCapacity{}.logit_rows) {  // logits of several chunks are computed again
    backward.flops += 2 * rows * static_cast<double>(c.hidden_size) * static_cast<double>(c.vocab_size);
  }
  const double logits = rows * static_cast<double>(c.vocab_size) / layout.tp;
  forward.elements += 2 * logits;
  backward.elements += 2 * logits;

  const auto tokens = static_cast<double>(size.tokens);
  const double rate = node.peak_flops * node.gemm_efficiency * tokens / (tokens + node.gemm_half_tokens);
  const auto seconds = [&](const Amount& a) {
    return a.flops / layout.tp / rate +
           a.elements * static_cast<double>(layout.precision.activation) / node.memory_bandwidth;
  };
  return {seconds(forward), seconds(backward)};
}

// Setting gradients to zero before a leaf and adding those of leaves that are done.
double leaf_time(const Layout& layout, const Node& node, double elements, const RankWork& work) {
  const auto leaves = static_cast<double>(work.leaves);
  const double added = layout.zero == 2 ? elements / layout.dp : elements;
  return (leaves * elements + 3 * (leaves - 1) * added) * static_cast<double>(layout.precision.gradient) /
         node.memory_bandwidth;
}

// AdamW's reads and writes of an element: the gradient twice (norm, update), master weight and moments both ways, the
// weight written (read, too, where it is its own master).
double optimizer_bytes(const Precision& p) {
  return static_cast<double>(2 * p.gradient + 2 * p.master + 4 * p.moment + (p.master > 0 ? 1 : 2) * p.weight);
}

// Seconds that a collective adds to a step when up to `window` seconds of it can go on under a pass.
double added(const RingTraffic& sent, const Link& link, const Node& node, double window) {
  constexpr double kAccesses =
      3;  // of memory for a byte sent: the own part and the neighbour's read, their sum written
  const double seconds = sent.seconds(link), hidden = std::min(seconds, window);
  return seconds - hidden + hidden * link.bandwidth * kAccesses / node.memory_bandwidth;
}

StepTime rank_time(const model::LlamaConfig& config, const Workload& workload, const Layout& layout, const Node& node,
                   double elements, int rank) {
  const Link link = node.data_link(layout.tp, layout.dp);
  const RankWork work = rank_work(workload, layout, rank);
  const DataTraffic traffic = data_traffic(config, layout, work);
  StepTime time;
  double last_backward = 0, first_forward = 0;
  for (const MicroBatch& micro : work.micro_batches) {
    const Passes passes = micro_batch_time(config, layout, node, micro.sum);
    time.compute += passes.forward + passes.backward;
    if (first_forward == 0) first_forward = passes.forward;
    last_backward = passes.backward;
    if (micro.last_of_leaf && layout.zero == 2)
      time.data += added(traffic.leaf_gradients, link, node, node.overlap * passes.backward);
  }
  if (layout.zero != 2) time.data += added(traffic.leaf_gradients, link, node, node.overlap * last_backward);
  time.data = std::max(time.data, traffic.last_bucket.seconds(link));
  time.data += added(traffic.gathered, link, node, layout.zero == 0 ? 0 : node.overlap * first_forward);
  time.data += traffic.norm.seconds(link);
  time.compute += leaf_time(layout, node, elements, work);
  time.tensor = tensor_traffic(config, layout, work).seconds(node.tensor_link(layout.tp));
  time.optimizer =
      elements / (layout.zero == 0 ? 1 : layout.dp) * optimizer_bytes(layout.precision) / node.memory_bandwidth;
  return time;
}

}  // namespace

StepTime step_time(const model::LlamaConfig& config, const Workload& workload, const Layout& layout, const Node& node) {
  const model::StoreLayout store = trained_layout(config, layout);
  StepTime longest;
  for (int rank = 0; rank < layout.dp; ++rank) {
    const StepTime time = rank_time(config, workload, layout, node, static_cast<double>(store.size), rank);
    if (time.total() > longest.total()) longest = time;
  }
  return longest;
}

Memory rank_memory(const model::LlamaConfig& config, const Workload& workload, const Layout& layout) {
  const model::TensorParallel tensor(model::Shard{0, layout.tp}, layout.sequence_parallel);
  const Precision& precision = layout.precision;
  const auto planned =
      precision.storage == model::Precision::kBf16 ? train::planned_memory<Bfloat16> : train::planned_memory<float>;
  train::RankMemory memory = planned(config, tensor, workload.shape(layout), layout.dp, precision.moment);
  memory.gradients = memory.gradients / precision.sum * precision.gradient;
  memory.gradient_leaves = memory.gradient_leaves / precision.sum * precision.gradient;
  return memory;
}

namespace {

// Sums of the norm's partial squares, over one axis.
void add_norm(const model::StoreLayout& store, const Layout& layout, RingTraffic& traffic) {
  const auto partials = static_cast<std::int64_t>(store.buckets.size()) * model::chunks_of_bucket(layout.dp);
  traffic.all_reduce(partials, sizeof(double));
}

// Sums and gathers of [T, H] between the projections.
void add_blocks(const model::LlamaConfig& config, const Layout& layout, std::int64_t tokens, RingTraffic& traffic) {
  const model::BlockCollectives collectives = model::decoder_collectives(config, layout.recompute);
  const std::int64_t bytes = layout.precision.activation;
  if (!layout.sequence_parallel) {
    for (std::int64_t i = 0; i < collectives.sums; ++i) traffic.all_reduce(tokens * config.hidden_size, bytes);
    return;
  }
  const std::int64_t padded = (tokens + layout.tp - 1) / layout.tp * layout.tp * config.hidden_size;
  for (std::int64_t i = 0; i < collectives.sums; ++i) traffic.reduce_scatter(padded, bytes);
  for (std::int64_t i = 0; i < collectives.gathers; ++i) traffic.all_gather(padded, bytes);
}

// Log-sum-exps, log-probs, and the gradient of the rows that predict, a chunk at a time.
void add_head(const model::LlamaConfig& config, const Layout& layout, const TreeSize& size, RingTraffic& traffic) {
  traffic.all_gather(layout.tp * size.logit_rows, layout.precision.sum);
  traffic.all_reduce(size.targets, layout.precision.sum);
  const std::int64_t chunk = model::LlamaCapacity{}.logit_rows;
  for (std::int64_t begin = 0; begin < size.logit_rows; begin += chunk)
    traffic.all_reduce(std::min(chunk, size.logit_rows - begin) * config.hidden_size, layout.precision.activation);
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
    for (std::size_t bucket = 0; bucket < trained.buckets.size(); ++bucket) {
      for (const auto& range : trained.partial_gradients(bucket, layout.sequence_parallel))
        traffic.all_reduce(range.size(), layout.precision.gradient);
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

namespace {

TreeSize& operator+=(TreeSize& a, const TreeSize& b) {
  a.tokens += b.tokens;
  a.logit_rows += b.logit_rows;
  a.targets += b.targets;
  a.seen_keys += b.seen_keys;
  a.forward_flops += b.forward_flops;
  return a;
}

TreeSize size_of(const model::LlamaConfig& config, std::span<const std::int32_t> prompt,
                 const std::vector<std::span<const std::int32_t>>& answers) {
  data::TreeBatch batch;
  data::append_tree(batch, prompt, answers);
  TreeSize size;
  size.tokens = batch.num_tokens();
  size.logit_rows = static_cast<std::int64_t>(batch.logit_rows.size());
  size.targets = static_cast<std::int64_t>(batch.target_token.size());
  for (const std::int32_t position : batch.positions) size.seen_keys += position + 1;
  size.forward_flops = train::forward_flops(config, batch);
  return size;
}

}  // namespace

std::int64_t Workload::tokens() const {
  std::int64_t sum = 0;
  for (const TreeSize& tree : trees) sum += tree.tokens;
  return sum;
}

double Workload::forward_flops() const {
  double sum = 0;
  for (const TreeSize& tree : trees) sum += tree.forward_flops;
  return sum;
}

train::StepShape Workload::shape(const Layout& layout) const {
  train::StepShape shape;
  shape.longest = longest;
  shape.most_answers = most_answers;
  shape.most_logit_rows = most_logit_rows;
  shape.global_batch = static_cast<std::int64_t>(trees.size());
  shape.micro_batch_tokens = layout.micro_batch_tokens;
  shape.reduction_leaves = layout.reduction_leaves;
  shape.zero = layout.zero;
  shape.recompute = layout.recompute;
  shape.lora = layout.lora;
  shape.validation = validation;
  return shape;
}

model::StoreLayout trained_layout(const model::LlamaConfig& config, const Layout& layout) {
  const model::Shard shard{0, layout.tp};
  return {layout.lora.exists() ? model::adapter_parameters(config, layout.lora, shard)
                               : model::llama_parameters(config, shard),
          model::GradientMemory::kNone, layout.dp};
}

Workload workload_of(const model::LlamaConfig& config, const std::vector<train::Sample>& samples,
                     std::int64_t global_batch) {
  RECPO_REQUIRE(!samples.empty() && global_batch > 0);
  Workload workload;
  for (const train::Sample& sample : samples) {
    workload.longest = std::max(workload.longest, sample.tokens());
    workload.most_answers = std::max(workload.most_answers, static_cast<std::int64_t>(sample.answers.size()));
    workload.most_logit_rows = std::max(workload.most_logit_rows, sample.logit_rows());
  }
  const std::size_t stride = std::max<std::size_t>(1, samples.size() / static_cast<std::size_t>(global_batch));
  for (std::int64_t i = 0; i < global_batch; ++i) {
    const train::Sample& sample = samples[static_cast<std::size_t>(i) * stride % samples.size()];
    workload.trees.push_back(size_of(config, sample.row->prompt_ids, sample.answers));
  }
  return workload;
}

Workload workload_of(const model::LlamaConfig& config, std::int64_t prompt_tokens, std::int64_t answer_tokens,
                     std::int64_t answers, std::int64_t global_batch) {
  RECPO_REQUIRE(prompt_tokens > 0 && answer_tokens > 0 && answers > 0 && global_batch > 0);
  const std::vector<std::int32_t> prompt(static_cast<std::size_t>(prompt_tokens));
  const std::vector<std::int32_t> answer(static_cast<std::size_t>(answer_tokens));
  const TreeSize size = size_of(config, prompt, {static_cast<std::size_t>(answers), answer});
  Workload workload;
  workload.trees.assign(static_cast<std::size_t>(global_batch), size);
  workload.longest = size.tokens;
  workload.most_answers = answers;
  workload.most_logit_rows = size.logit_rows;
  return workload;
}

RankWork rank_work(const Workload& workload, const Layout& layout, int dp_rank) {
  const train::LeafPlan leaves = train::plan_leaves(workload.shape(layout), layout.dp, dp_rank);
  RankWork work;
  work.leaves = static_cast<std::int64_t>(leaves.rounds) * leaves.own();
  for (int round = 0; round < leaves.rounds; ++round) {
    for (int own_leaf = 0; own_leaf < leaves.own(); ++own_leaf) {
      const std::int64_t begin = leaves.begin(round, leaves.leaf(own_leaf)),
                         end = leaves.end(round, leaves.leaf(own_leaf));
      const auto first = workload.trees.begin() + begin;
      std::vector<std::int64_t> tokens;
      for (std::int64_t i = begin; i < end; ++i) tokens.push_back(first[i - begin].tokens);
      if (tokens.empty()) continue;
      const std::vector<std::size_t> begins = data::pack(tokens, layout.micro_batch_tokens);
      for (std::size_t b = 0; b + 1 < begins.size(); ++b) {
        MicroBatch micro;
        for (std::size_t i = begins[b]; i < begins[b + 1]; ++i) micro.sum += first[static_cast<std::int64_t>(i)];
        micro.last_of_leaf = b + 2 == begins.size();
        work.micro_batches.push_back(micro);
      }
    }
  }
  return work;
}

}  // namespace recpo::plan
