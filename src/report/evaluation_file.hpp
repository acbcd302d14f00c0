#pragma once
// evaluation.json as numbers, with any systems, tests and metrics. Everything is optional, because a metric without
// rows is null and a test that was not requested is absent; what is there must be of the right type and range.

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace recpo::report {

struct Setting {
  std::string text;              // equal for equal values: 2 and 2.0 are both "2"
  std::optional<double> number;  // of a numeric value
  bool operator==(const Setting&) const = default;
};
// What a system was trained and evaluated with, "settings" of evaluation.json: by full name of the deck's key.
using Settings = std::map<std::string, Setting>;

// Names of systems, tests, metrics and keys: ASCII letters, digits, '_', '-', '@', '+' and single dots between, because
// pictures are named after them.
bool is_name(const std::string& text);

// An object of numbers, texts, booleans and lists of these; null counts as absent. Throws kBadInput.
Settings read_settings(const nlohmann::json& json, const std::string& source);

std::string text_of(const Settings& settings, const std::string& key, const std::string& absent = "");

// Names of the main test and of its metrics that tables and figures show in any case.
inline constexpr const char *kMain = "main", *kHitRate = "hr@1", *kValidRatio = "valid_ratio",
                            *kValidHitRate = "hr@1_valid", *kChance = "chance", *kRankedHitRate = "ranked_hr@1";

struct Estimate {  // a metric with its 95 % interval
  std::optional<double> value = {}, low = {}, high = {};
};

struct TestMetrics {
  std::string test;         // main | adherence | avoidance | history-length | any other name
  std::string bucket = {};  // "10-19" of a test whose rows are sorted into buckets; else empty
  std::int64_t rows = 0, valid = 0, hits = 0;
  std::map<std::string, Estimate> metrics = {};  // by name; in an object of the file: "ranked_hr@5"

  bool is_main() const { return test == kMain; }
  const Estimate& metric(const std::string& name) const;  // without a value when it is absent
};

struct SystemMetrics {
  std::string system;
  std::vector<TestMetrics> tests = {};  // main first, the others by name, buckets rising
  Settings settings = {};               // empty in files that have none

  const TestMetrics* test(const std::string& name) const;  // without buckets; nullptr: absent
  const Estimate& metric(const std::string& test, const std::string& name) const;
  std::vector<TestMetrics> buckets(const std::string& test) const;
};

// Systems by name. `source` names the text in errors (kBadInput).
std::vector<SystemMetrics> parse_evaluation(const std::string& json, const std::string& source);

}  // namespace recpo::report
