#include "src/evaluation/resampling.hpp"

#include <algorithm>

#include "src/support/random.hpp"

namespace recpo::evaluation {

std::optional<std::pair<double, double>> cluster_interval(const std::vector<Cluster>& clusters, std::uint64_t seed,
                                                          std::string_view stream, int resamples) {
  if (clusters.empty()) return std::nullopt;
  Random random(seed, stream);
  std::vector<double> ratios;
  for (int i = 0; i < resamples; ++i) {
    double part = 0, whole = 0;
    for (std::size_t draw = 0; draw < clusters.size(); ++draw) {
      const Cluster& cluster = clusters[random.below(clusters.size())];
      part += cluster.part, whole += cluster.whole;
    }
    if (whole > 0) ratios.push_back(part / whole);
  }
  if (ratios.empty()) return std::nullopt;
  std::sort(ratios.begin(), ratios.end());
  const std::size_t tail = ratios.size() / 40;  // 2.5 %
  return std::pair(ratios[tail], ratios[ratios.size() - 1 - tail]);
}

}  // namespace recpo::evaluation
