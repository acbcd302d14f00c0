#include "src/train/validation.hpp"

#include "src/evaluation/metrics.hpp"
#include "src/evaluation/prediction.hpp"
#include "src/support/check.hpp"

namespace recpo::train {
namespace {

double mean(const std::vector<evaluation::Prediction>& ranked, const char* metric) {
  return evaluation::mean_of_ranks(ranked, std::get<evaluation::OfRank>(evaluation::find_metric(metric).of)).value();
}

double value_of(ValidationMetric metric, const ValidationMetrics& metrics) {
  switch (metric) {
    case ValidationMetric::kRankedHitRate:
      return metrics.ranked_hit_rate;
    case ValidationMetric::kMrr:
      return metrics.mrr;
    case ValidationMetric::kLoss:
      return metrics.loss;
  }
  RECPO_REQUIRE(false);
}

}  // namespace

ValidationMetrics validation_metrics(const ValidationRows& rows, const std::vector<std::vector<double>>& logps) {
  RECPO_REQUIRE(!rows.empty() && logps.size() == rows.size());
  std::vector<evaluation::Prediction> ranked(rows.size());
  double logp = 0, tokens = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    ranked[i].ranking = evaluation::rank_candidates(*rows[i], logps[i]);
    const auto preferred = static_cast<std::size_t>(rows[i]->preferred);
    logp += logps[i][preferred];
    tokens += static_cast<double>(rows[i]->answer_ids[preferred].size());
  }
  return {mean(ranked, "ranked_hr@1"), mean(ranked, "ranked_mrr"), -logp / tokens};
}

template <class T>
Validator<T>::Validator(const ValidationRows& rows, const StepShape& shape, const model::LlamaConfig& config,
                        model::ParameterStore<T>& store, const parallel::ProcessGrid& grid)
    : rows_(rows), scorer_(config, store, shape.micro_batch_tokens, {*grid.tp, false}), grid_(grid) {
  for (const data::Row* row : rows)
    trees_.push_back({row->prompt_ids, {row->answer_ids.begin(), row->answer_ids.end()}});
  scorer_.reserve(validation_capacity(shape));
}

template <class T>
ValidationMetrics Validator<T>::run(const std::function<void()>& progress) {
  return validation_metrics(rows_, scorer_.score(trees_, progress, *grid_.dp));
}

RECPO_INSTANTIATE_STORAGE_CLASS(Validator);

bool BestStep::add(std::int64_t at, const ValidationMetrics& metrics) {
  const double now = value_of(metric, metrics);
  const bool better = step == 0 || (metric == ValidationMetric::kLoss ? now < value : now > value);
  if (better) {
    *this = {metric, at, now, 0};
  } else {
    ++since;
  }
  return better;
}

}  // namespace recpo::train
