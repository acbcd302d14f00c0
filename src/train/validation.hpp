#pragma once
// Validation while training: validation rows with all of their candidates, scored by one tree pass under the weights
// as they are after a step, without dropout; and the best step so far. Training's own steps do not depend on it.

#include <functional>
#include <vector>

#include "src/evaluation/score.hpp"
#include "src/parallel/communicator.hpp"
#include "src/train/metrics.hpp"
#include "src/train/options.hpp"
#include "src/train/samples.hpp"
#include "src/train/step_shape.hpp"

namespace recpo::train {

// From log-probs of all candidates, [rows][candidates]. Candidates of equal log-prob count as their expectation over
// all orders. Throws kNumerics naming the row where one is not finite.
ValidationMetrics validation_metrics(const ValidationRows& rows, const std::vector<std::vector<double>>& logps);

template <class T>
class Validator {
 public:
  // Allocates activations by validation_capacity(shape). Rows, store and grid must outlive it.
  Validator(const ValidationRows& rows, const StepShape& shape, const model::LlamaConfig& config,
            model::ParameterStore<T>& store, const parallel::ProcessGrid& grid);

  std::int64_t activation_bytes() const { return scorer_.activation_bytes(); }

  // The same on every rank, for any number of data-parallel ranks; `progress` is called once a row. Collective over
  // the world; every weight of the rank's shard is there.
  ValidationMetrics run(const std::function<void()>& progress);

 private:
  const ValidationRows& rows_;
  std::vector<evaluation::TokenTree> trees_;
  evaluation::TreeScorer<T> scorer_;
  const parallel::ProcessGrid& grid_;
};

// The best step of a stage so far: of equals the earliest.
struct BestStep {
  ValidationMetric metric = ValidationMetric::kRankedHitRate;
  std::int64_t step = 0;   // 0: none yet
  double value = 0;        // of the metric
  std::int64_t since = 0;  // validations after it

  // Whether the step is strictly better than all before; then it is the best.
  bool add(std::int64_t step, const ValidationMetrics& metrics);
};

}  // namespace recpo::train
