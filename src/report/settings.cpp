#include "src/report/settings.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "src/support/check.hpp"
#include "src/support/json.hpp"

namespace recpo::report {
namespace {
constexpr std::size_t kMostSettings = 1000, kLongestText = 4096;

bool is_key(const std::string& key) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  };
  return !key.empty() && key.size() <= 64 && std::all_of(key.begin(), key.end(), letter) && key.front() != '.' &&
         key.back() != '.' && key.find("..") == std::string::npos;
}

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

Settings read_settings(const nlohmann::json& json, const std::string& source) {
  const JsonObject object(json, source);
  if (json.size() > kMostSettings) throw_input("{}: more than {} keys", source, kMostSettings);
  Settings settings;
  for (const auto& [key, value] : json.items()) {
    if (!is_key(key)) throw_input("{}: {} is no key of a deck", source, nlohmann::json(key).dump());
    if (!value.is_null()) settings[key] = read_setting(value, source + ": " + key);
  }
  return settings;
}

std::string text_of(const Settings& settings, const std::string& key, const std::string& absent) {
  const auto found = settings.find(key);
  return found == settings.end() ? absent : found->second.text;
}

}  // namespace recpo::report
