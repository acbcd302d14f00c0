#include "src/objective/objective.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "kernels/set_loss.hpp"
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

// gamma_k of the negatives 1..n go to their offsets.
void add_margins(const ObjectiveOptions& options, const PreferenceSet& set, std::size_t negatives, Terms& terms) {
  RECPO_REQUIRE(set.rating.size() > negatives && set.latency.size() > negatives);
  const auto phi = [&](std::size_t k) { return utility(set.rating[k], set.latency[k], options.alpha); };
  double sum = 0;
  for (std::size_t k = 1; k <= negatives; ++k) {
    const MarginValue value = margin(options.margin, options.lambda, phi(0), phi(k));
    terms.offset[k] = options.margin_form == "printed-eq8" ? -value.gamma : value.gamma;
    sum += value.gamma;
    terms.floored_margins += value.floored;
  }
  if (options.margin_form != "listwise-eq15") return;
  for (std::size_t k = 1; k <= negatives; ++k) terms.offset[k] = sum;
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

Terms preference_terms(const ObjectiveOptions& options, const PreferenceSet& set) {
  const Form& form = form_of(options);
  const std::size_t completions = set.length.size();
  RECPO_REQUIRE(completions >= 1 && (!form.reference || set.reference_logp.size() == completions));
  const auto negatives = static_cast<std::size_t>(negatives_used(options, static_cast<int>(completions) - 1));

  Terms terms;
  for (const int length : set.length) terms.slope.push_back(form.reference ? options.beta : options.beta / length);
  terms.reference.assign(completions, 0.0);
  if (form.reference) terms.reference.assign(set.reference_logp.begin(), set.reference_logp.end());
  terms.offset.assign(completions, -std::numeric_limits<double>::infinity());
  for (std::size_t k = 1; k <= negatives; ++k) terms.offset[k] = form.reference ? 0.0 : options.simpo_margin;
  if (form.utility_margin) add_margins(options, set, negatives, terms);
  terms.answer_weight = options.sft_weight / set.length[0];
  return terms;
}

Terms sft_terms() { return {.slope = {0.0}, .reference = {0.0}, .offset = {0.0}, .answer_weight = 1.0}; }

SetResult evaluate(const Terms& terms, std::span<const double> logp) {
  RECPO_REQUIRE(logp.size() == terms.completions());
  const kernels::SetTerms set{terms.slope.data(), terms.reference.data(), terms.offset.data(), terms.answer_weight,
                              static_cast<int>(logp.size())};
  SetResult result;
  result.d_logp.resize(logp.size());
  result.loss = kernels::set_loss(set, logp.data(), result.d_logp.data());
  for (std::size_t k = 0; k < logp.size(); ++k) result.reward.push_back(set.reward(logp.data(), static_cast<int>(k)));
  return result;
}

}  // namespace recpo::objective
