#include "src/train/step_sets.hpp"

#include <iterator>
#include <utility>

#include "src/support/check.hpp"

namespace recpo::train {

SampleMetrics sample_metrics(const objective::Terms& terms, std::span<const double> logp) {
  const objective::SetResult set = objective::evaluate(terms, logp);
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

StepSets::StepSets(std::int64_t completions)
    : logp_(Kokkos::view_alloc("recpo::step_sets::logp", Kokkos::WithoutInitializing), completions),
      d_logp_(Kokkos::view_alloc("recpo::step_sets::d_logp", Kokkos::WithoutInitializing), completions) {}

kernels::PreferenceSets StepSets::upload(const ExecSpace& exec, const std::vector<objective::Terms>& terms) {
  std::vector<int> begin{0};
  std::vector<double> slope, reference, offset, answer_weight;
  const auto append = [](std::vector<double>& all, const std::vector<double>& own) {
    all.insert(all.end(), own.begin(), own.end());
  };
  for (const objective::Terms& set : terms) {
    append(slope, set.slope);
    append(reference, set.reference);
    append(offset, set.offset);
    answer_weight.push_back(set.answer_weight);
    begin.push_back(static_cast<int>(slope.size()));
  }
  const auto begins = uploader_.stage(begin);
  const auto slopes = uploader_.stage(slope), references = uploader_.stage(reference),
             offsets = uploader_.stage(offset), weights = uploader_.stage(answer_weight);
  uploader_.flush(exec);
  return {uploader_.view<int>(begins), uploader_.view<double>(slopes), uploader_.view<double>(references),
          uploader_.view<double>(offsets), uploader_.view<double>(weights)};
}

Vector<const double> StepSets::add(const ExecSpace& exec, std::vector<objective::Terms> terms, std::int64_t first_place,
                                   double scale, Vector<const double> logp) {
  const auto count = static_cast<std::int64_t>(logp.extent(0));
  RECPO_REQUIRE(completions_ + count <= static_cast<std::int64_t>(logp_.extent(0)));
  const Vector<double> kept(logp_.data() + completions_, count), d_logp(d_logp_.data() + completions_, count);
  Kokkos::deep_copy(exec, kept, logp);
  kernels::preference_gradient(exec, upload(exec, terms), scale, logp, d_logp);
  completions_ += count;
  for (std::size_t s = 0; s < terms.size(); ++s) places_.push_back(first_place + static_cast<std::int64_t>(s));
  std::move(terms.begin(), terms.end(), std::back_inserter(terms_));
  return d_logp;
}

std::vector<SampleMetrics> StepSets::take_metrics(const ExecSpace& exec) {
  std::vector<double> logp(static_cast<std::size_t>(completions_));
  Kokkos::deep_copy(exec, HostVector<double>(logp.data(), logp.size()), Vector<double>(logp_.data(), logp.size()));
  exec.fence("recpo::step_sets::take_metrics");
  uploader_.recycle();
  std::vector<SampleMetrics> metrics;
  std::size_t begin = 0;
  for (std::size_t s = 0; s < terms_.size(); ++s) {
    const std::size_t completions = terms_[s].completions();
    metrics.push_back(sample_metrics(terms_[s], std::span(logp).subspan(begin, completions)));
    metrics.back().place = places_[s];
    begin += completions;
  }
  terms_.clear();
  places_.clear();
  completions_ = 0;
  return metrics;
}

}  // namespace recpo::train
