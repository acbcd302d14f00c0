// "main": {metrics} of the next item, on the rows of evaluate.split.

#include <nlohmann/json.hpp>

#include "src/evaluation/evaluation_test.hpp"

namespace recpo::evaluation {
namespace {
void write(const EvaluationTest& test, const Predictions& rows, std::uint64_t seed, nlohmann::ordered_json& json) {
  json[test.name] = metrics_json(rows, seed, test.name);
}
}  // namespace

extern const EvaluationTest main_test;
const EvaluationTest main_test = {
    .name = "main",
    .label = "HR@1",
    .meaning = "Share of rows in which the next item is named.",
    .figure = "hr",
    .order = 10,
    .split = main_split,
    .write = write,
};

}  // namespace recpo::evaluation
