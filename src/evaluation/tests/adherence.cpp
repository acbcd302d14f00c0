// "adherence": {metrics, "adherence_rate": share of rows in which, of two liked items, the nearer one is named}.

#include <nlohmann/json.hpp>

#include "src/evaluation/evaluation_test.hpp"

namespace recpo::evaluation {
namespace {
void write(const EvaluationTest& test, const Predictions& rows, std::uint64_t seed, nlohmann::ordered_json& json) {
  json[test.name] = metrics_json(rows, seed, test.name);
  add_alias(json[test.name], "adherence_rate", "hr@1");
}
}  // namespace

extern const EvaluationTest adherence;
const EvaluationTest adherence = {
    .name = "adherence",
    .label = "Adherence rate",
    .meaning = "Share of rows in which, of two liked items among the candidates, the nearer one is named.",
    .figure = "figure4a",
    .order = 20,
    .split = [](const EvaluationOptions&) { return data::Split::kAdherence; },
    .write = write,
};

}  // namespace recpo::evaluation
