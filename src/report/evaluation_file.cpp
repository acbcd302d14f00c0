#include "src/report/evaluation_file.hpp"

#include "src/support/check.hpp"
#include "src/support/json.hpp"

namespace recpo::report {
namespace {
constexpr std::int64_t kMostRows = std::int64_t{1} << 40;

std::optional<double> read_share(const JsonObject& json, const std::string& key) {
  if (!json.has(key)) return std::nullopt;
  return json.real(key, 0, 1);
}

Estimate read_estimate(const JsonObject& json, const std::string& key) {
  Estimate estimate;
  estimate.value = read_share(json, key);
  const std::string interval = key + "_ci95";
  if (!json.has(interval)) return estimate;
  const nlohmann::json& ends = json.at(interval);
  const auto is_share = [](const nlohmann::json& end) { return end.is_number() && end >= 0 && end <= 1; };
  if (!ends.is_array() || ends.size() != 2 || !is_share(ends[0]) || !is_share(ends[1]) || ends[0] > ends[1])
    throw_input("{}: {} must be two rising numbers from 0 to 1", json.source(), interval);
  estimate.low = ends[0].get<double>();
  estimate.high = ends[1].get<double>();
  return estimate;
}

TestFigures read_figures(const JsonObject& json, const std::string& test) {
  TestFigures figures;
  figures.test = test;
  figures.rows = json.integer("rows", 0, kMostRows);
  figures.valid = json.integer("valid", 0, figures.rows, 0);
  figures.hits = json.integer("hits", 0, figures.rows, 0);
  figures.hit_rate = read_estimate(json, "hr@1");
  figures.valid_ratio = read_estimate(json, "valid_ratio");
  figures.valid_hit_rate = read_estimate(json, "hr@1_valid");
  figures.chance = read_share(json, "chance");
  if (!json.has("ranked")) return figures;
  const JsonObject ranked = json.object("ranked");
  for (const int cutoff : {1, 3, 5, 10})
    figures.ranked.push_back(
        {cutoff, ranked.real(fmt::format("hr@{}", cutoff), 0, 1), ranked.real(fmt::format("ndcg@{}", cutoff), 0, 1)});
  return figures;
}

std::optional<TestFigures> read_test(const JsonObject& json, const std::string& test) {
  if (!json.has(test)) return std::nullopt;
  return read_figures(json.object(test), test);
}

std::vector<TestFigures> read_history(const JsonObject& json) {
  const std::string test = "history-length";
  std::vector<TestFigures> buckets;
  if (!json.has(test)) return buckets;
  const std::string source = json.source() + ": " + test;
  if (!json.at(test).is_array()) throw_input("{}: expected a list in brackets", source);
  for (const nlohmann::json& entry : json.at(test)) {
    const JsonObject bucket(entry, source);
    const std::int64_t from = bucket.integer("from", 0, kMostRows);
    const std::int64_t to = bucket.integer("to", from, kMostRows, -1);  // absent: no upper edge
    buckets.push_back(
        read_figures(bucket, to < 0 ? fmt::format("{} {}+", test, from) : fmt::format("{} {}-{}", test, from, to)));
  }
  return buckets;
}
}  // namespace

std::vector<SystemFigures> parse_evaluation(const std::string& text, const std::string& source) {
  const nlohmann::json parsed = parse_json(text, source);
  const JsonObject json(parsed, source);
  for (const auto& [name, value] : parsed.items())
    if (find_system(name) == nullptr) throw_input("{}: {} is no system; known: {}", source, name, system_names());
  std::vector<SystemFigures> all;
  for (const System& system : systems()) {
    if (!json.has(system.name)) continue;
    const JsonObject figures = json.object(system.name);
    all.push_back({&system, read_test(figures, "main"), read_test(figures, "adherence"),
                   read_test(figures, "avoidance"), read_history(figures),
                   figures.has("settings") ? read_settings(figures.at("settings"), figures.source() + ": settings")
                                           : Settings{}});
  }
  return all;
}

}  // namespace recpo::report
