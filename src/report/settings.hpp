#pragma once
// What a system was trained and evaluated with: the "settings" of evaluation.json, full key names of the deck.

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace recpo::report {

struct Setting {
  std::string text;              // equal for equal values: 2 and 2.0 are both "2"
  std::optional<double> number;  // of a numeric value
  bool operator==(const Setting&) const = default;
};
using Settings = std::map<std::string, Setting>;  // by key: "align.lambda"

// An object of numbers, texts, booleans and lists of these; null counts as absent. Keys consist of small letters,
// digits, '_' and '-' with single dots between, because pictures are named after them. Throws kBadInput.
Settings read_settings(const nlohmann::json& json, const std::string& source);

std::string text_of(const Settings& settings, const std::string& key, const std::string& absent = "");

}  // namespace recpo::report
