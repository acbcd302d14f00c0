#include "src/evaluation/evaluation_test.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "src/evaluation/metrics.hpp"
#include "src/evaluation/prediction.hpp"
#include "src/support/check.hpp"

namespace recpo::evaluation {

#define RECPO_TEST(name) extern const EvaluationTest name;
#include "test_list.inc"
#undef RECPO_TEST

namespace {
using Json = nlohmann::ordered_json;

Json to_json(const std::optional<double>& value) { return value ? Json(*value) : Json(); }
Json to_json(const std::optional<Interval>& interval) {
  return interval ? Json::array({interval->low, interval->high}) : Json();
}

struct WriteMetric {
  const Metric& metric;
  const Predictions& predictions;
  std::uint64_t seed;
  const std::string& stream;
  Json& json;

  void operator()(Share share) const {
    const Outcomes outcomes = count_outcomes(predictions);
    const auto interval = bootstrap_interval(share, outcomes, seed, "bootstrap " + stream);
    json[metric.name] = to_json((outcomes.*share)());
    json[metric.name + "_ci95"] = to_json(interval);
  }
  void operator()(OfRows of) const { json[metric.name] = to_json(of(predictions)); }
  void operator()(const OfRank& of) const {
    const auto values = values_of_ranks(predictions, of);
    if (!values) return;
    json["ranked"][metric.name] = *mean_of_ranks(predictions, of);
    if (!metric.has_interval) return;
    std::vector<Cluster> rows;
    for (const double value : *values) rows.push_back({value, 1});
    json["ranked"][metric.name + "_ci95"] = to_json(cluster_interval(rows, seed, "bootstrap ranked " + stream));
  }
};
}  // namespace

const std::vector<const EvaluationTest*>& evaluation_tests() {
  static const std::vector<const EvaluationTest*> all = [] {
#define RECPO_TEST(name) &name,
    std::vector<const EvaluationTest*> listed = {
#include "test_list.inc"
    };
#undef RECPO_TEST
    std::ranges::sort(listed, {}, &EvaluationTest::order);
    return listed;
  }();
  return all;
}

std::vector<std::string> evaluation_test_names() {
  std::vector<std::string> names;
  for (const EvaluationTest* test : evaluation_tests()) names.emplace_back(test->name);
  return names;
}

const EvaluationTest& find_evaluation_test(const std::string& name) {
  for (const EvaluationTest* test : evaluation_tests())
    if (name == test->name) return *test;
  throw_usage("evaluate.tests = \"{}\" is not one of {}", name, fmt::join(evaluation_test_names(), " | "));
}

data::Split main_split(const EvaluationOptions& options) {
  return options.split == MainSplit::kValid ? data::Split::kValid : data::Split::kTest;
}

Json metrics_json(const Predictions& predictions, std::uint64_t seed, const std::string& stream) {
  const Outcomes outcomes = count_outcomes(predictions);
  Json json = {{"rows", outcomes.rows}, {"valid", outcomes.valid}, {"hits", outcomes.hits}};
  for (const Metric* metric : metrics()) std::visit(WriteMetric{*metric, predictions, seed, stream, json}, metric->of);
  return json;
}

void add_alias(Json& json, const std::string& alias, const std::string& metric) {
  json[alias] = json[metric];
  json[alias + "_ci95"] = json[metric + "_ci95"];
}

std::string evaluation_json(const Predictions& predictions, const EvaluationOptions& options, std::uint64_t seed) {
  Json json = Json::object();
  for (const std::string& name : options.tests) {
    const EvaluationTest& test = find_evaluation_test(name);
    Predictions rows;
    std::ranges::copy_if(predictions, std::back_inserter(rows),
                         [split = test.split(options)](const Prediction& p) { return p.split == split; });
    test.write(test, rows, seed, json);
  }
  return json.dump(2);
}

}  // namespace recpo::evaluation
