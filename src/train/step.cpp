#include "src/train/step.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <utility>

#include "kernels/gemm.hpp"
#include "src/support/check.hpp"
#include "src/support/random.hpp"
#include "src/support/units.hpp"
#include "src/train/step_shape.hpp"

namespace recpo::train {
namespace {
double ms_since(Clock::time_point start) { return 1e3 * seconds_since(start); }

// One message a rank.
struct RankMetrics {
  double step_ms = 0, comm_ms_tp = 0, comm_ms_dp = 0, optimizer_ms = 0, flops = 0;
  SentBytes sent;
};

double largest(const std::vector<RankMetrics>& ranks, double RankMetrics::*figure) {
  double value = 0;
  for (const RankMetrics& rank : ranks) value = std::max(value, rank.*figure);
  return value;
}

// Of a rank, the mean over ranks.
SentBytes mean_sent(const std::vector<RankMetrics>& ranks) {
  const auto mean = [&](parallel::Traffic SentBytes::*axis, std::int64_t parallel::Traffic::*collective) {
    double sum = 0;
    for (const RankMetrics& rank : ranks) sum += static_cast<double>(rank.sent.*axis.*collective);
    return static_cast<std::int64_t>(std::llround(sum / static_cast<double>(ranks.size())));
  };
  const auto axis_mean = [&](parallel::Traffic SentBytes::*axis) {
    using parallel::Traffic;
    return Traffic{mean(axis, &Traffic::all_reduce), mean(axis, &Traffic::reduce_scatter),
                   mean(axis, &Traffic::all_gather)};
  };
  return {axis_mean(&SentBytes::tp), axis_mean(&SentBytes::dp)};
}

// Every rank of a tensor-parallel group counts the whole group's products: one of each group is summed.
double flops_of(const std::vector<RankMetrics>& ranks, const parallel::Communicator& tp) {
  double sum = 0;
  for (std::size_t r = 0; r < ranks.size(); r += static_cast<std::size_t>(tp.size())) sum += ranks[r].flops;
  return sum;
}

// Of the tree appended last, whose sample is the stage's n-th: the same on any number of ranks, and after a restart.
void append_dropout_keys(data::TreeBatch& trees, const Stage& stage, std::int64_t n) {
  Random random(stage.seed, stage.name() + " dropout", static_cast<std::uint64_t>(n));
  while (trees.dropout_key.size() < trees.tokens.size()) {
    trees.dropout_key.push_back(static_cast<std::int32_t>(random.next() >> 33));
  }
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
      preferences_(stage.kind == StageKind::kAlign),
      samples_(samples),
      reference_(reference),
      config_(config),
      store_(store),
      optimizer_(optimizer),
      grid_(grid),
      heartbeat_(heartbeat),
      total_steps_(total_steps),
      order_(static_cast<std::int64_t>(samples.size()), stage.options.order == Order::kShuffled, stage.seed,
             stage.name()),
      shape_(step_shape(stage.options, stage.parallel, stage.recompute, stage.lora, samples)),
      leaves_(plan_leaves(shape_, grid.dp->size(), grid.dp->rank())),
      data_parallel_(store, leaves_, shape_.zero, grid, stage.parallel.sequence_parallel),
      llama_(config, store, llama_capacity(shape_, leaves_), {*grid.tp, stage.parallel.sequence_parallel}),
      sets_(leaves_.rounds * leaves_.own() * leaves_.most_rows() * shape_.most_answers,
            preferences_ ? objective::preference_loss(stage_.objective) : objective::sft_loss()) {
  heartbeat_("measuring the GEMM rate");
  const std::vector<double> rates = parallel::gather_values(*grid.world, std::vector{kernels::measured_gemm_rate<T>()});
  gemm_rate_ = std::accumulate(rates.begin(), rates.end(), 0.0);
}

template <class T>
RankMemory TrainingStep<T>::memory() const {
  RankMemory memory;
  memory.weights = store_.weight_bytes();
  if (store_.adapters()) memory.weights += store_.adapters()->store.weight_bytes();
  memory.gradients = data_parallel_.gradient_bytes();
  memory.gradient_leaves = data_parallel_.leaf_bytes();
  memory.master = optimizer_.master_bytes();
  memory.moments = optimizer_.moment_bytes();
  memory.activations = llama_.activation_bytes();
  return memory;
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
objective::Terms TrainingStep<T>::terms_of(const Sample& sample) const {
  if (!preferences_) return objective::sft_terms();
  objective::PreferenceSet set{{}, sample.length, sample.rating, sample.latency};
  if (objective::needs_reference(stage_.objective)) {
    const auto found = reference_.find(sample.row->id);
    RECPO_REQUIRE(found != reference_.end() && found->second.size() >= sample.answers.size());
    set.reference_logp = std::span(found->second).first(sample.answers.size());
  }
  return objective::preference_terms(stage_.objective, set);
}

template <class T>
void TrainingStep<T>::run_micro_batch(std::span<const Sample* const> samples, std::int64_t first_place,
                                      bool last_of_leaf, double loss_scale) {
  data::TreeBatch trees;
  std::vector<objective::Terms> terms;
  for (const Sample* sample : samples) {
    data::append_tree(trees, sample->row->prompt_ids, sample->answers);
    if (stage_.lora.dropout > 0) {
      append_dropout_keys(trees, stage_, first_sample_ + first_place + static_cast<std::int64_t>(terms.size()));
    }
    terms.push_back(terms_of(*sample));
  }
  flops_ += (1 + backward_passes(stage_.lora.exists())) * forward_flops(config_, trees);
  const Vector<const double> logp = llama_.start_forward(trees, &data_parallel_);
  const Vector<const double> d_logp = sets_.add(exec_, std::move(terms), first_place, loss_scale, logp);
  llama_.start_backward(d_logp, last_of_leaf ? &data_parallel_ : nullptr);
}

template <class T>
void TrainingStep<T>::run_leaf(const std::vector<const Sample*>& batch, int round, int own_leaf, double loss_scale) {
  const int leaf = leaves_.leaf(own_leaf);
  const std::int64_t begin = leaves_.begin(round, leaf), end = leaves_.end(round, leaf);
  const std::span<const Sample* const> rows =
      std::span(batch).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
  data_parallel_.begin_leaf(exec_, round, own_leaf);
  if (rows.empty()) return data_parallel_.skip_leaf();
  std::vector<std::int64_t> tokens;
  for (const Sample* sample : rows) tokens.push_back(sample->tokens());
  const std::vector<std::size_t> begins = data::pack(tokens, stage_.options.micro_batch_tokens);
  for (std::size_t b = 0; b + 1 < begins.size(); ++b) {
    heartbeat_("forward and backward");
    run_micro_batch(rows.subspan(begins[b], begins[b + 1] - begins[b]), begin + static_cast<std::int64_t>(begins[b]),
                    b + 2 == begins.size(), loss_scale);
  }
}

template <class T>
StepMetrics TrainingStep<T>::run(std::int64_t step) {
  const auto start = Clock::now();
  const double waited_tp = grid_.tp->seconds_waiting(), waited_dp = grid_.dp->seconds_waiting();
  const parallel::Traffic sent_tp = grid_.tp->traffic(), sent_dp = grid_.dp->traffic();
  const std::vector<const Sample*> batch = batch_of(step);
  // SFT averages over the completion tokens of the global batch, alignment over its sets.
  const double terms = preferences_ ? static_cast<double>(batch.size()) : completion_tokens(batch);

  flops_ = 0;
  first_sample_ = step * stage_.options.global_batch;
  for (int round = 0; round < leaves_.rounds; ++round) {
    for (int own_leaf = 0; own_leaf < leaves_.own(); ++own_leaf) run_leaf(batch, round, own_leaf, 1.0 / terms);
  }
  heartbeat_("summing gradients");
  data_parallel_.finish_gradients();
  llama_.wait();
  const std::vector<SampleMetrics> all = gather_samples(*grid_.dp, sets_.take_metrics(exec_));

  StepMetrics metrics;
  metrics.stage = stage_.name();
  metrics.step = step + 1;
  metrics.preferences = preferences_;
  metrics.mean = mean_of(all);
  metrics.loss = metrics.mean.loss * static_cast<double>(batch.size()) / terms;
  metrics.grad_norm = data_parallel_.gradient_norm();
  metrics.learning_rate = stage_.optimizer.lr * optim::schedule_factor(stage_.optimizer, step, total_steps_);
  metrics.epoch = static_cast<double>((step + 1) * stage_.options.global_batch) / static_cast<double>(samples_.size());
  metrics.skipped = !std::isfinite(metrics.loss) || !std::isfinite(metrics.grad_norm);
  if (!metrics.skipped) {
    heartbeat_("optimizer step");
    const auto update_start = Clock::now();
    data_parallel_.update(optimizer_, metrics.learning_rate, metrics.grad_norm);
    exec_.fence("recpo::step::run");
    metrics.optimizer_ms = ms_since(update_start);
  }

  for (const Sample* sample : batch) metrics.num_tokens += sample->tokens();
  const std::vector<RankMetrics> own{{ms_since(start),
                                      1e3 * (grid_.tp->seconds_waiting() - waited_tp),
                                      1e3 * (grid_.dp->seconds_waiting() - waited_dp),
                                      metrics.optimizer_ms,
                                      flops_,
                                      {grid_.tp->traffic() - sent_tp, grid_.dp->traffic() - sent_dp}}};
  const std::vector<RankMetrics> ranks = parallel::gather_values(*grid_.world, own);
  metrics.step_ms = largest(ranks, &RankMetrics::step_ms);
  metrics.comm_ms_tp = largest(ranks, &RankMetrics::comm_ms_tp);
  metrics.comm_ms_dp = largest(ranks, &RankMetrics::comm_ms_dp);
  metrics.optimizer_ms = largest(ranks, &RankMetrics::optimizer_ms);
  metrics.sent = mean_sent(ranks);
  const double seconds = 1e-3 * metrics.step_ms;
  metrics.tokens_per_second = static_cast<double>(metrics.num_tokens) / seconds;
  metrics.flops_per_second = flops_of(ranks, *grid_.tp) / seconds;
  metrics.fraction_of_gemm_rate = metrics.flops_per_second / gemm_rate_;
  return metrics;
}

RECPO_INSTANTIATE_STORAGE_CLASS(TrainingStep);

SampleMetrics sample_metrics(const kernels::SetLoss& loss, const objective::Terms& terms,
                             std::span<const double> logp) {
  const objective::SetResult set = objective::evaluate(loss, terms, logp);
  SampleMetrics metrics;
  metrics.loss = set.loss;
  metrics.chosen_reward = set.reward.front();
  metrics.chosen_logp = logp.front();
  metrics.floored_margins = terms.floored_margins;
  const auto dispreferred = static_cast<double>(logp.size() - 1);
  for (std::size_t k = 1; k < logp.size(); ++k) {
    metrics.rejected_reward += set.reward[k] / dispreferred;
    metrics.rejected_logp += logp[k] / dispreferred;
    metrics.accuracy += (set.reward[0] > set.reward[k] ? 1.0 : 0.0) / dispreferred;
  }
  return metrics;
}

StepSets::StepSets(std::int64_t completions, kernels::SetLoss loss)
    : loss_(std::move(loss)),
      logp_(Kokkos::view_alloc("recpo::step::logp", Kokkos::WithoutInitializing), completions),
      d_logp_(Kokkos::view_alloc("recpo::step::d_logp", Kokkos::WithoutInitializing), completions) {}

kernels::PreferenceSets StepSets::upload(const ExecSpace& exec, const std::vector<objective::Terms>& terms) {
  std::vector<int> begin{0};
  std::vector<double> reward_scale, reference, margin, sft_weight;
  const auto append = [](std::vector<double>& all, const std::vector<double>& own) {
    all.insert(all.end(), own.begin(), own.end());
  };
  for (const objective::Terms& set : terms) {
    append(reward_scale, set.reward_scale);
    append(reference, set.reference);
    append(margin, set.margin);
    sft_weight.push_back(set.sft_weight);
    begin.push_back(static_cast<int>(reward_scale.size()));
  }
  const auto begins = uploader_.stage(begin);
  const auto scales = uploader_.stage(reward_scale), references = uploader_.stage(reference),
             margins = uploader_.stage(margin), weights = uploader_.stage(sft_weight);
  uploader_.flush(exec);
  return {uploader_.view<int>(begins), uploader_.view<double>(scales), uploader_.view<double>(references),
          uploader_.view<double>(margins), uploader_.view<double>(weights)};
}

Vector<const double> StepSets::add(const ExecSpace& exec, std::vector<objective::Terms> terms, std::int64_t first_place,
                                   double scale, Vector<const double> logp) {
  const auto count = static_cast<std::int64_t>(logp.extent(0));
  RECPO_REQUIRE(completions_ + count <= static_cast<std::int64_t>(logp_.extent(0)));
  const Vector<double> kept(logp_.data() + completions_, count), d_logp(d_logp_.data() + completions_, count);
  Kokkos::deep_copy(exec, kept, logp);
  loss_.gradient(exec, upload(exec, terms), scale, logp, d_logp);
  completions_ += count;
  for (std::size_t s = 0; s < terms.size(); ++s) places_.push_back(first_place + static_cast<std::int64_t>(s));
  std::move(terms.begin(), terms.end(), std::back_inserter(terms_));
  return d_logp;
}

std::vector<SampleMetrics> StepSets::take_metrics(const ExecSpace& exec) {
  std::vector<double> logp(static_cast<std::size_t>(completions_));
  Kokkos::deep_copy(exec, HostVector<double>(logp.data(), logp.size()), Vector<double>(logp_.data(), logp.size()));
  exec.fence("recpo::step::take_metrics");
  uploader_.recycle();
  std::vector<SampleMetrics> metrics;
  std::size_t begin = 0;
  for (std::size_t s = 0; s < terms_.size(); ++s) {
    const std::size_t completions = terms_[s].completions();
    metrics.push_back(sample_metrics(loss_, terms_[s], std::span(logp).subspan(begin, completions)));
    metrics.back().place = places_[s];
    begin += completions;
  }
  terms_.clear();
  places_.clear();
  completions_ = 0;
  return metrics;
}

}  // namespace recpo::train
