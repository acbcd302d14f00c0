#include "src/report/study/pooling.hpp"

#include <algorithm>
#include <unordered_map>

#include "src/evaluation/resampling.hpp"

namespace recpo::report {
namespace {
using evaluation::Cluster;

// The mean of what the seeds say, each weighted by its rows; nullopt unless all of them say it.
template <class Value>
std::optional<double> mean(const std::vector<const TestFigures*>& seeds, Value value) {
  double sum = 0, weight = 0;
  for (const TestFigures* figures : seeds) {
    const std::optional<double> own = value(*figures);
    if (!own) return std::nullopt;
    sum += *own * static_cast<double>(figures->rows), weight += static_cast<double>(figures->rows);
  }
  return weight > 0 ? std::optional(sum / weight) : std::nullopt;
}

Estimate mean_estimate(const std::vector<const TestFigures*>& seeds, Estimate TestFigures::*estimate) {
  const auto part = [&](std::optional<double> Estimate::*end) {
    return mean(seeds, [&](const TestFigures& figures) { return (figures.*estimate).*end; });
  };
  return {part(&Estimate::value), part(&Estimate::low), part(&Estimate::high)};
}

TestFigures pool_test(const std::vector<const TestFigures*>& seeds) {
  if (seeds.size() == 1) return *seeds.front();
  TestFigures pooled;
  pooled.test = seeds.front()->test;
  for (const TestFigures* figures : seeds)
    pooled.rows += figures->rows, pooled.valid += figures->valid, pooled.hits += figures->hits;
  pooled.hit_rate = mean_estimate(seeds, &TestFigures::hit_rate);
  pooled.valid_ratio = mean_estimate(seeds, &TestFigures::valid_ratio);
  pooled.valid_hit_rate = mean_estimate(seeds, &TestFigures::valid_hit_rate);
  pooled.chance = mean(seeds, [](const TestFigures& figures) { return figures.chance; });
  return pooled;
}

// The rows of each user: how many of them `is_in`, of those that `counts`.
template <class In, class Counts>
std::vector<Cluster> by_user(const std::vector<const Answers*>& seeds, In is_in, Counts counts) {
  std::unordered_map<std::uint64_t, std::size_t> place;  // users in the order of their first row
  std::vector<Cluster> clusters;
  for (const Answers* answers : seeds) {
    for (const Answer& answer : *answers) {
      const auto [user, is_new] = place.emplace(answer.user, clusters.size());
      if (is_new) clusters.emplace_back();
      clusters[user->second].part += is_in(answer);
      clusters[user->second].whole += counts(answer);
    }
  }
  return clusters;
}

void set_interval(Estimate& estimate, const std::vector<Cluster>& clusters, const std::string& stream) {
  const auto interval = evaluation::cluster_interval(clusters, kBootstrapSeed, stream);
  if (interval && estimate.value) estimate.low = interval->first, estimate.high = interval->second;
}

void resample_users(TestFigures& pooled, const std::vector<const Answers*>& seeds) {
  const auto one = [](const Answer&) { return 1; };
  const auto hit = [](const Answer& answer) { return answer.hit; };
  const auto valid = [](const Answer& answer) { return answer.valid; };
  set_interval(pooled.hit_rate, by_user(seeds, hit, one), "pooled hit rate");
  set_interval(pooled.valid_ratio, by_user(seeds, valid, one), "pooled valid ratio");
  set_interval(pooled.valid_hit_rate, by_user(seeds, hit, valid), "pooled valid hit rate");
}

std::optional<TestFigures> pool_test(const std::vector<Result>& seeds, Test test, Answers SystemAnswers::*answers) {
  std::vector<const TestFigures*> figures;
  std::vector<const Answers*> rows;
  for (const Result& seed : seeds) {
    if (!(seed.figures->*test)) continue;
    figures.push_back(&*(seed.figures->*test));
    const SystemAnswers* own = seed.answers();
    // predictions of another evaluation than these figures would give another interval
    if (own != nullptr && static_cast<std::int64_t>((own->*answers).size()) == figures.back()->rows)
      rows.push_back(&(own->*answers));
  }
  if (figures.empty()) return std::nullopt;
  TestFigures pooled = pool_test(figures);
  if (figures.size() > 1 && rows.size() == figures.size()) resample_users(pooled, rows);
  return pooled;
}

std::vector<TestFigures> pool_history(const std::vector<Result>& seeds) {
  std::vector<std::string> names;
  std::map<std::string, std::vector<const TestFigures*>> buckets;
  for (const Result& seed : seeds)
    for (const TestFigures& bucket : seed.figures->history) {
      if (!buckets.contains(bucket.test)) names.push_back(bucket.test);
      buckets[bucket.test].push_back(&bucket);
    }
  std::vector<TestFigures> pooled;
  for (const std::string& name : names) pooled.push_back(pool_test(buckets[name]));
  return pooled;
}
}  // namespace

SystemFigures pool(const System& system, const std::vector<Result>& seeds) {
  SystemFigures pooled;
  pooled.system = &system;
  pooled.main = pool_test(seeds, &SystemFigures::main, &SystemAnswers::main);
  pooled.adherence = pool_test(seeds, &SystemFigures::adherence, &SystemAnswers::adherence);
  pooled.avoidance = pool_test(seeds, &SystemFigures::avoidance, &SystemAnswers::avoidance);
  pooled.history = pool_history(seeds);
  return pooled;
}

std::vector<double> hit_rates(const std::vector<Result>& seeds, Test test) {
  std::vector<double> rates;
  for (const Result& seed : seeds)
    if (seed.figures->*test && (*(seed.figures->*test)).hit_rate.value)
      rates.push_back(*(*(seed.figures->*test)).hit_rate.value);
  return rates;
}

std::optional<double> relative_spread(const std::vector<TestFigures>& buckets) {
  double low = 1, high = 0, sum = 0, count = 0;
  for (const TestFigures& bucket : buckets) {
    if (!bucket.hit_rate.value) continue;
    low = std::min(low, *bucket.hit_rate.value), high = std::max(high, *bucket.hit_rate.value);
    sum += *bucket.hit_rate.value, count += 1;
  }
  if (count < 2 || sum == 0) return std::nullopt;
  return (high - low) / (sum / count);
}

}  // namespace recpo::report
