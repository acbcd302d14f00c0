#pragma once
// The paper's own numbers, read from inputs/paper/published.json, where each stands with its source.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace recpo::report {

using NamedNumbers = std::map<std::string, std::map<std::string, double>>;

struct Published {
  struct Sweep {  // one key varied, all else at the paper's settings
    std::string source, title, key, note = {};
    std::string system = {}, level = {};   // whose numbers these are; whose metrics are drawn as levels
    std::vector<std::string> values = {};  // in the paper's order
    NamedNumbers hit_rates = {};           // by data set and value; empty where the paper only draws them
  };

  std::vector<std::string> datasets;            // in the order of its tables
  std::map<std::string, NamedNumbers> results;  // by data set, system and metric; of tests "history-length_spread"
  NamedNumbers statistics;                      // by data set: sequences, items, interactions
  std::vector<Sweep> sweeps;
  std::map<std::string, std::string> settings;  // its values of keys that its tables and figures vary or fix

  std::optional<double> metric(const std::string& dataset, const std::string& system, const std::string& name) const;
  std::optional<std::string> setting(const std::string& key) const;
  std::size_t place_of(const std::string& dataset) const;  // among `datasets`; behind them for others
};

std::optional<double> find_number(const NamedNumbers& numbers, const std::string& row, const std::string& column);

// Throws kBadInput naming the file.
Published read_published(const std::filesystem::path& path);

}  // namespace recpo::report
