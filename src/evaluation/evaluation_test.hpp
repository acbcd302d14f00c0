#pragma once
// Tests of a system: its rows, and its keys in evaluation.json. A test is one file in tests/
// that defines an `EvaluationTest` under its file's name; the build lists them, nothing else is to be edited.

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "src/data/rows.hpp"
#include "src/evaluation/options.hpp"

namespace recpo::evaluation {

struct Prediction;
using Predictions = std::vector<Prediction>;

struct EvaluationTest {
  const char* name;                                        // in evaluate.tests, and its key in evaluation.json
  const char* label;                                       // of its hit rate, in tables and figures
  const char* meaning;                                     // of its hit rate, a sentence below a figure
  const char* figure;                                      // file of that figure in a report, without ending
  const char* run_figure = nullptr;                        // the same in the report of a single run; nullptr: `figure`
  int order;                                               // of choices and tables: rising
  data::Split (*split)(const EvaluationOptions& options);  // its rows
  // Adds the test's keys to the JSON object of a system.
  void (*write)(const EvaluationTest& test, const Predictions& rows, std::uint64_t seed, nlohmann::ordered_json& json);
};

const std::vector<const EvaluationTest*>& evaluation_tests();         // in their order
const EvaluationTest& find_evaluation_test(const std::string& name);  // kUsage when there is none

// Parts of tests. The splits of a deck's questions of the next item:
data::Split main_split(const EvaluationOptions& options);
// All metrics as a JSON object; `stream` keeps the draws of different tests apart. A metric without rows is null.
nlohmann::ordered_json metrics_json(const Predictions& predictions, std::uint64_t seed, const std::string& stream);
// A metric and its interval under a second name.
void add_alias(nlohmann::ordered_json& json, const std::string& alias, const std::string& metric);

// The metrics of one system as the JSON object that evaluation.json holds under its name: a key for each test of
// options.tests, with all metrics (metrics.hpp). Of the next item:
//   "main": {"rows", "valid", "hits", "hr@1", "hr@1_ci95": [low, high], "valid_ratio", "valid_ratio_ci95",
//            "hr@1_valid", "hr@1_valid_ci95", "chance", "ranked": {"hr@1", "ndcg@1", "hr@3", ..} where ranked}
std::string evaluation_json(const Predictions& predictions, const EvaluationOptions& options, std::uint64_t seed);

}  // namespace recpo::evaluation
