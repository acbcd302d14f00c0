#pragma once
// Objectives by their definitions, written a second time, in long double: its exponent reaches e^11000, so that even
// log-probs 10,000 apart need no care about overflow. A registered objective without an oracle fails the tests.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "src/objective/margin.hpp"
#include "src/objective/objective.hpp"
#include "src/support/random.hpp"

namespace recpo::objective {

inline constexpr double kEps = std::numeric_limits<double>::epsilon();

struct Set {
  std::vector<double> logp, reference, rating, latency;
  std::vector<int> length;
  PreferenceSet view() const { return {reference, length, rating, latency}; }
};

// log-probs down to -`scale`; seen and unseen negatives.
inline Set random_set(int negatives, double scale, std::uint64_t index) {
  Random random(7, "objective", index);
  Set set;
  for (int k = 0; k <= negatives; ++k) {
    const bool seen = random.below(2) == 0;
    set.logp.push_back(-scale * random.uniform());
    set.reference.push_back(-scale * random.uniform());
    set.length.push_back(1 + static_cast<int>(random.below(12)));
    set.rating.push_back(seen ? 1 + static_cast<double>(random.below(5)) : 3);
    set.latency.push_back(seen ? 1 + static_cast<double>(random.below(10)) : 11);
  }
  return set;
}

inline double simpo_margin(const ObjectiveOptions& options) {
  const auto found = options.own.find("simpo_margin");
  return found == options.own.end() ? 2.0 : found->second;
}

inline long double oracle_gamma(const ObjectiveOptions& options, const Set& set, std::size_t k) {
  const auto phi = [&](std::size_t i) {
    return set.rating[i] / std::pow(static_cast<long double>(set.latency[i]), static_cast<long double>(options.alpha));
  };
  const auto log_floored = [](long double x) { return std::log(std::max(x, static_cast<long double>(kMarginFloor))); };
  const long double p = phi(0), d = phi(k);
  if (options.margin == "ratio") return options.lambda * p / d;
  if (options.margin == "log-ratio") return options.lambda * (std::log(p) - std::log(d));
  if (options.margin == "log-diff") return options.lambda * log_floored(1 + p - d);
  return options.lambda * log_floored(p - d);
}

inline long double oracle_reward(const ObjectiveOptions& options, const Set& set, std::size_t k) {
  if (options.objective == "simpo") return static_cast<long double>(options.beta) * set.logp[k] / set.length[k];
  return static_cast<long double>(options.beta) * (static_cast<long double>(set.logp[k]) - set.reference[k]);
}

// log(1 + sum of exp(reward_k - reward_0 + margin(k))) over the first `most` negatives.
template <class MarginOf>
long double log_sum(const ObjectiveOptions& options, const Set& set, std::size_t most, MarginOf margin_of) {
  long double sum = 0;
  for (std::size_t k = 1; k <= most && k < set.logp.size(); ++k)
    sum += std::exp(oracle_reward(options, set, k) - oracle_reward(options, set, 0) + margin_of(k));
  return std::log1p(sum);
}

inline long double oracle_recpo(const ObjectiveOptions& options, const Set& set) {
  const std::size_t last = set.logp.size() - 1;
  long double all = 0;
  for (std::size_t k = 1; k <= last; ++k) all += oracle_gamma(options, set, k);
  return log_sum(options, set, last, [&](std::size_t k) {
    if (options.margin_form == MarginForm::kListwiseEq15) return all;
    return (options.margin_form == MarginForm::kPrintedEq8 ? -1 : 1) * oracle_gamma(options, set, k);
  });
}

// A logarithm's argument 1 + phi_p - phi_d of size a carries the rounding of its terms, relative to a.
inline double logarithm_loss(const ObjectiveOptions& options, const Set& set, std::size_t k) {
  if (options.margin != "log-diff") return 0;
  const double p = utility(set.rating[0], set.latency[0], options.alpha);
  const double d = utility(set.rating[k], set.latency[k], options.alpha);
  return options.lambda * (1 + p + d) / std::max(1 + p - d, kMarginFloor);
}

inline double largest_reward(const ObjectiveOptions& options, const Set& set) {
  double reward = 0;
  for (std::size_t k = 0; k < set.logp.size(); ++k)
    reward = std::max(reward, options.beta * (std::abs(set.logp[k]) + std::abs(set.reference[k])));
  return reward;
}

inline double sft_term(const ObjectiveOptions& options, const Set& set) {
  return options.sft_weight * std::abs(set.logp[0]) / set.length[0];
}

// DPO's family: the loss is 1-Lipschitz in the largest |z|, and a z is made of two rewards and margins by `kRoundings`
// operations, each relative to the numbers it meets; the outer logarithm adds K + 2 roundings of the loss itself.
inline double log_sum_bound(const ObjectiveOptions& options, const Set& set) {
  constexpr double kRoundings = 8;
  double gamma = simpo_margin(options);
  for (std::size_t k = 1; k < set.logp.size(); ++k)
    gamma += std::abs(static_cast<double>(oracle_gamma(options, set, k))) + logarithm_loss(options, set, k);
  const double loss = 2 * largest_reward(options, set) + gamma + sft_term(options, set);
  return kEps * (kRoundings + static_cast<double>(set.logp.size() + 2)) * loss;
}

// |third derivative along one log-prob| of DPO's family: <= beta^3 / (6 sqrt 3), that of softplus, whatever the others
// do.
inline double log_sum_third(const ObjectiveOptions& options) { return std::pow(options.beta, 3) / 10; }

inline long double oracle_ipo(const ObjectiveOptions& options, const Set& set) {
  const auto d = [&](std::size_t k) { return static_cast<long double>(set.logp[k]) - set.reference[k]; };
  const std::size_t pairs = set.logp.size() - 1;
  long double sum = 0;
  for (std::size_t k = 1; k <= pairs; ++k)
    sum += std::pow(d(0) - d(k) - 1 / (2 * static_cast<long double>(options.beta)), 2);
  return pairs == 0 ? 0 : sum / pairs;
}

// IPO: a difference of log-ratios is made of five numbers by as many operations, each relative to their sum R; its
// square carries twice that and one more, the mean of K one each.
inline double ipo_bound(const ObjectiveOptions& options, const Set& set) {
  const double size = 2 * largest_reward(options, set) / options.beta + 1 / (2 * options.beta);
  constexpr double kRoundings = 2 * 5 + 1;
  return kEps * ((kRoundings + static_cast<double>(set.logp.size())) * size * size + 3 * sft_term(options, set));
}

struct Oracle {
  long double (*loss)(const ObjectiveOptions&, const Set&);  // without the SFT term
  double (*bound)(const ObjectiveOptions&, const Set&);      // rounding error of the loss in double
  double (*third)(const ObjectiveOptions&);                  // bound of a third derivative
};

inline const Oracle& oracle_of(const ObjectiveOptions& options) {
  static const auto plain = [](std::size_t) { return 0.0L; };
  static const std::map<std::string, Oracle> oracles = {
      {"dpo",
       {[](const ObjectiveOptions& o, const Set& s) { return log_sum(o, s, 1, plain); }, log_sum_bound, log_sum_third}},
      {"simpo",
       {[](const ObjectiveOptions& o, const Set& s) {
          return log_sum(o, s, 1, [&](std::size_t) { return static_cast<long double>(simpo_margin(o)); });
        },
        log_sum_bound, log_sum_third}},
      {"s-dpo",
       {[](const ObjectiveOptions& o, const Set& s) { return log_sum(o, s, s.logp.size(), plain); }, log_sum_bound,
        log_sum_third}},
      {"recpo", {oracle_recpo, log_sum_bound, log_sum_third}},
      {"ipo", {oracle_ipo, ipo_bound, [](const ObjectiveOptions&) { return 0.0; }}},
  };
  const auto found = oracles.find(options.objective);
  if (found == oracles.end()) throw std::runtime_error("no oracle of objective " + options.objective);
  return found->second;
}

inline long double oracle_loss(const ObjectiveOptions& options, const Set& set) {
  return oracle_of(options).loss(options, set) -
         static_cast<long double>(options.sft_weight) * set.logp[0] / set.length[0];
}
inline double loss_bound(const ObjectiveOptions& options, const Set& set) {
  return oracle_of(options).bound(options, set);
}

// Every registered objective, with and without the SFT term; those of utilities in every form of the margin.
inline std::vector<ObjectiveOptions> every_form() {
  std::vector<ObjectiveOptions> all;
  for (const Objective* objective : objectives()) {
    all.push_back({.objective = objective->name, .beta = 0.7});
    all.push_back({.objective = objective->name, .beta = 0.7, .sft_weight = 1.5});
    for (const PartKey& key : objective->keys)  // away from its default
      all.push_back({.objective = objective->name, .beta = 0.7, .own = {{key.name, key.fallback / 2}}});
    if (!objective->utilities) continue;
    for (const MarginForm form : {MarginForm::kPairwise, MarginForm::kPrintedEq8, MarginForm::kListwiseEq15})
      for (const char* margin : {"ratio", "log-ratio", "log-diff"})
        all.push_back({.objective = objective->name, .beta = 0.7, .margin = margin, .margin_form = form});
  }
  return all;
}

inline std::string label(const ObjectiveOptions& o) {
  return o.objective + " " + o.margin + " " + name_of(o.margin_form) + (o.sft_weight > 0 ? " with SFT" : "") +
         (o.own.empty() ? "" : " and its own keys");
}

}  // namespace recpo::objective
