// HR@1 expected of a system that names a candidate at random.

#include <map>

#include "src/evaluation/metrics.hpp"
#include "src/evaluation/prediction.hpp"

namespace recpo::evaluation {
namespace {
// Rows with equally many candidates are counted first, so that 20 everywhere give 0.05 and not its neighbour.
std::optional<double> chance_of_hit(const std::vector<Prediction>& predictions) {
  if (predictions.empty()) return std::nullopt;
  std::map<std::int32_t, double> hits_of_count;
  for (const Prediction& p : predictions)
    if (p.candidates > 0) hits_of_count[p.candidates] += p.split == data::Split::kAvoidance ? p.candidates - 1 : 1;
  double sum = 0;
  for (const auto& [candidates, hits] : hits_of_count) sum += hits / candidates;
  return sum / static_cast<double>(predictions.size());
}
}  // namespace

extern const Metrics chance;
const Metrics chance = {{.name = "chance", .label = "chance", .order = 40, .of = chance_of_hit, .in_tables = false}};

}  // namespace recpo::evaluation
