// NDCG@k = mean of [rank <= k] / log2(1 + rank), as one candidate is relevant.

#include <fmt/format.h>

#include <cmath>

#include "src/evaluation/metrics.hpp"

namespace recpo::evaluation {
namespace {
Metric at(int cutoff, bool in_tables) {
  return {
      .name = fmt::format("ndcg@{}", cutoff),
      .label = fmt::format("ranked NDCG@{}", cutoff),
      .order = 101 + 10 * cutoff,
      .of = [cutoff](std::int32_t rank, const Ranking&) { return rank <= cutoff ? 1 / std::log2(1.0 + rank) : 0.0; },
      .in_tables = in_tables};
}
}  // namespace

extern const Metrics ndcg;
const Metrics ndcg = {at(1, false), at(3, false), at(5, false), at(10, true)};

}  // namespace recpo::evaluation
