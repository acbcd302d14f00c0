#pragma once
// Figures of a set of judged answers: shares of rows, their bootstrap intervals, ranks.
//   HR@1 = hits / rows (an invalid answer is a miss)     ValidRatio = valid / rows     HR@1 over valid rows = hits /
//   valid HR@k = share of rows with rank <= k      NDCG@k = mean of [rank <= k] / log2(1 + rank), as one item is
//   relevant

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "src/evaluation/prediction.hpp"

namespace recpo::evaluation {

struct Outcomes {
  std::int64_t rows = 0, valid = 0, hits = 0;  // hits <= valid <= rows

  // nullopt: nothing to divide by.
  std::optional<double> hit_rate() const { return share(hits, rows); }
  std::optional<double> valid_ratio() const { return share(valid, rows); }
  std::optional<double> valid_hit_rate() const { return share(hits, valid); }

 private:
  static std::optional<double> share(std::int64_t part, std::int64_t whole) {
    if (whole == 0) return std::nullopt;
    return static_cast<double>(part) / static_cast<double>(whole);
  }
};
Outcomes count_outcomes(const std::vector<Prediction>& predictions);

// 95 % percentile intervals of the same three shares from `resamples` draws of all rows with replacement. A pure
// function of (outcomes, seed, stream). nullopt as above; draws without a valid row say nothing of valid_hit_rate.
struct Interval {
  double low = 0, high = 0;
};
struct Intervals {
  std::optional<Interval> hit_rate, valid_ratio, valid_hit_rate;
};
inline constexpr int kResamples = 2000;
Intervals bootstrap_intervals(const Outcomes& outcomes, std::uint64_t seed, std::string_view stream,
                              int resamples = kResamples);

struct RankFigures {
  std::vector<double> hit_rate, ndcg;  // [kCutoffs]
};
inline constexpr int kCutoffs[] = {1, 3, 5, 10};
// nullopt unless every prediction is ranked and there is one.
std::optional<RankFigures> rank_figures(const std::vector<Prediction>& predictions);

}  // namespace recpo::evaluation
