#include "src/baselines/train.hpp"

#include <chrono>

#include "src/baselines/checkpoint.hpp"
#include "src/baselines/examples.hpp"
#include "src/baselines/sequence_recommender.hpp"
#include "src/support/check.hpp"
#include "src/support/log.hpp"

namespace recpo::baselines {
namespace {
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::vector<float> to_host(const Vector<float>& values) {
  std::vector<float> host(values.size());
  Kokkos::deep_copy(HostVector<float>(host.data(), host.size()), values);
  return host;
}
void to_device(const std::vector<float>& host, const Vector<float>& values) {
  Kokkos::deep_copy(values, HostVector<const float>(host.data(), host.size()));
}

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
  for (const std::string& text : dp.all_gather(std::to_string(hits))) all += std::stoll(text);
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
        model_(std::make_unique<SequenceModel<float>>(*job.baseline->encoder, model_shape(job.options, vocabulary))),
        step_(job.options, job.reduction_leaves, *model_, *grid.dp),
        steps_of_epoch_(steps_of_epoch(job.options, examples_.size())) {
    state_.model = job.baseline->name;
    state_.inputs_hash = job.inputs_hash;
    state_.layout = layout_text(model_->parameters().specs());
    model_->parameters().initialize(job.seed);
  }

  void resume();
  Trained run(const std::function<bool()>& stop_requested);

 private:
  std::string title() const { return fmt::format("baseline {}", state_.model); }
  void run_step();
  void end_epoch();
  void save();
  bool is_due() const;
  std::string note() const;
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
  Clock::time_point last_save_ = Clock::now();
  double step_seconds_ = 0, loss_ = 0;  // of this process; of the last step
  std::int64_t steps_timed_ = 0;
};

void Trainer::resume() {
  auto found = load_newest_state(job_.folder, *grid_.world);
  if (!found) return;
  if (found->inputs_hash != job_.inputs_hash || found->layout != state_.layout) {
    throw_usage("{} was made from another deck or other rows: choose another run.dir, or remove it to train again",
                job_.folder.string());
  }
  state_ = std::move(*found);
  model_->parameters().set_weights(state_.weights);
  to_device(state_.first_moment, step_.first_moment());
  to_device(state_.second_moment, step_.second_moment());
  step_.set_updates(state_.updates);
}

void Trainer::run_step() {
  const std::int64_t epoch = state_.step / steps_of_epoch_, begin = state_.step % steps_of_epoch_ * job_.options.batch;
  const auto start = Clock::now();
  const StepFigures figures =
      step_.run(examples_.batch(epoch, begin, std::min(begin + job_.options.batch, examples_.size())));
  step_seconds_ += seconds_since(start);
  ++steps_timed_;
  ++state_.step;
  loss_ = figures.loss;
  if (!figures.skipped) {
    state_.loss_sum += figures.loss;
    return;
  }
  log::warn("{}: step {} is not finite (loss {}) and leaves the weights alone", title(), state_.step, figures.loss);
  if (++state_.bad_steps > job_.max_bad_steps) {
    throw_error(ExitCode::kNumerics,
                "{}: {} steps had a non-finite loss or gradient, the last one step {}: lower baseline.lr", title(),
                state_.bad_steps, state_.step);
  }
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

bool Trainer::is_due() const {
  const train::CheckpointOptions& options = job_.checkpoint;
  return state_.complete || (options.every_steps > 0 && state_.step % options.every_steps == 0) ||
         (options.every_minutes > 0 && seconds_since(last_save_) >= 60 * options.every_minutes);
}

void Trainer::save() {
  state_.updates = step_.updates();
  state_.weights = model_->parameters().host_weights();
  state_.first_moment = to_host(step_.first_moment());
  state_.second_moment = to_host(step_.second_moment());
  save_state(job_.folder, state_, job_.checkpoint.keep, *grid_.world);
  last_save_ = Clock::now();
}

std::string Trainer::note() const {
  std::string note = fmt::format("loss {:.4f}", loss_);
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

enum Decision : int { kGoOn = 0, kSave = 1, kSaveAndStop = 2 };

Trained Trainer::run(const std::function<bool()>& stop_requested) {
  if (state_.complete) {
    log::info("{}: done (epoch {} of {}), skipped", title(), state_.best_epoch, state_.epochs());
  } else {
    if (state_.step > 0) log::info("{}: continues after step {}", title(), state_.step);
    if (validation_.empty()) log::warn("{}: no validation rows, so every epoch is trained", title());
    Progress bar(title(), job_.options.epochs * steps_of_epoch_, "steps", state_.step);
    while (!state_.complete) {
      run_step();
      if (state_.step % steps_of_epoch_ == 0) end_epoch();
      bar.set_note(note());
      bar.advance();
      const bool stop = !state_.complete && stop_requested && stop_requested();
      const int decision = grid_.world->all_reduce_max(stop ? kSaveAndStop : is_due() ? kSave : kGoOn);
      if (decision != kGoOn) save();
      if (decision == kSaveAndStop) return {false, state_.step, nullptr};
    }
    log_summary();
  }
  model_->parameters().set_weights(state_.best_weights);
  return {true, state_.step, std::move(model_)};
}
}  // namespace

ModelShape model_shape(const BaselineOptions& options, const ItemVocabulary& vocabulary) {
  return {vocabulary.size(), options.hidden, vocabulary.longest_history(), options.blocks};
}

std::int64_t steps_of_epoch(const BaselineOptions& options, std::int64_t training_rows) {
  return (training_rows + options.batch - 1) / options.batch;
}

Trained train(const TrainingJob& job, const data::RowFile& rows, const ItemVocabulary& vocabulary,
              const parallel::ProcessGrid& grid, const std::function<bool()>& stop_requested) {
  Trainer trainer(job, rows, vocabulary, grid);
  trainer.resume();
  return trainer.run(stop_requested);
}

}  // namespace recpo::baselines
