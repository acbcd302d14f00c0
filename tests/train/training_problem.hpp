#pragma once
// A small training stage for any grid of ranks: random rows (preference sets with ratings and latencies), a random
// model with four key/value heads and a vocabulary that no number of shards divides, and the steps of the real trainer.

#include <memory>

#include "src/model/tensor_parallel.hpp"
#include "src/parallel/communicator.hpp"
#include "src/train/step.hpp"
#include "tests/model/tiny_model.hpp"

namespace recpo::test {

inline data::RowFile random_rows(std::int64_t count, std::int64_t vocab) {
  data::RowFile file;
  for (std::int64_t i = 0; i < count; ++i) {
    Random random(17, "rows", static_cast<std::uint64_t>(i));
    data::Row row;
    row.id = i;
    row.prompt_ids = random_tokens(random, 5 + random.below(20), vocab);
    for (int c = 0; c < 4; ++c) {
      data::Candidate candidate;
      candidate.rating = 1.0 + static_cast<double>(random.below(5));
      candidate.latency = 1.0 + static_cast<double>(random.below(10));
      row.candidates.push_back(candidate);
      row.answer_ids.push_back(random_tokens(random, 1 + random.below(6), vocab));
      if (c > 0) row.negatives.push_back(c);
    }
    file.rows.push_back(row);
  }
  return file;
}

inline parallel::ProcessGrid one_rank() {
  return {std::make_unique<parallel::SerialCommunicator>(), std::make_unique<parallel::SerialCommunicator>(),
          std::make_unique<parallel::SerialCommunicator>()};
}

inline train::Stage small_stage(const std::string& objective) {
  train::Stage stage;
  stage.kind = objective == "sft" ? train::StageKind::kSft : train::StageKind::kAlign;
  if (objective != "sft") stage.objective.objective = objective;
  stage.options.global_batch = 16;
  stage.options.micro_batch_tokens = 100;
  stage.optimizer.lr = 1e-3;
  stage.optimizer.weight_decay = 0.01;
  stage.optimizer.schedule = optim::Schedule::kConstant;
  stage.optimizer.warmup_fraction = 0;
  return stage;
}

template <class T>
class TrainingProblem {
 public:
  TrainingProblem(const train::Stage& stage, const parallel::ProcessGrid& grid, bool tied = false)
      : stage_(stage),
        config_(tiny_wide_config(tied)),
        rows_(random_rows(40, config_.vocab_size)),
        set_(train::training_samples(rows_, stage.kind == train::StageKind::kSft ? 0 : 3)),
        grid_(grid),
        store_(train::training_store<T>(config_, stage.parallel, stage.lora, grid)) {
    config_.initializer_range = 0.1;
    model::initialize_weights(config_, 3, *store_);
    start_ = weights();
    for (const data::Row& row : rows_.rows) {
      Random random(23, "reference", static_cast<std::uint64_t>(row.id));
      for (int k = 0; k < 4; ++k) reference_[row.id].push_back(-20 + 4 * random.normal());
    }
    optimizer_ = std::make_unique<optim::AdamW<T>>(
        stage_.optimizer, *store_,
        train::DataParallel<T>::owned(*store_, static_cast<int>(stage_.parallel.zero), *grid.dp));
    step_ = std::make_unique<train::TrainingStep<T>>(stage_, set_.samples, reference_, config_, *store_, *optimizer_,
                                                     grid, 1000, heartbeat_);
  }

  std::vector<train::StepMetrics> run(int steps, int first = 0) {
    std::vector<train::StepMetrics> metrics;
    for (int i = 0; i < steps; ++i) metrics.push_back(step_->run(first + i));
    step_->settle();
    return metrics;
  }

  const model::LlamaConfig& config() const { return config_; }
  model::ParameterStore<T>& store() { return *store_; }
  optim::AdamW<T>& optimizer() { return *optimizer_; }
  train::TrainingStep<T>& step() { return *step_; }
  const train::SampleSet& samples() const { return set_; }
  // Weights before the first step, and now.
  const std::vector<T>& start() const { return start_; }
  std::vector<T> weights() const { return host_values(store_->weights()); }

 private:
  train::Stage stage_;
  model::LlamaConfig config_;
  data::RowFile rows_;
  train::SampleSet set_;
  const parallel::ProcessGrid& grid_;
  std::unique_ptr<model::ParameterStore<T>> store_;
  train::ReferenceLogps reference_;
  train::Heartbeat heartbeat_ = [](const char*) {};
  std::unique_ptr<optim::AdamW<T>> optimizer_;
  std::unique_ptr<train::TrainingStep<T>> step_;
  std::vector<T> start_;
};

}  // namespace recpo::test
