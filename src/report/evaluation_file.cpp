#include "src/report/evaluation_file.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "src/report/systems.hpp"
#include "src/support/check.hpp"
#include "src/support/json.hpp"

namespace recpo::report {
namespace {
constexpr std::int64_t kMaxRows = std::int64_t{1} << 40;
constexpr std::size_t kMaxMetrics = 1000;
constexpr std::string_view kInterval = "_ci95";

void check_name(const std::string& name, const std::string& source) {
  if (!is_name(name)) throw_input("{}: {} is no name", source, nlohmann::json(name).dump());
}

void read_interval(const JsonObject& json, const std::string& key, const MetricView& metric, Estimate& estimate) {
  const nlohmann::json& ends = json.at(key);
  const auto fits = [&](const nlohmann::json& end) {
    return end.is_number() && end >= metric.lowest && end <= metric.highest;
  };
  if (!ends.is_array() || ends.size() != 2 || !fits(ends[0]) || !fits(ends[1]) || ends[0] > ends[1])
    throw_input("{}: {} must be two rising numbers from {} to {}", json.source(), key, metric.lowest, metric.highest);
  estimate.low = ends[0].get<double>();
  estimate.high = ends[1].get<double>();
}

// Numbers of `json` and of the objects in it, whose names begin with that of the object.
void read_metrics(const JsonObject& json, const std::string& prefix, TestMetrics& test) {
  if (json.value().size() > kMaxMetrics) throw_input("{}: more than {} names", json.source(), kMaxMetrics);
  for (const auto& [key, value] : json.value().items()) {
    check_name(key, json.source());
    // "adherence_rate" is hr@1 of adherence under another name
    if (value.is_null() || key.starts_with(test.test + "_rate")) continue;
    if (value.is_object() && prefix.empty()) {
      read_metrics(json.object(key), key + "_", test);
      continue;
    }
    const bool is_interval = key.ends_with(kInterval);
    const std::string name = prefix + (is_interval ? key.substr(0, key.size() - kInterval.size()) : key);
    const MetricView metric = describe_metric(name);
    if (is_interval) {
      read_interval(json, key, metric, test.metrics[name]);
    } else {
      test.metrics[name].value = json.real(key, metric.lowest, metric.highest);
    }
  }
}

TestMetrics read_test(const JsonObject& json, const std::string& name) {
  TestMetrics test;
  test.test = name;
  test.rows = json.integer("rows", 0, kMaxRows);
  test.valid = json.integer("valid", 0, test.rows, 0);
  test.hits = json.integer("hits", 0, test.rows, 0);
  read_metrics(json, "", test);
  for (const char* count : {"rows", "valid", "hits", "from", "to"}) test.metrics.erase(count);
  return test;
}

void read_buckets(const nlohmann::json& list, const std::string& source, const std::string& name,
                  std::vector<TestMetrics>& tests) {
  if (list.size() > kMaxMetrics) throw_input("{}: more than {} buckets", source, kMaxMetrics);
  for (const nlohmann::json& entry : list) {
    const JsonObject json(entry, source);
    const std::int64_t from = json.integer("from", 0, kMaxRows);
    const std::int64_t to = json.integer("to", from, kMaxRows, -1);  // absent: no upper edge
    tests.push_back(read_test(json, name));
    tests.back().bucket = to < 0 ? fmt::format("{}+", from) : fmt::format("{}-{}", from, to);
  }
}

// A number next to the tests sums one up ("history-length_spread"); a report computes it itself, over all seeds.
SystemMetrics read_system(const JsonObject& json, const std::string& name) {
  SystemMetrics system{name};
  for (const auto& [key, value] : json.value().items()) {
    const std::string source = json.source() + ": " + key;
    check_name(key, json.source());
    if (key == "settings") {
      if (!value.is_null()) system.settings = read_settings(value, source);
    } else if (value.is_array()) {
      read_buckets(value, source, key, system.tests);
    } else if (value.is_object()) {
      system.tests.push_back(read_test(json.object(key), key));
    } else if (!value.is_null() && !value.is_number()) {
      throw_input("{}: expected a test in braces, a list of tests in brackets or a number", source);
    }
  }
  std::stable_partition(system.tests.begin(), system.tests.end(),  // clang 14 does not compile the one of std::ranges
                        [](const TestMetrics& test) { return test.is_main(); });
  return system;
}
}  // namespace

const Estimate& TestMetrics::metric(const std::string& name) const {
  static const Estimate absent;
  const auto found = metrics.find(name);
  return found == metrics.end() ? absent : found->second;
}

const TestMetrics* SystemMetrics::test(const std::string& name) const {
  for (const TestMetrics& test : tests)
    if (test.test == name && test.bucket.empty()) return &test;
  return nullptr;
}

const Estimate& SystemMetrics::metric(const std::string& name, const std::string& metric) const {
  static const TestMetrics absent;
  const TestMetrics* found = test(name);
  return (found == nullptr ? absent : *found).metric(metric);
}

std::vector<TestMetrics> SystemMetrics::buckets(const std::string& name) const {
  std::vector<TestMetrics> found;
  for (const TestMetrics& test : tests)
    if (test.test == name && !test.bucket.empty()) found.push_back(test);
  return found;
}

std::vector<SystemMetrics> parse_evaluation(const std::string& text, const std::string& source) {
  const nlohmann::json parsed = parse_json(text, source);
  const JsonObject json(parsed, source);
  std::vector<SystemMetrics> systems;
  for (const auto& [name, value] : parsed.items()) {
    check_name(name, source);
    systems.push_back(read_system(JsonObject(value, source + ": " + name), name));
  }
  return systems;
}

namespace {
constexpr std::size_t kMaxSettings = 1000, kLongestText = 4096;

std::string scalar_text(const nlohmann::json& value, const std::string& where) {
  if (value.is_number_integer()) return value.dump();  // exact: seeds have 64 bits
  if (value.is_number()) return fmt::format("{}", value.get<double>());
  if (value.is_boolean()) return value.get<bool>() ? "true" : "false";
  if (!value.is_string()) throw_input("{} must be a number, a text, true, false or a list of these", where);
  const auto& text = value.get_ref<const std::string&>();
  if (text.size() > kLongestText) throw_input("{} is longer than {} bytes", where, kLongestText);
  return text;
}

Setting read_setting(const nlohmann::json& value, const std::string& where) {
  Setting setting;
  if (value.is_number()) setting.number = value.get<double>();
  if (!value.is_array()) {
    setting.text = scalar_text(value, where);
    return setting;
  }
  for (const nlohmann::json& entry : value)
    setting.text += (setting.text.empty() ? "" : ", ") + scalar_text(entry, where);
  return setting;
}
}  // namespace

bool is_name(const std::string& text) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-@+.").find(c) != std::string_view::npos;
  };
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, fits) && text.front() != '.' &&
         text.back() != '.' && text.find("..") == std::string::npos;
}

Settings read_settings(const nlohmann::json& json, const std::string& source) {
  const JsonObject object(json, source);
  if (json.size() > kMaxSettings) throw_input("{}: more than {} keys", source, kMaxSettings);
  Settings settings;
  for (const auto& [key, value] : json.items()) {
    if (!is_name(key)) throw_input("{}: {} is no key of a deck", source, nlohmann::json(key).dump());
    if (!value.is_null()) settings[key] = read_setting(value, source + ": " + key);
  }
  return settings;
}

std::string text_of(const Settings& settings, const std::string& key, const std::string& absent) {
  const auto found = settings.find(key);
  return found == settings.end() ? absent : found->second.text;
}

}  // namespace recpo::report
