#include <algorithm>
#include <functional>
#include <set>
#include <unordered_map>

#include "src/report/study.hpp"

namespace recpo::report {
namespace {
constexpr std::uint64_t kBootstrapSeed = 1;
using Seeds = std::vector<const TestMetrics*>;

// Rows of all seeds by user, users in the order of their first row, for intervals of sum(part) / sum(whole) from
// resampling users.
class RowsOfUsers {
 public:
  void add(const Answer& row, double part, double whole) {
    const auto [user, is_new] = places_.emplace(row.user, users_.size());
    if (is_new) users_.emplace_back();
    users_[user->second].part += part;
    users_[user->second].whole += whole;
  }
  std::optional<evaluation::Interval> interval(const char* stream) const {
    return evaluation::cluster_interval(users_, kBootstrapSeed, stream);
  }

 private:
  std::unordered_map<std::uint64_t, std::size_t> places_;
  std::vector<evaluation::Cluster> users_;
};

// The mean of what the seeds say, each weighted by its rows; nullopt unless all of them say it.
std::optional<double> mean(const Seeds& seeds, const std::string& metric, std::optional<double> Estimate::*part) {
  double sum = 0, weight = 0;
  for (const TestMetrics* seed : seeds) {
    const std::optional<double> own = seed->metric(metric).*part;
    if (!own) return std::nullopt;
    sum += *own * static_cast<double>(seed->rows), weight += static_cast<double>(seed->rows);
  }
  return weight > 0 ? std::optional(sum / weight) : std::nullopt;
}

TestMetrics pool_test(const Seeds& seeds) {
  if (seeds.size() == 1) return *seeds.front();
  TestMetrics pooled{seeds.front()->test, seeds.front()->bucket};
  for (const TestMetrics* seed : seeds)
    pooled.rows += seed->rows, pooled.valid += seed->valid, pooled.hits += seed->hits;
  for (const auto& [name, estimate] : seeds.front()->metrics)
    pooled.metrics[name] = {mean(seeds, name, &Estimate::value), mean(seeds, name, &Estimate::low),
                            mean(seeds, name, &Estimate::high)};
  return pooled;
}

// Of each user's rows, how many `is_in`, of those that `counts`.
template <class In, class Counts>
void set_interval(Estimate& estimate, const std::vector<const Answers*>& seeds, const char* stream, In is_in,
                  Counts counts) {
  RowsOfUsers rows;
  for (const Answers* answers : seeds)
    for (const Answer& answer : *answers) rows.add(answer, std::invoke(is_in, answer), std::invoke(counts, answer));
  const auto interval = rows.interval(stream);
  if (interval && estimate.value) estimate.low = interval->low, estimate.high = interval->high;
}

void resample_users(TestMetrics& pooled, const std::vector<const Answers*>& seeds) {
  const auto one = [](const Answer&) { return true; };
  set_interval(pooled.metrics[kHitRate], seeds, "pooled hit rate", &Answer::hit, one);
  set_interval(pooled.metrics[kValidRatio], seeds, "pooled valid ratio", &Answer::valid, one);
  set_interval(pooled.metrics[kValidHitRate], seeds, "pooled valid hit rate", &Answer::hit, &Answer::valid);
  const auto ranks = [](const Answer& answer) { return answer.ranked_first.has_value(); };
  const auto all_ranked = [&](const Answers* answers) { return std::ranges::all_of(*answers, ranks); };
  if (!std::ranges::all_of(seeds, all_ranked) || !pooled.metrics.contains(kRankedHitRate)) return;
  set_interval(
      pooled.metrics[kRankedHitRate], seeds, "pooled ranked hit rate",
      [](const Answer& answer) { return *answer.ranked_first; }, one);
}

TestMetrics pool_test(const std::vector<Result>& seeds, const std::string& test, const std::string& bucket) {
  Seeds metrics;
  std::vector<const Answers*> rows;
  for (const Result& seed : seeds) {
    for (const TestMetrics& own : seed.metrics->tests)
      if (own.test == test && own.bucket == bucket) metrics.push_back(&own);
    const Answers* answers = seed.answers(test);
    // predictions of another evaluation than these metrics would give another interval
    if (answers != nullptr && !metrics.empty() && static_cast<std::int64_t>(answers->size()) == metrics.back()->rows)
      rows.push_back(answers);
  }
  TestMetrics pooled = pool_test(metrics);
  if (metrics.size() > 1 && rows.size() == metrics.size() && bucket.empty()) resample_users(pooled, rows);
  return pooled;
}
}  // namespace

SystemMetrics pool(const std::vector<Result>& seeds) {
  SystemMetrics pooled{seeds.front().metrics->system};
  std::set<std::pair<std::string, std::string>> seen;
  std::map<std::string, std::vector<TestMetrics>> buckets;
  for (const Result& seed : seeds) {
    for (const TestMetrics& test : seed.metrics->tests) {
      if (!seen.emplace(test.test, test.bucket).second) continue;
      pooled.tests.push_back(pool_test(seeds, test.test, test.bucket));
      if (!test.bucket.empty()) buckets[test.test].push_back(pooled.tests.back());
    }
  }
  for (const auto& [test, of_test] : buckets) {
    TestMetrics sum{test};
    for (const TestMetrics& bucket : of_test)
      sum.rows += bucket.rows, sum.valid += bucket.valid, sum.hits += bucket.hits;
    sum.metrics["spread"].value = relative_spread(of_test);
    pooled.tests.push_back(std::move(sum));
  }
  return pooled;
}

std::vector<double> values_of_seeds(const std::vector<Result>& seeds, const std::string& test,
                                    const std::string& metric) {
  std::vector<double> values;
  for (const Result& seed : seeds)
    if (const auto& value = seed.metrics->metric(test, metric).value) values.push_back(*value);
  return values;
}

std::optional<double> relative_spread(const std::vector<TestMetrics>& buckets) {
  double low = 1, high = 0, sum = 0, count = 0;
  for (const TestMetrics& bucket : buckets) {
    const auto& rate = bucket.metric(kHitRate).value;
    if (!rate) continue;
    low = std::min(low, *rate), high = std::max(high, *rate);
    sum += *rate, count += 1;
  }
  if (count < 2 || sum == 0) return std::nullopt;
  return (high - low) / (sum / count);
}

}  // namespace recpo::report
