#pragma once
// Intervals of a ratio of sums when rows come in clusters that are not independent, as the rows of one user are:
//   sum_c part_c / sum_c whole_c,   clusters drawn with replacement (the cluster bootstrap).

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace recpo::evaluation {

struct Cluster {
  double part = 0, whole = 0;
};

// The 2.5 % and 97.5 % percentiles of `resamples` draws; draws whose wholes add up to 0 say nothing. A pure function
// of its arguments. nullopt when no draw says anything.
std::optional<std::pair<double, double>> cluster_interval(const std::vector<Cluster>& clusters, std::uint64_t seed,
                                                          std::string_view stream, int resamples = 2000);

}  // namespace recpo::evaluation
