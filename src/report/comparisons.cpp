#include "src/report/comparisons.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <unordered_map>

#include "src/objective/objective.hpp"
#include "src/report/sections.hpp"

namespace recpo::report {
namespace {
// The role of what a system of a role is compared with.
std::optional<Role> opponent_of(Role role) {
  switch (role) {
    case Role::kAligned:
      return Role::kSft;
    case Role::kSft:
      return Role::kBase;
    case Role::kTraditional:
      return Role::kHeuristic;
    case Role::kHeuristic:
      return Role::kChance;
    default:
      return std::nullopt;
  }
}

bool is_of_interest(const Variant& first, const Variant& second, const Variant* subject) {
  const System &own = *first.system, &other = *second.system;
  if (own.proposed) return !other.proposed && other.role != Role::kChance;
  if (other.name == own.extends || other.role == opponent_of(own.role)) return true;
  const bool stands_beside = other.role == Role::kTraditional || other.role == Role::kHeuristic;
  return &first == subject && own.role != Role::kTraditional && stands_beside;
}

// What a row counts for a metric; nullopt: it has no value.
std::optional<double> outcome_of(const Answer& answer, const std::string& metric) {
  if (metric == kHitRate) return answer.hit;
  return answer.ranked_first;
}

// What the first system won less what it lost, user by user, of every seed.
class PairedRows {
 public:
  void begin_seed() { trainings_.emplace_back(places_.size()); }
  void add(std::uint64_t user, double difference) {
    const auto [place, is_new] = places_.emplace(user, places_.size());
    if (is_new)
      for (auto& training : trainings_) training.emplace_back();
    evaluation::Cluster& own = trainings_.back()[place->second];
    own.part += difference, own.whole += 1;
  }

  std::vector<double> by_user() const {
    std::vector<double> sums(places_.size());
    for (const auto& training : trainings_)
      for (std::size_t user = 0; user < sums.size(); ++user) sums[user] += training[user].part;
    return sums;
  }
  const std::vector<std::vector<evaluation::Cluster>>& trainings() const { return trainings_; }

 private:
  std::unordered_map<std::uint64_t, std::size_t> places_;
  std::vector<std::vector<evaluation::Cluster>> trainings_;  // by seed, then user
};

// Rows with the same number and the same question, of one seed.
void count_seed(const Answers& first, const Answers& second, Comparison& comparison, PairedRows& rows) {
  double sum = 0;
  std::int64_t count = 0;
  for (auto a = first.begin(), b = second.begin(); a != first.end() && b != second.end();) {
    const auto own = outcome_of(*a, comparison.metric), other = outcome_of(*b, comparison.metric);
    if (a->row == b->row && a->question == b->question && own && other) {
      if (count++ == 0) rows.begin_seed();
      rows.add(a->user, *own - *other);
      comparison.first_only += *own > *other;
      comparison.second_only += *own < *other;
      sum += *own - *other;
    }
    const bool advance_first = a->row <= b->row, advance_second = b->row <= a->row;
    a += advance_first, b += advance_second;
  }
  if (count == 0) return;
  comparison.rows += count;
  comparison.difference += sum;  // a sum until all rows are there
  comparison.by_seed.push_back(sum / static_cast<double>(count));
}

std::vector<std::string> differing_keys(const Variant& first, const Variant& second) {
  const bool longer = first.system->name == kSftLonger || second.system->name == kSftLonger;
  std::vector<std::string> keys;
  for (const auto& [key, own] : first.settings) {
    const auto other = second.settings.find(key);
    if (other == second.settings.end() || other->second == own || objective::is_own_key(key)) continue;
    if (longer && is_sft_budget(key)) continue;
    keys.push_back(fmt::format("{} ({}, {})", key, own.text, other->second.text));
  }
  return keys;
}

constexpr std::uint64_t kComparisonSeed = 1;  // of resampling: a report of the same files is the same

std::optional<Comparison> compare(const Variant& first, const Variant& second, const char* metric) {
  Comparison comparison;
  comparison.first = &first, comparison.second = &second, comparison.metric = metric;
  PairedRows rows;
  for (const Result& a : first.seeds) {
    for (const Result& b : second.seeds) {
      const Answers *of_first = a.answers(kMain), *of_second = b.answers(kMain);
      if (a.seed == b.seed && of_first != nullptr && of_second != nullptr)
        count_seed(*of_first, *of_second, comparison, rows);
    }
  }
  if (comparison.rows == 0) return std::nullopt;
  comparison.difference /= static_cast<double>(comparison.rows);
  comparison.differing = differing_keys(first, second);
  if (comparison.is_fair())
    comparison.p_value = evaluation::sign_flip_test(rows.by_user(), kComparisonSeed, "sign flips");
  comparison.interval = evaluation::crossed_interval(rows.trainings(), kComparisonSeed, "difference");
  return comparison;
}

using Pair = std::pair<const System*, const System*>;

Pair pair_of(const Comparison& comparison) { return {comparison.first->system, comparison.second->system}; }

Cell cell_of(const Comparison& comparison) {
  Cell cell{fmt::format("{:+.4f}", comparison.difference)};
  if (!comparison.is_fair()) {
    cell.notes.push_back(fmt::format("not tested: other {}", fmt::join(comparison.differing, ", ")));
    return cell;
  }
  if (comparison.significant()) cell.emphasis = Cell::Emphasis::kBest;
  if (const auto& interval = comparison.interval)
    cell.notes.push_back(fmt::format("[{:+.3f}, {:+.3f}]", interval->low, interval->high));
  const auto rate = [&](const Variant* variant) { return variant->pooled.metric(kMain, comparison.metric).value; };
  if (const auto first = rate(comparison.first), second = rate(comparison.second); first && second && *second > 0)
    cell.notes.push_back(fmt::format("{:+.1f} %", 100 * (*first / *second - 1)));
  cell.notes.push_back(
      fmt::format("{} won, {} lost of {} rows", comparison.first_only, comparison.second_only, comparison.rows));
  if (comparison.by_seed.size() > 1) {
    std::vector<std::string> seeds;
    for (const double difference : comparison.by_seed) seeds.push_back(fmt::format("{:+.3f}", difference));
    cell.notes.push_back(fmt::format("seeds {}", fmt::join(seeds, " ")));
  }
  cell.notes.push_back(comparison.adjusted < 1e-4 ? "p below 0.0001" : fmt::format("p = {:.2g}", comparison.adjusted));
  return cell;
}

constexpr const char* kCaption =
    "Difference on the rows that both systems answered; bold where p is below 0.05. In brackets its 95 % interval from "
    "resampling users and, where there are several, seeds; then the relative difference of the rates in Table 1. p: "
    "sign-flip test over users, each with the sum of its rows and seeds, adjusted by Holm's method over the {} "
    "comparisons of this report{}. Systems whose settings differ in more than the objective's own keys are not tested.";
constexpr const char* kRankedCaption =
    " by the same metric. Ranked: the preferred candidate has the highest log-prob or score";

// By one metric, in the order of the report.
std::vector<Comparison> compare_by(const Study& study, const char* metric) {
  std::vector<Comparison> comparisons;
  for (const std::string& dataset : study.datasets) {
    std::vector<const Variant*> bases = study.bases(dataset);
    std::ranges::reverse(bases);
    std::ranges::stable_sort(
        bases, {}, [](const Variant* v) { return std::pair(!v->system->proposed, v->system->role != Role::kAligned); });
    for (const Variant* first : bases)
      for (const Variant* second : bases)
        if (is_of_interest(*first, *second, study.subject(dataset)))
          if (const auto comparison = compare(*first, *second, metric)) comparisons.push_back(*comparison);
  }
  std::vector<double> p_values;
  for (const Comparison& comparison : comparisons)
    if (comparison.is_fair()) p_values.push_back(comparison.p_value);
  const std::vector<double> adjusted = evaluation::holm_adjusted(p_values);
  auto next = adjusted.begin();
  for (Comparison& comparison : comparisons)
    if (comparison.is_fair()) comparison.adjusted = *next++;
  return comparisons;
}

const Comparison* find(const std::vector<Comparison>& comparisons, const Pair& pair, const std::string& dataset,
                       const std::string& metric) {
  const auto found = std::ranges::find_if(comparisons, [&](const Comparison& c) {
    return c.first->dataset == dataset && pair_of(c) == pair && c.metric == metric;
  });
  return found == comparisons.end() ? nullptr : &*found;
}
}  // namespace

Verdict verdict_of(const Comparison& c) {
  if (!c.significant() || !c.interval) return Verdict::kNoDifferenceShown;
  if (c.interval->low > 0) return Verdict::kBetter;
  return c.interval->high < 0 ? Verdict::kWorse : Verdict::kNoDifferenceShown;
}

const char* name_of(Verdict verdict) {
  constexpr const char* kNames[] = {"better", "no difference shown", "worse"};
  return kNames[static_cast<std::size_t>(verdict)];
}

std::vector<Comparison> compare_systems(const Study& study) {
  std::vector<Comparison> comparisons = compare_by(study, kHitRate);
  for (Comparison& ranked : compare_by(study, kRankedHitRate)) comparisons.push_back(std::move(ranked));
  return comparisons;
}

void add_comparisons(const std::vector<Comparison>& comparisons, const Study& study, Document& document) {
  if (comparisons.empty()) return;
  const auto is_ranked = [](const Comparison& c) { return c.metric == kRankedHitRate; };
  const auto is_tested_by_hits = [&](const Comparison& c) { return !is_ranked(c) && c.is_fair(); };
  std::vector<std::string> metrics = {kHitRate};
  if (std::ranges::any_of(comparisons, is_ranked)) metrics.emplace_back(kRankedHitRate);
  std::vector<Pair> pairs;  // in the order in which they were compared
  for (const Comparison& comparison : comparisons)
    if (std::ranges::find(pairs, pair_of(comparison)) == pairs.end()) pairs.push_back(pair_of(comparison));
  Table table{fmt::format(kCaption, std::ranges::count_if(comparisons, is_tested_by_hits),
                          metrics.size() > 1 ? kRankedCaption : ""),
              {{"systems", "", true}}};
  for (const std::string& dataset : study.datasets)
    for (const std::string& metric : metrics) table.columns.push_back({describe_metric(metric).label, dataset});
  for (const Pair& pair : pairs) {
    std::vector<Cell> row = {{fmt::format("{} against {}", pair.first->label, pair.second->label)}};
    for (const std::string& dataset : study.datasets)
      for (const std::string& metric : metrics) {
        const Comparison* found = find(comparisons, pair, dataset, metric);
        row.push_back(found == nullptr ? missing_cell("-") : cell_of(*found));
      }
    table.rows.push_back(std::move(row));
  }
  document.add(Heading{"Comparisons in pairs"});
  document.add(std::move(table));
}

}  // namespace recpo::report
