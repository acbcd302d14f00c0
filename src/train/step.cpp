#include "src/train/step.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "kernels/gemm.hpp"
#include "src/support/check.hpp"
#include "src/train/flops.hpp"

namespace recpo::train {
namespace {
double sum_over_ranks(parallel::Communicator& communicator, double value) {
  double sum = 0;
  for (const std::string& text : communicator.all_gather(fmt::format("{:.17g}", value))) sum += std::stod(text);
  return sum;
}

double completion_tokens(const std::vector<const Sample*>& batch) {
  double tokens = 0;
  for (const Sample* sample : batch) tokens += sample->length.front();
  return tokens;
}
}  // namespace

template <class T>
TrainingStep<T>::TrainingStep(const Stage& stage, const std::vector<Sample>& samples, const ReferenceLogps& reference,
                              const model::LlamaConfig& config, model::ParameterStore<T>& store,
                              optim::AdamW<T>& optimizer, const parallel::ProcessGrid& grid, std::int64_t total_steps,
                              const Heartbeat& heartbeat)
    : stage_(stage),
      preferences_(stage.name == "align"),
      samples_(samples),
      reference_(reference),
      config_(config),
      store_(store),
      optimizer_(optimizer),
      grid_(grid),
      heartbeat_(heartbeat),
      total_steps_(total_steps),
      order_(static_cast<std::int64_t>(samples.size()), stage.options.order == "shuffled", stage.seed, stage.name),
      leaves_(plan_leaves(stage.options.global_batch, stage.reduction_leaves, grid.dp->size(), grid.dp->rank())),
      tree_(store.gradients()) {
  plan_memory(samples);
  heartbeat_("measuring the GEMM rate");
  gemm_rate_ = sum_over_ranks(*grid.world, kernels::measured_gemm_rate<T>());
}

// The largest micro-batch a leaf can give: whole trees up to micro_batch_tokens, or the longest tree alone.
template <class T>
void TrainingStep<T>::plan_memory(const std::vector<Sample>& samples) {
  std::int64_t longest = 0, answers = 0, leaf_rows = 0;
  for (const Sample& sample : samples) {
    longest = std::max(longest, sample.tokens());
    answers = std::max(answers, static_cast<std::int64_t>(sample.answers.size()));
  }
  for (int leaf = leaves_.first; leaf < leaves_.last; ++leaf) {
    leaf_rows = std::max(leaf_rows, leaves_.end(leaf) - leaves_.begin(leaf));
  }
  model::LlamaCapacity capacity;
  capacity.tokens = std::max(longest, std::min(stage_.options.micro_batch_tokens, leaf_rows * longest));
  capacity.completions = leaf_rows * answers;
  capacity.training = true;
  llama_.emplace(config_, store_, capacity);
}

template <class T>
std::vector<const Sample*> TrainingStep<T>::batch_of(std::int64_t step) {
  std::vector<const Sample*> batch;
  for (std::int64_t i = 0; i < stage_.options.global_batch; ++i) {
    batch.push_back(&samples_[order_.at(step * stage_.options.global_batch + i)]);
  }
  return batch;
}

template <class T>
void TrainingStep<T>::run_micro_batch(std::span<const Sample* const> samples, double loss_scale,
                                      std::vector<SampleMetrics>& metrics) {
  data::TreeBatch trees;
  for (const Sample* sample : samples) data::append_tree(trees, sample->row->prompt_ids, sample->answers);
  flops_ += 3.0 * forward_flops(config_, trees);
  const std::vector<double> logp = llama_->forward(trees);
  std::vector<double> d_logp;
  std::size_t begin = 0;
  for (const Sample* sample : samples) {
    const std::span<const double> own = std::span(logp).subspan(begin, sample->answers.size());
    const SampleGradient gradient =
        preferences_ ? preference_gradient(stage_.objective, *sample, own, reference_) : sft_gradient(own);
    for (const double d : gradient.d_logp) d_logp.push_back(loss_scale * d);
    metrics.push_back(gradient.metrics);
    begin += own.size();
  }
  llama_->backward(d_logp);
}

template <class T>
void TrainingStep<T>::run_leaf(const std::vector<const Sample*>& batch, int leaf, double loss_scale,
                               std::vector<SampleMetrics>& metrics) {
  const std::span<const Sample* const> rows = std::span(batch).subspan(
      static_cast<std::size_t>(leaves_.begin(leaf)), static_cast<std::size_t>(leaves_.end(leaf) - leaves_.begin(leaf)));
  std::vector<std::int64_t> tokens;
  for (const Sample* sample : rows) tokens.push_back(sample->tokens());
  const std::vector<std::size_t> begins = data::pack(tokens, stage_.options.micro_batch_tokens);
  tree_.begin_leaf(exec_);
  for (std::size_t b = 0; b + 1 < begins.size(); ++b) {
    heartbeat_("forward and backward");
    run_micro_batch(rows.subspan(begins[b], begins[b + 1] - begins[b]), loss_scale, metrics);
  }
  tree_.end_leaf(exec_, leaf + 1 == leaves_.last);
}

template <class T>
StepMetrics TrainingStep<T>::run(std::int64_t step) {
  const auto start = std::chrono::steady_clock::now();
  const std::int64_t sent_tp = grid_.tp->traffic().total(), sent_dp = grid_.dp->traffic().total();
  const std::vector<const Sample*> batch = batch_of(step);
  // SFT averages over the completion tokens of the global batch, alignment over its sets.
  const double terms = preferences_ ? static_cast<double>(batch.size()) : completion_tokens(batch);

  flops_ = 0;
  std::vector<SampleMetrics> mine;
  for (int leaf = leaves_.first; leaf < leaves_.last; ++leaf) run_leaf(batch, leaf, 1.0 / terms, mine);
  heartbeat_("summing gradients");
  grid_.dp->all_reduce_sum(exec_, store_.gradients());
  const std::vector<SampleMetrics> all = gather_samples(*grid_.dp, mine);

  StepMetrics metrics;
  metrics.stage = stage_.name;
  metrics.step = step + 1;
  metrics.preferences = preferences_;
  metrics.mean = mean_of(all);
  metrics.loss = metrics.mean.loss * static_cast<double>(batch.size()) / terms;
  metrics.grad_norm = optimizer_.gradient_norm(exec_);
  metrics.learning_rate = stage_.optimizer.lr * optim::schedule_factor(stage_.optimizer, step, total_steps_);
  metrics.epoch = static_cast<double>((step + 1) * stage_.options.global_batch) / static_cast<double>(samples_.size());
  metrics.skipped = !std::isfinite(metrics.loss) || !std::isfinite(metrics.grad_norm);
  if (!metrics.skipped) {
    heartbeat_("optimizer step");
    optimizer_.step(exec_, metrics.learning_rate, metrics.grad_norm);
    exec_.fence("recpo::step::run");
  }

  for (const Sample* sample : batch) metrics.num_tokens += sample->tokens();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  metrics.step_ms = 1e3 * seconds;
  metrics.tokens_per_second = static_cast<double>(metrics.num_tokens) / seconds;
  metrics.flops_per_second = sum_over_ranks(*grid_.dp, flops_) / seconds;
  metrics.fraction_of_gemm_rate = metrics.flops_per_second / gemm_rate_;
  metrics.comm_bytes_tp = static_cast<double>(grid_.tp->traffic().total() - sent_tp);
  metrics.comm_bytes_dp = static_cast<double>(grid_.dp->traffic().total() - sent_dp);
  return metrics;
}

#define RECPO_INSTANTIATE(T) template class TrainingStep<T>;
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::train
