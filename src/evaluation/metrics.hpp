#pragma once
// Metrics of a set of judged answers. Those of one kind are one file in metrics/ that defines a list `Metrics` under
// its file's name; the build lists them, nothing else is to be edited:
//
//   const Metrics hit_rate = {{.name = "hr@1", .label = "HR@1", .order = 10, .of = &Outcomes::hit_rate}};
//
// evaluation.json holds a metric under its name; a share of the outcomes with its bootstrap interval, NAME_ci95; a mean
// over ranks in the object "ranked", where all candidates were ranked. Candidates of equal score count as their
// expectation over all orders.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "src/evaluation/significance.hpp"

namespace recpo::evaluation {

struct Prediction;
struct Ranking;

struct Outcomes {
  std::int64_t rows = 0, valid = 0, hits = 0;  // hits <= valid <= rows

  // nullopt: nothing to divide by.
  std::optional<double> hit_rate() const { return share(hits, rows); }  // an invalid answer is a miss
  std::optional<double> valid_ratio() const { return share(valid, rows); }
  std::optional<double> valid_hit_rate() const { return share(hits, valid); }

 private:
  static std::optional<double> share(std::int64_t part, std::int64_t whole) {
    if (whole == 0) return std::nullopt;
    return static_cast<double>(part) / static_cast<double>(whole);
  }
};
Outcomes count_outcomes(const std::vector<Prediction>& predictions);

using Share = std::optional<double> (Outcomes::*)() const;
using OfRows = std::optional<double> (*)(const std::vector<Prediction>& predictions);
// Of one row, if the preferred candidate has this rank (1 = best); a metric is the mean over the places that it shares.
using OfRank = std::function<double(std::int32_t rank, const Ranking& ranking)>;

struct Metric {
  std::string name;   // in evaluation.json
  std::string label;  // in tables and figures
  int order = 0;      // in evaluation.json and in tables: rising
  std::variant<Share, OfRows, OfRank> of;
  bool in_tables = true;           // false: in files only
  bool has_interval = false;       // of a rank: resampled, too (a share always is)
  double lowest = 0, highest = 1;  // possible values

  bool is_ranked() const { return std::holds_alternative<OfRank>(of); }
  // Its name in reports and CSV files.
  std::string full_name() const { return is_ranked() ? "ranked_" + name : name; }
};
using Metrics = std::vector<Metric>;

const std::vector<const Metric*>& metrics();  // in their order
const Metric& find_metric(std::string_view full_name);

// Of each row; nullopt without rows, or unless every prediction is ranked.
std::optional<std::vector<double>> values_of_ranks(const std::vector<Prediction>& predictions, const OfRank& of);
std::optional<double> mean_of_ranks(const std::vector<Prediction>& predictions, const OfRank& of);

// 95 % interval of a share from `resamples` draws of all rows with replacement, as of one cluster a row. nullopt when
// no draw has anything to divide by.
std::optional<Interval> bootstrap_interval(Share share, const Outcomes& outcomes, std::uint64_t seed,
                                           std::string_view stream, int resamples = kResamples);

}  // namespace recpo::evaluation
