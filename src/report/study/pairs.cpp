#include "src/report/study/pairs.hpp"

#include <unordered_map>

#include "src/evaluation/resampling.hpp"
#include "src/evaluation/significance.hpp"

namespace recpo::report {
namespace {

constexpr std::pair<const char*, const char*> kPairs[] = {
    {"recpo", "s-dpo"},      {"recpo", "simpo"},       {"recpo", "dpo"},        {"recpo", "sft"},
    {"recpo", "base"},       {"recpo", "gru4rec"},     {"recpo", "caser"},      {"recpo", "sasrec"},
    {"recpo", "bayes"},      {"recpo", "popularity"},  {"s-dpo", "dpo"},        {"s-dpo", "sft"},
    {"simpo", "sft"},        {"dpo", "sft"},           {"sft", "base"},         {"gru4rec", "popularity"},
    {"caser", "popularity"}, {"sasrec", "popularity"}, {"popularity", "random"}};

const Answers* main_answers(const Result& result) {
  const SystemAnswers* answers = result.answers();
  return answers == nullptr || answers->main.empty() ? nullptr : &answers->main;
}

using ClusterOfUser = std::unordered_map<std::uint64_t, std::size_t>;

// One seed's rows; false when the systems have none in common.
bool add_seed(const Answers& first, const Answers& second, PairedTest& test, ClusterOfUser& place,
              std::vector<evaluation::Cluster>& clusters) {
  const std::int64_t before = test.rows;
  for_each_pair(first, second, [&](const Answer& a, const Answer& b) {
    ++test.rows;
    test.first_only += a.hit && !b.hit;
    test.second_only += !a.hit && b.hit;
    const auto [user, is_new] = place.emplace(a.user, clusters.size());
    if (is_new) clusters.emplace_back();
    clusters[user->second].part += static_cast<double>(a.hit) - static_cast<double>(b.hit);
    clusters[user->second].whole += 1;
  });
  return test.rows > before;
}

std::optional<Comparison> compare_variants(const Variant& first, const Variant& second) {
  Comparison comparison{&first, &second, 0, {}, {}, {}, 1};
  ClusterOfUser place;
  std::vector<evaluation::Cluster> clusters;  // users in the order of their first row
  for (const Result& a : first.seeds) {
    for (const Result& b : second.seeds) {
      if (a.seed != b.seed || main_answers(a) == nullptr || main_answers(b) == nullptr) continue;
      comparison.seeds += add_seed(*main_answers(a), *main_answers(b), comparison.test, place, clusters);
    }
  }
  PairedTest& test = comparison.test;
  if (test.rows == 0) return std::nullopt;
  test.difference = static_cast<double>(test.first_only - test.second_only) / static_cast<double>(test.rows);
  test.p_value = evaluation::mcnemar_exact(test.first_only, test.second_only);
  if (const auto interval = evaluation::cluster_interval(clusters, kBootstrapSeed, "difference"))
    comparison.low = interval->first, comparison.high = interval->second;
  return comparison;
}
}  // namespace

std::vector<Comparison> compare_systems(const Study& study) {
  std::vector<Comparison> comparisons;
  for (const std::string& dataset : study.datasets) {
    for (const auto& [first, second] : kPairs) {
      const Variant* a = study.base(dataset, first);
      const Variant* b = study.base(dataset, second);
      if (a == nullptr || b == nullptr) continue;
      if (const auto comparison = compare_variants(*a, *b)) comparisons.push_back(*comparison);
    }
  }
  std::vector<double> p_values;
  for (const Comparison& comparison : comparisons) p_values.push_back(comparison.test.p_value);
  const std::vector<double> adjusted = evaluation::holm_adjusted(p_values);
  for (std::size_t i = 0; i < comparisons.size(); ++i) comparisons[i].adjusted = adjusted[i];
  return comparisons;
}

}  // namespace recpo::report
