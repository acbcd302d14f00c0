// Metrics of known predictions, and bootstrap intervals against the exact binomial distribution they estimate.

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "src/evaluation/evaluation_test.hpp"
#include "src/evaluation/metrics.hpp"
#include "src/evaluation/prediction.hpp"

namespace recpo::evaluation {
namespace {
using nlohmann::json;

Prediction prediction(data::Split split, bool valid, bool hit, std::int32_t history = 5, std::int32_t rank = 0) {
  Prediction result;
  result.split = split, result.valid = valid, result.hit = hit;
  result.history_length = history, result.candidates = 20;
  if (rank > 0) result.ranking = {rank, rank, 20};
  return result;
}

// 10 rows: 8 valid, 3 hits.
std::vector<Prediction> ten(data::Split split) {
  std::vector<Prediction> rows;
  for (int i = 0; i < 10; ++i) rows.push_back(prediction(split, i < 8, i < 3, i < 4 ? 9 : 10));
  return rows;
}

TEST(Metrics, SharesOfRows) {
  const Outcomes outcomes = count_outcomes(ten(data::Split::kTest));
  EXPECT_EQ(outcomes.hit_rate(), 0.3);
  EXPECT_EQ(outcomes.valid_ratio(), 0.8);
  EXPECT_EQ(outcomes.valid_hit_rate(), 0.375);
  EXPECT_EQ((Outcomes{0, 0, 0}.hit_rate()), std::nullopt);
  EXPECT_EQ((Outcomes{5, 0, 0}.valid_hit_rate()), std::nullopt);
}

std::optional<double> ranked(const std::string& name, const std::vector<Prediction>& rows) {
  for (const Metric* metric : metrics())
    if (metric->is_ranked() && metric->name == name) return mean_of_ranks(rows, std::get<OfRank>(metric->of));
  ADD_FAILURE() << "no metric " << name;
  return std::nullopt;
}

TEST(Metrics, Ranks) {
  std::vector<Prediction> rows;
  for (const int rank : {1, 2, 4, 10, 20}) rows.push_back(prediction(data::Split::kTest, true, false, 5, rank));
  EXPECT_EQ(ranked("hr@1", rows), 0.2);
  EXPECT_EQ(ranked("hr@3", rows), 0.4);
  EXPECT_EQ(ranked("hr@5", rows), 0.6);
  EXPECT_EQ(ranked("hr@10", rows), 0.8);
  EXPECT_EQ(ranked("ndcg@1", rows), 0.2);
  EXPECT_DOUBLE_EQ(*ranked("ndcg@3", rows), (1 + 1 / std::log2(3.0)) / 5);
  EXPECT_DOUBLE_EQ(*ranked("ndcg@10", rows), (1 + 1 / std::log2(3.0) + 1 / std::log2(5.0) + 1 / std::log2(11.0)) / 5);
  EXPECT_DOUBLE_EQ(*ranked("mrr", rows), (1 + 1 / 2.0 + 1 / 4.0 + 1 / 10.0 + 1 / 20.0) / 5);
  EXPECT_DOUBLE_EQ(*ranked("auc", rows), (19 + 18 + 16 + 10 + 0) / 19.0 / 5);
  rows.push_back(prediction(data::Split::kTest, true, false));  // one without rank
  for (const Metric* metric : metrics()) {
    if (!metric->is_ranked()) continue;
    EXPECT_FALSE(ranked(metric->name, rows)) << metric->name;
    EXPECT_FALSE(ranked(metric->name, {})) << metric->name;
  }
}

// Candidates of equal score stand in any order: the mean over all orders.
TEST(Metrics, TiesAreTheirExpectation) {
  std::vector<Prediction> rows(1);
  rows[0].ranking = {2, 4, 5, -1.5};  // one is better, one is worse
  EXPECT_EQ(ranked("hr@1", rows), 0.0);
  EXPECT_DOUBLE_EQ(*ranked("hr@3", rows), 2 / 3.0);
  EXPECT_DOUBLE_EQ(*ranked("mrr", rows), (1 / 2.0 + 1 / 3.0 + 1 / 4.0) / 3);
  EXPECT_DOUBLE_EQ(*ranked("ndcg@3", rows), (1 / std::log2(3.0) + 1 / 2.0) / 3);
  EXPECT_DOUBLE_EQ(*ranked("auc", rows), 0.5);
  EXPECT_EQ(ranked("log_softmax", rows), -1.5);
  rows[0].ranking = {1, 5, 5, -std::log(5.0)};  // nothing learned
  EXPECT_DOUBLE_EQ(*ranked("hr@1", rows), 0.2);
  EXPECT_DOUBLE_EQ(*ranked("auc", rows), 0.5);
}

// Every metric has a name, a label and a place of its own; a report finds it by the first, tables are ordered by the
// last.
TEST(Metrics, RegistryHasNoDoubles) {
  std::set<std::pair<bool, std::string>> names;
  std::set<std::string> labels;
  std::set<int> orders;
  for (const Metric* metric : metrics()) {
    EXPECT_TRUE(names.emplace(metric->is_ranked(), metric->name).second) << metric->name;
    EXPECT_TRUE(labels.insert(metric->label).second) << metric->label;
    EXPECT_TRUE(orders.insert(metric->order).second) << metric->name;
  }
}

// P(X <= k) for X ~ Bin(n, p), term by term in long double.
std::vector<double> binomial_cdf(int n, double p) {
  std::vector<double> cdf;
  long double sum = 0;
  for (int k = 0; k <= n; ++k) {
    sum += std::exp(std::lgamma(n + 1.0L) - std::lgamma(k + 1.0L) - std::lgamma(n - k + 1.0L) +
                    k * std::log(static_cast<long double>(p)) + (n - k) * std::log1p(-static_cast<long double>(p)));
    cdf.push_back(static_cast<double>(sum));
  }
  return cdf;
}

double quantile(const std::vector<double>& cdf, double q) {
  std::size_t k = 0;
  while (k + 1 < cdf.size() && cdf[k] < q) ++k;
  return static_cast<double>(k) / static_cast<double>(cdf.size() - 1);
}

// With endless resamples the ends would be the binomial's 2.5 % and 97.5 % quantiles. Of B resamples, the share below
// such an end has the standard deviation sqrt(0.025 * 0.975 / B); six of them miss once in 10^9 seeds.
void expect_interval(const std::optional<Interval>& interval, int n, double p, int resamples) {
  ASSERT_TRUE(interval);
  const double slack = 6 * std::sqrt(0.025 * 0.975 / resamples);
  const std::vector<double> cdf = binomial_cdf(n, p);
  EXPECT_GE(interval->low, quantile(cdf, 0.025 - slack));
  EXPECT_LE(interval->low, quantile(cdf, 0.025 + slack));
  EXPECT_GE(interval->high, quantile(cdf, 0.975 - slack));
  EXPECT_LE(interval->high, quantile(cdf, 0.975 + slack));
}

TEST(Bootstrap, EqualsBinomialQuantiles) {
  constexpr int kMany = 20000;
  for (const Outcomes& outcomes : {Outcomes{943, 930, 97}, Outcomes{100, 60, 30}, Outcomes{101, 100, 50}}) {
    const auto n = static_cast<int>(outcomes.rows);
    for (const Share share : {&Outcomes::hit_rate, &Outcomes::valid_ratio})
      expect_interval(bootstrap_interval(share, outcomes, 1, "test", kMany), n, *(outcomes.*share)(), kMany);
  }
  const Outcomes all_valid{200, 200, 60};  // then the two hit rates are one
  expect_interval(bootstrap_interval(&Outcomes::valid_hit_rate, all_valid, 1, "test", kMany), 200, 0.3, kMany);
  EXPECT_EQ(bootstrap_interval(&Outcomes::valid_ratio, all_valid, 1, "test", kMany)->low, 1.0);
}

TEST(Bootstrap, SeedAndStreamDecide) {
  const Outcomes outcomes{5000, 4000, 1000};
  const auto low = [&](std::uint64_t seed, const char* stream) {
    return bootstrap_interval(&Outcomes::hit_rate, outcomes, seed, stream, 41)->low;
  };
  EXPECT_EQ(low(1, "a"), low(1, "a"));
  EXPECT_NE(low(1, "a"), low(2, "a"));
  EXPECT_NE(low(1, "a"), low(1, "b"));
}

TEST(Bootstrap, NothingToDrawFrom) {
  EXPECT_FALSE(bootstrap_interval(&Outcomes::hit_rate, {0, 0, 0}, 1, "test"));
  EXPECT_EQ(bootstrap_interval(&Outcomes::hit_rate, {10, 0, 0}, 1, "test")->high, 0.0);
  EXPECT_FALSE(bootstrap_interval(&Outcomes::valid_hit_rate, {10, 0, 0}, 1, "test"));
}

TEST(EvaluationJson, FieldsOfEveryTest) {
  std::vector<Prediction> all = ten(data::Split::kTest);
  for (const data::Split split : {data::Split::kAdherence, data::Split::kAvoidance, data::Split::kValid})
    for (Prediction& row : ten(split)) all.push_back(row);
  all.pop_back();  // of the valid split: it must not be counted

  EvaluationOptions options;
  options.tests = {"main", "adherence", "avoidance", "history-length"};
  const json figures = json::parse(evaluation_json(all, options, 1));
  EXPECT_EQ(figures["main"]["rows"], 10);
  EXPECT_EQ(figures["main"]["hr@1"], 0.3);
  EXPECT_EQ(figures["main"]["valid_ratio"], 0.8);
  EXPECT_EQ(figures["main"]["hr@1_valid"], 0.375);
  EXPECT_EQ(figures["main"]["chance"], 0.05);
  ASSERT_EQ(figures["main"]["hr@1_ci95"].size(), 2u);
  EXPECT_LE(figures["main"]["hr@1_ci95"][0], 0.3);
  EXPECT_GE(figures["main"]["hr@1_ci95"][1], 0.3);
  EXPECT_FALSE(figures["main"].contains("ranked"));
  EXPECT_EQ(figures["adherence"]["adherence_rate"], 0.3);
  EXPECT_EQ(figures["avoidance"]["avoidance_rate"], 0.3);
  EXPECT_EQ(figures["avoidance"]["avoidance_rate_valid"], 3.0 / 8);
  EXPECT_EQ(figures["avoidance"]["chance"], 0.95);
  const json& history = figures["history-length"];
  ASSERT_EQ(history.size(), 2u);
  EXPECT_EQ(history[0]["from"], 0);
  EXPECT_EQ(history[0]["to"], 9);
  EXPECT_EQ(history[0]["hr@1"], 0.75);
  EXPECT_EQ(history[1]["rows"], 6);
  EXPECT_EQ(history[1]["hr@1"], 0.0);
  EXPECT_EQ(figures["history-length_spread"], 2.0);  // (0.75 - 0) / 0.375
}

TEST(EvaluationJson, OnlyWhatIsAskedAndNullWithoutRows) {
  EvaluationOptions options;
  options.split = MainSplit::kValid;
  const json figures = json::parse(evaluation_json(ten(data::Split::kTest), options, 1));
  EXPECT_EQ(figures.size(), 1u);
  EXPECT_EQ(figures["main"]["rows"], 0);
  EXPECT_TRUE(figures["main"]["hr@1"].is_null());
  EXPECT_TRUE(figures["main"]["hr@1_ci95"].is_null());
}

}  // namespace
}  // namespace recpo::evaluation
