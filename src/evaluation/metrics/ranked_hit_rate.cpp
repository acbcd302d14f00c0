// HR@k = share of rows whose preferred candidate is among the k best by score.

#include <fmt/format.h>

#include "src/evaluation/metrics.hpp"

namespace recpo::evaluation {
namespace {
Metric at(int cutoff, bool in_tables) {
  return {.name = fmt::format("hr@{}", cutoff),
          .label = fmt::format("ranked HR@{}", cutoff),
          .order = 100 + 10 * cutoff,
          .of = [cutoff](std::int32_t rank, const Ranking&) { return rank <= cutoff ? 1.0 : 0.0; },
          .in_tables = in_tables,
          .has_interval = cutoff == 1};
}
}  // namespace

extern const Metrics ranked_hit_rate;
const Metrics ranked_hit_rate = {at(1, true), at(3, false), at(5, true), at(10, true)};

}  // namespace recpo::evaluation
