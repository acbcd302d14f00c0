#include "src/objective/objective.hpp"

#include <fmt/ranges.h>

#include <algorithm>

#include "kernels/set_loss.hpp"
#include "src/support/check.hpp"

namespace recpo::objective {

#define RECPO_OBJECTIVE(name) extern const Objective name;
#include "objective_list.inc"
#undef RECPO_OBJECTIVE

const std::vector<const Objective*>& objectives() {
  static const std::vector<const Objective*> all = [] {
#define RECPO_OBJECTIVE(name) &name,
    std::vector<const Objective*> listed = {
#include "objective_list.inc"
    };
#undef RECPO_OBJECTIVE
    std::ranges::sort(listed, {}, &Objective::order);
    return listed;
  }();
  return all;
}

std::vector<std::string> objective_names() {
  std::vector<std::string> names;
  for (const Objective* objective : objectives()) names.emplace_back(objective->name);
  return names;
}

const std::vector<const PartKey*>& objective_keys() {
  static const std::vector<const PartKey*> all = [] {
    std::vector<const PartKey*> keys;
    for (const Objective* objective : objectives())
      for (const PartKey& key : objective->keys) keys.push_back(&key);
    return keys;
  }();
  return all;
}

const Objective& find_objective(const std::string& name) {
  for (const Objective* objective : objectives())
    if (name == objective->name) return *objective;
  throw_usage("align.objective = \"{}\" is not one of {}", name, fmt::join(objective_names(), " | "));
}

void check(const ObjectiveOptions& options) { check_values(options, "align"); }

int negatives_used(const ObjectiveOptions& options, int negatives) {
  return std::min(negatives, find_objective(options.objective).most_negatives);
}

bool needs_reference(const ObjectiveOptions& options) { return find_objective(options.objective).reference; }

bool reads(const Objective& objective, std::string_view key) {
  constexpr std::string_view kOfUtilities[] = {"align.lambda", "align.margin", "align.margin_form",
                                               "data.default_rating", "data.default_latency"};
  if (key == "data.negatives") return objective.most_negatives > 1;
  if (key == "align.reference") return objective.reference;
  if (std::ranges::find(kOfUtilities, key) != std::end(kOfUtilities)) return objective.utilities;
  const auto is_key = [&](const char* own) { return key == fmt::format("align.{}", own); };
  return std::ranges::any_of(objective.keys, is_key, &PartKey::name) ||
         std::ranges::none_of(objective_keys(), is_key, &PartKey::name);
}

bool is_own_key(std::string_view key) {
  if (key == "align.sft_weight") return false;
  ObjectiveOptions options;
  Keys keys;
  keys.section("align", changes::kAlign);
  options.declare(keys);
  return std::ranges::any_of(keys.all(), [&](const Key& own) { return own.full_name() == key; });
}

Terms preference_terms(const ObjectiveOptions& options, const PreferenceSet& set) {
  const Objective& objective = find_objective(options.objective);
  const std::size_t completions = set.length.size();
  RECPO_REQUIRE(completions >= 1 && (!objective.reference || set.reference_logp.size() == completions));
  const auto negatives = static_cast<std::size_t>(negatives_used(options, static_cast<int>(completions) - 1));

  Terms terms;
  terms.reward_scale.assign(completions, options.beta);
  terms.reference.assign(completions, 0.0);
  if (objective.reference) terms.reference.assign(set.reference_logp.begin(), set.reference_logp.end());
  terms.margin.assign(completions, -std::numeric_limits<double>::infinity());
  for (std::size_t k = 1; k <= negatives; ++k) terms.margin[k] = 0.0;
  terms.sft_weight = options.sft_weight / set.length[0];
  if (objective.terms != nullptr) objective.terms(options, set, negatives, terms);
  return terms;
}

kernels::SetLoss preference_loss(const ObjectiveOptions& options) {
  return find_objective(options.objective).loss(options);
}

Terms sft_terms() { return {.reward_scale = {0.0}, .reference = {0.0}, .margin = {0.0}, .sft_weight = 1.0}; }

kernels::SetLoss sft_loss() { return log_sum_exp({}); }

SetResult evaluate(const kernels::SetLoss& loss, const Terms& terms, std::span<const double> logp) {
  RECPO_REQUIRE(logp.size() == terms.completions());
  const kernels::SetTerms set{terms.reward_scale.data(), terms.reference.data(), terms.margin.data(), terms.sft_weight,
                              static_cast<int>(logp.size())};
  SetResult result;
  result.d_logp.resize(logp.size());
  result.loss = loss.of_set(set, logp.data(), result.d_logp.data());
  for (std::size_t k = 0; k < logp.size(); ++k) result.reward.push_back(set.reward(logp.data(), static_cast<int>(k)));
  return result;
}

// The logarithm neither overflows nor loses small sums: the largest of {0, z} leaves it, and its own term, exactly 1,
// is log1p's. A NaN reaches the loss.
struct LogSumExp {
  KOKKOS_INLINE_FUNCTION double operator()(const kernels::SetTerms& terms, const double* logp, double* d_logp) const {
    const double preferred = terms.reward(logp, 0);
    int largest = 0;  // 0 stands for the term 1
    double shift = 0;
    for (int k = 1; k < terms.completions; ++k) {
      const double z = terms.reward(logp, k) - preferred + terms.margin[k];
      d_logp[k] = z;
      if (z > shift) shift = z, largest = k;
    }
    double rest = largest == 0 ? 0.0 : Kokkos::exp(-shift);
    for (int k = 1; k < terms.completions; ++k) {
      d_logp[k] = Kokkos::exp(d_logp[k] - shift);
      if (k != largest) rest += d_logp[k];
    }
    double sum = 0;
    for (int k = 1; k < terms.completions; ++k) {
      const double weight = d_logp[k] / (1 + rest);
      sum += weight;
      d_logp[k] = terms.reward_scale[k] * weight;
    }
    d_logp[0] = -terms.reward_scale[0] * sum - terms.sft_weight;
    return shift + Kokkos::log1p(rest) - terms.sft_weight * logp[0];
  }
};

kernels::SetLoss log_sum_exp(const ObjectiveOptions&) { return kernels::set_loss(LogSumExp()); }

}  // namespace recpo::objective
