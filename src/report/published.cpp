#include "src/report/published.hpp"

#include <algorithm>

#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/json.hpp"

namespace recpo::report {
namespace {
constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 20;

Published from_json(const nlohmann::json& json) {
  Published published;
  json.at("datasets").get_to(published.datasets);
  for (const nlohmann::json& block : json.at("results"))
    for (const auto& [dataset, systems] : block.at("values").items())
      for (const auto& [system, metrics] : systems.get<NamedNumbers>())
        published.results[dataset][system].insert(metrics.begin(), metrics.end());
  json.at("statistics").at("values").get_to(published.statistics);
  for (const nlohmann::json& sweep : json.at("sweeps"))
    published.sweeps.push_back({sweep.at("source"), sweep.at("title"), sweep.at("key"), sweep.value("note", ""),
                                sweep.value("system", ""), sweep.value("level", ""),
                                sweep.value("values", std::vector<std::string>()),
                                sweep.value("hr@1", NamedNumbers())});
  json.at("settings").at("values").get_to(published.settings);
  return published;
}
}  // namespace

std::optional<double> find_number(const NamedNumbers& numbers, const std::string& row, const std::string& column) {
  const auto found = numbers.find(row);
  if (found == numbers.end()) return std::nullopt;
  const auto number = found->second.find(column);
  return number == found->second.end() ? std::nullopt : std::optional(number->second);
}

std::optional<double> Published::metric(const std::string& dataset, const std::string& system,
                                        const std::string& name) const {
  const auto found = results.find(dataset);
  return found == results.end() ? std::nullopt : find_number(found->second, system, name);
}

std::optional<std::string> Published::setting(const std::string& key) const {
  const auto found = settings.find(key);
  return found == settings.end() ? std::nullopt : std::optional(found->second);
}

std::size_t Published::place_of(const std::string& dataset) const {
  return static_cast<std::size_t>(std::ranges::find(datasets, dataset) - datasets.begin());
}

Published read_published(const std::filesystem::path& path) {
  const nlohmann::json json = parse_json(read_file(path, kMaxBytes), path.string());
  try {
    return from_json(json);
  } catch (const nlohmann::json::exception& error) {
    throw_input("{}: {}", path.string(), error.what());
  }
}

}  // namespace recpo::report
