#include "src/objective/objective.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "src/objective/margin.hpp"
#include "src/support/check.hpp"

namespace recpo::objective {
namespace {
// All four are log(1 + sum_k exp(reward_k - reward_0 + offset_k)) and differ in three answers.
struct Form {
  const char* name;
  bool single_negative;  // the first of the K drawn, not all
  bool reference;        // reward beta (logp - ref), not beta logp / |y|
  bool utility_margin;   // offsets from the items' utilities
};
constexpr std::array<Form, 4> kForms = {{
    {"dpo", true, true, false},
    {"simpo", true, false, false},
    {"s-dpo", false, true, false},
    {"recpo", false, true, true},
}};
constexpr std::array<const char*, 3> kMarginForms = {"pairwise", "printed-eq8", "listwise-eq15"};

const Form* find_form(const std::string& name) {
  const auto found = std::find_if(kForms.begin(), kForms.end(), [&](const Form& form) { return name == form.name; });
  return found == kForms.end() ? nullptr : found;
}

const Form& form_of(const ObjectiveOptions& options) {
  const Form* form = find_form(options.objective);
  RECPO_REQUIRE(form != nullptr);  // check() comes first
  return *form;
}

// gamma_k of the negatives 1..n, index 0 unused.
std::vector<double> utility_offsets(const ObjectiveOptions& options, const PreferenceSet& set, std::size_t negatives,
                                    int& floored) {
  RECPO_REQUIRE(set.rating.size() > negatives && set.latency.size() > negatives);
  const auto phi = [&](std::size_t k) { return utility(set.rating[k], set.latency[k], options.alpha); };
  std::vector<double> offset(1 + negatives, 0.0);
  double sum = 0;
  for (std::size_t k = 1; k <= negatives; ++k) {
    const MarginValue value = margin(options.margin, options.lambda, phi(0), phi(k));
    offset[k] = options.margin_form == "printed-eq8" ? -value.gamma : value.gamma;
    sum += value.gamma;
    floored += value.floored;
  }
  if (options.margin_form == "listwise-eq15") std::fill(offset.begin() + 1, offset.end(), sum);
  return offset;
}

// log(1 + sum_k exp z_k) without overflow and without losing small sums: the largest of {0, z} leaves the logarithm,
// and its own term, exactly 1, is log1p's. `weight` gets exp(z_k) / (1 + sum exp z), the derivatives.
double log_one_plus_sum_exp(std::span<const double> z, std::span<double> weight) {
  std::size_t largest = z.size();  // z.size() stands for the extra 0 term
  for (std::size_t k = 0; k < z.size(); ++k)
    if (z[k] > (largest == z.size() ? 0.0 : z[largest])) largest = k;
  const double shift = largest == z.size() ? 0.0 : z[largest];
  double rest = largest == z.size() ? 0.0 : std::exp(-shift);
  for (std::size_t k = 0; k < z.size(); ++k) {
    weight[k] = std::exp(z[k] - shift);
    if (k != largest) rest += weight[k];
  }
  for (double& w : weight) w /= 1 + rest;
  return shift + std::log1p(rest);
}

void require_choice(const char* key, const std::string& value, const std::vector<std::string>& choices) {
  if (std::find(choices.begin(), choices.end(), value) == choices.end())
    throw_usage("align.{} = \"{}\" is not known; choices: {}", key, value, fmt::join(choices, ", "));
}

void require_number(const char* key, double value, bool fits, const char* right) {
  if (!(std::isfinite(value) && fits)) throw_usage("align.{} = {} must be {}", key, value, right);
}
}  // namespace

void check(const ObjectiveOptions& options) {
  std::vector<std::string> names;
  for (const Form& form : kForms) names.emplace_back(form.name);
  require_choice("objective", options.objective, names);
  require_choice("margin", options.margin, margin_names());
  require_choice("margin_form", options.margin_form, {kMarginForms.begin(), kMarginForms.end()});
  require_number("beta", options.beta, options.beta > 0, "a positive number");
  require_number("lambda", options.lambda, options.lambda >= 0, "a number from 0 on");
  require_number("alpha", options.alpha, options.alpha >= 0, "a number from 0 on");
  require_number("simpo_margin", options.simpo_margin, true, "a finite number");
  require_number("sft_weight", options.sft_weight, options.sft_weight >= 0, "a number from 0 on");
}

int negatives_used(const ObjectiveOptions& options, int negatives) {
  return form_of(options).single_negative ? std::min(negatives, 1) : negatives;
}

bool needs_reference(const ObjectiveOptions& options) { return form_of(options).reference; }

SetResult evaluate_set(const ObjectiveOptions& options, const PreferenceSet& set) {
  const Form& form = form_of(options);
  const std::size_t completions = set.logp.size();
  RECPO_REQUIRE(completions >= 1);
  RECPO_REQUIRE(form.reference ? set.reference_logp.size() == completions : set.length.size() == completions);
  const auto negatives = static_cast<std::size_t>(negatives_used(options, static_cast<int>(completions) - 1));

  SetResult result;
  std::vector<double> slope(completions);  // d reward / d logp
  for (std::size_t k = 0; k < completions; ++k) {
    slope[k] = form.reference ? options.beta : options.beta / set.length[k];
    result.reward.push_back(slope[k] * (form.reference ? set.logp[k] - set.reference_logp[k] : set.logp[k]));
  }
  std::vector<double> offset(1 + negatives, form.reference ? 0.0 : options.simpo_margin);
  if (form.utility_margin) offset = utility_offsets(options, set, negatives, result.floored_margins);

  std::vector<double> z(negatives), weight(negatives);
  for (std::size_t k = 1; k <= negatives; ++k) z[k - 1] = result.reward[k] - result.reward[0] + offset[k];
  result.loss = log_one_plus_sum_exp(z, weight);

  result.d_logp.assign(completions, 0.0);
  double sum = 0;
  for (std::size_t k = 1; k <= negatives; ++k) {
    result.d_logp[k] = slope[k] * weight[k - 1];
    sum += weight[k - 1];
  }
  result.d_logp[0] = -slope[0] * sum;
  if (options.sft_weight > 0) {
    RECPO_REQUIRE(set.length.size() == completions);
    const double weight_of_token = options.sft_weight / set.length[0];
    result.loss -= weight_of_token * set.logp[0];
    result.d_logp[0] -= weight_of_token;
  }
  return result;
}

}  // namespace recpo::objective
