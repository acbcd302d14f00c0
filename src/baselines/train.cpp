#include "src/baselines/train.hpp"

#include <cmath>

#include "kernels/adamw.hpp"
#include "kernels/reductions.hpp"
#include "src/baselines/checkpoint.hpp"
#include "src/support/check.hpp"
#include "src/support/log.hpp"
#include "src/support/units.hpp"

namespace recpo::baselines {
namespace {
double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

}  // namespace

template <class T>
TrainingStep<T>::TrainingStep(const BaselineOptions& options, std::int64_t leaves, SequenceModel<T>& model,
                              parallel::Communicator& dp)
    : options_(options),
      model_(model),
      dp_(dp),
      leaves_(train::plan_leaves(options.batch, leaves, dp.size(), dp.rank())),
      sums_({0}, model.parameters().size()),
      m_("recpo::train::m", model.parameters().size()),
      v_("recpo::train::v", model.parameters().size()) {}

template <class T>
void TrainingStep<T>::run_leaf(std::span<const Example> examples, std::size_t batch, std::vector<double>& losses) {
  SequenceBatch sequences;
  sequences.choices = 2;
  sequences.histories.dropout = options_.dropout;
  for (const Example& example : examples) {
    sequences.histories.histories.emplace_back(example.sequence->history);
    if (options_.dropout > 0) sequences.histories.keys.push_back(example.keys);
    sequences.items.push_back(example.sequence->target());
    sequences.items.push_back(example.negative);
  }
  const std::vector<double> scores = model_.forward(exec_, sequences);
  std::vector<double> d_scores;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    const double answer = scores[2 * i], negative = scores[2 * i + 1];
    losses.push_back(softplus(-answer) + softplus(negative));
    d_scores.push_back(-sigmoid(-answer) / static_cast<double>(batch));
    d_scores.push_back(sigmoid(negative) / static_cast<double>(batch));
  }
  model_.backward(exec_, d_scores);
}

template <class T>
StepMetrics TrainingStep<T>::run(const std::vector<Example>& batch) {
  train::LeafPlan leaves = leaves_;
  leaves.global_batch = static_cast<std::int64_t>(batch.size());  // of an epoch's last batch there may be less
  const Vector<T> gradients = model_.parameters().gradients();
  std::vector<double> losses;
  for (int i = 0; i < leaves.own(); ++i) {
    const auto begin = static_cast<std::size_t>(leaves.begin(0, leaves.leaf(i))),
               end = static_cast<std::size_t>(leaves.end(0, leaves.leaf(i)));
    Kokkos::deep_copy(exec_, gradients, T(0));
    if (begin < end) run_leaf(std::span(batch).subspan(begin, end - begin), batch.size(), losses);
    sums_.add(exec_, 0, gradients, i + 1 == leaves.own());
  }
  dp_.all_reduce_sum(exec_, gradients);
  StepMetrics metrics;
  for (const double loss : parallel::gather_values(dp_, losses))
    metrics.loss += loss / static_cast<double>(batch.size());
  metrics.grad_norm = gradient_norm();
  metrics.skipped = !std::isfinite(metrics.loss) || !std::isfinite(metrics.grad_norm);
  if (!metrics.skipped) update();
  return metrics;
}

template <class T>
double TrainingStep<T>::gradient_norm() const {
  constexpr std::int64_t kChunk = 4096;
  const Vector<const T> gradients = model_.parameters().gradients();
  const std::int64_t chunks = (model_.parameters().size() + kChunk - 1) / kChunk;
  const OwnedVector<double> partial("recpo::train::squares", chunks);
  kernels::square_sum_chunks<T>(exec_, gradients, kChunk, partial);
  exec_.fence("recpo::train::norm");
  double sum = 0;
  for (const double value : to_host<double>(partial)) sum += value;
  return std::sqrt(sum);
}

template <class T>
void TrainingStep<T>::update() {
  kernels::AdamWCoefficients coefficients;
  coefficients.lr = options_.lr;
  coefficients.step = ++updates_;
  coefficients.l2 = options_.weight_decay;
  kernels::adamw_step<T, T>(exec_, coefficients, model_.parameters().gradients(), m_, v_,
                            model_.parameters().weights());
  exec_.fence("recpo::train::update");
}

namespace {
std::vector<Sequence> sequences_of(const data::RowFile& rows, data::Split split, const ItemVocabulary& vocabulary) {
  std::vector<Sequence> sequences;
  for (const data::Row* row : rows.of_split(split)) sequences.push_back(vocabulary.sequence(*row));
  return sequences;
}

// The hits of a split, ranks sharing its groups, which are the same for any number of ranks.
std::int64_t count_hits(SequenceModel<float>& model, std::span<const Sequence> sequences, std::size_t group,
                        parallel::Communicator& dp) {
  std::int64_t hits = 0;
  const std::size_t groups = (sequences.size() + group - 1) / group;
  for (auto g = static_cast<std::size_t>(dp.rank()); g < groups; g += static_cast<std::size_t>(dp.size())) {
    const auto part = sequences.subspan(g * group, std::min(group, sequences.size() - g * group));
    const auto scores = score_candidates(model, part, group);
    for (std::size_t s = 0; s < part.size(); ++s) {
      const auto best = std::max_element(scores[s].begin(), scores[s].end());  // the first of equal ones
      hits += best - scores[s].begin() == part[s].preferred ? 1 : 0;
    }
  }
  std::int64_t all = 0;
  for (const std::int64_t own : parallel::gather_values(dp, std::vector{hits})) all += own;
  return all;
}

class Trainer {
 public:
  Trainer(const TrainingJob& job, const data::RowFile& rows, const ItemVocabulary& vocabulary,
          const parallel::ProcessGrid& grid)
      : job_(job),
        grid_(grid),
        examples_(rows, vocabulary, job.seed),
        validation_(sequences_of(rows, data::Split::kValid, vocabulary)),
        model_(std::make_unique<SequenceModel<float>>(job.baseline->encoder(), model_shape(job.options, vocabulary))),
        step_(job.options, job.reduction_leaves, *model_, *grid.dp),
        steps_of_epoch_(steps_of_epoch(job.options, examples_.size())) {
    state_.model = job.baseline->name;
    state_.inputs_hash = job.inputs_hash;
    state_.layout = layout_text(model_->parameters().specs());
    model_->parameters().initialize(job.seed);
  }

  void resume();
  Trained run(const train::StopRequested& stop_requested);

 private:
  std::string title() const { return fmt::format("baseline {}", state_.model); }
  train::StepResult run_step(std::int64_t step);
  void end_epoch();
  void save();
  std::string note(double loss) const;
  double hit_rate(std::int64_t hits) const {
    return static_cast<double>(hits) / static_cast<double>(std::max<std::size_t>(validation_.size(), 1));
  }
  void log_summary() const;

  const TrainingJob& job_;
  const parallel::ProcessGrid& grid_;
  Examples examples_;
  std::vector<Sequence> validation_;
  std::unique_ptr<SequenceModel<float>> model_;
  TrainingStep<float> step_;
  std::int64_t steps_of_epoch_;
  TrainingState state_;
  train::LoopState loop_;    // written to state_ when it is saved
  double step_seconds_ = 0;  // of this process
  std::int64_t steps_timed_ = 0;
};

void Trainer::resume() {
  auto found = load_newest_state(job_.folder, *grid_.world);
  if (!found) return;
  train::require_same_inputs(found->inputs_hash == job_.inputs_hash && found->layout == state_.layout, job_.folder,
                             job_.folder);
  state_ = std::move(*found);
  finish_pruning(job_.folder, state_.step, job_.checkpoint.keep, *grid_.world);
  loop_ = {state_.step, state_.bad_steps, state_.complete};
  model_->parameters().set_weights(state_.weights);
  to_device<float>(state_.first_moment, step_.first_moment());
  to_device<float>(state_.second_moment, step_.second_moment());
  step_.set_updates(state_.updates);
}

train::StepResult Trainer::run_step(std::int64_t step) {
  const std::int64_t epoch = step / steps_of_epoch_, begin = step % steps_of_epoch_ * job_.options.batch;
  const auto start = Clock::now();
  const StepMetrics metrics =
      step_.run(examples_.batch(epoch, begin, std::min(begin + job_.options.batch, examples_.size())));
  step_seconds_ += seconds_since(start);
  ++steps_timed_;
  if (!metrics.skipped) state_.loss_sum += metrics.loss;
  if ((step + 1) % steps_of_epoch_ == 0) end_epoch();
  return {metrics.loss, metrics.grad_norm, metrics.skipped, state_.complete, note(metrics.loss)};
}

void Trainer::end_epoch() {
  state_.epoch_losses.push_back(state_.loss_sum / static_cast<double>(steps_of_epoch_));
  state_.loss_sum = 0;
  const auto group = static_cast<std::size_t>(job_.options.batch);
  const std::int64_t hits = count_hits(*model_, validation_, group, *grid_.dp), epoch = state_.epochs();
  state_.epoch_hits.push_back(hits);
  const bool is_better = state_.best_epoch == 0 || validation_.empty() ||
                         hits > state_.epoch_hits[static_cast<std::size_t>(state_.best_epoch - 1)];
  if (is_better) {
    state_.best_epoch = epoch;
    state_.best_weights = model_->parameters().host_weights();
  }
  const bool has_patience = validation_.empty() || epoch - state_.best_epoch < job_.options.patience;
  state_.complete = epoch >= job_.options.epochs || !has_patience;
}

void Trainer::save() {
  state_.step = loop_.step;
  state_.bad_steps = loop_.bad_steps;
  state_.updates = step_.updates();
  state_.weights = model_->parameters().host_weights();
  state_.first_moment = to_host(step_.first_moment());
  state_.second_moment = to_host(step_.second_moment());
  save_state(job_.folder, state_, job_.checkpoint.keep, *grid_.world);
}

std::string Trainer::note(double loss) const {
  std::string note = fmt::format("loss {:.4f}", loss);
  if (!validation_.empty() && state_.epochs() > 0) {
    note +=
        fmt::format(", HR@1 {:.4f} (best {:.4f}, epoch {})", hit_rate(state_.epoch_hits.back()),
                    hit_rate(state_.epoch_hits[static_cast<std::size_t>(state_.best_epoch - 1)]), state_.best_epoch);
  }
  const double rows = static_cast<double>(steps_timed_ * job_.options.batch);
  return note + fmt::format(", {:.0f} rows/s", rows / std::max(step_seconds_, 1e-9));
}

void Trainer::log_summary() const {
  const double seconds = step_seconds_ / static_cast<double>(std::max<std::int64_t>(steps_timed_, 1));
  const auto best = static_cast<std::size_t>(state_.best_epoch - 1);
  log::info("{}: done, {} epochs, {:.2f} s an epoch; the best is {}: loss {:.4f}, validation HR@1 {:.4f}", title(),
            state_.epochs(), seconds * static_cast<double>(steps_of_epoch_), state_.best_epoch,
            state_.epoch_losses[best], hit_rate(state_.epoch_hits[best]));
}

Trained Trainer::run(const train::StopRequested& stop_requested) {
  if (loop_.complete) {
    log::info("{}: done (epoch {} of {}), skipped", title(), state_.best_epoch, state_.epochs());
  } else {
    if (validation_.empty()) log::warn("{}: no validation rows, so every epoch is trained", title());
    train::run_loop({title(), job_.options.epochs * steps_of_epoch_, job_.max_bad_steps, "lower baseline.lr",
                     job_.checkpoint, [this](std::int64_t step) { return run_step(step); }, [this] { save(); }},
                    loop_, *grid_.world, stop_requested);
    if (!loop_.complete) return {false, loop_.step, nullptr};
    log_summary();
  }
  model_->parameters().set_weights(state_.best_weights);
  return {true, loop_.step, std::move(model_)};
}
}  // namespace

ModelShape model_shape(const BaselineOptions& options, const ItemVocabulary& vocabulary) {
  return {vocabulary.size(), options.hidden, vocabulary.longest_history(), options.blocks};
}

std::int64_t steps_of_epoch(const BaselineOptions& options, std::int64_t training_rows) {
  return (training_rows + options.batch - 1) / options.batch;
}

Trained train(const TrainingJob& job, const data::RowFile& rows, const ItemVocabulary& vocabulary,
              const parallel::ProcessGrid& grid, const train::StopRequested& stop_requested) {
  Trainer trainer(job, rows, vocabulary, grid);
  trainer.resume();
  return trainer.run(stop_requested);
}

RECPO_INSTANTIATE_SUMS_CLASS(TrainingStep);

}  // namespace recpo::baselines
