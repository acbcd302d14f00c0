#include "src/plan/workload.hpp"

#include <algorithm>

#include "src/data/tree_batch.hpp"
#include "src/support/check.hpp"
#include "src/train/flops.hpp"

namespace recpo::plan {
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
    for (int slot = 0; slot < leaves.own(); ++slot) {
      const std::int64_t begin = leaves.begin(round, leaves.leaf(slot)), end = leaves.end(round, leaves.leaf(slot));
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
