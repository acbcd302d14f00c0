// "avoidance": {metrics, "avoidance_rate": share of rows with a valid answer other than the disliked item,
// "avoidance_rate_valid": of the valid rows}. A hit is an avoided item.

#include <nlohmann/json.hpp>

#include "src/evaluation/evaluation_test.hpp"
#include "src/evaluation/prediction.hpp"

namespace recpo::evaluation {
namespace {
void write(const EvaluationTest& test, const Predictions& rows, std::uint64_t seed, nlohmann::ordered_json& json) {
  Predictions unranked = rows;
  for (Prediction& row : unranked) row.ranking.reset();  // ranks the item to avoid: no hit rate
  json[test.name] = metrics_json(unranked, seed, test.name);
  add_alias(json[test.name], "avoidance_rate", "hr@1");
  add_alias(json[test.name], "avoidance_rate_valid", "hr@1_valid");
}
}  // namespace

extern const EvaluationTest avoidance;
const EvaluationTest avoidance = {
    .name = "avoidance",
    .label = "Avoidance rate",
    .meaning = "Share of rows with a valid answer other than the disliked item among the candidates.",
    .figure = "figure4b",
    .order = 30,
    .split = [](const EvaluationOptions&) { return data::Split::kAvoidance; },
    .write = write,
};

}  // namespace recpo::evaluation
