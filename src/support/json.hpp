#pragma once
// Reading JSON files that may be hostile: nesting is limited, duplicate keys are refused, and every value is taken with
// the type and range the reader expects. All complaints are kBadInput and name the source and the key.
//
//   const nlohmann::json json = parse_json(read_file(path, limit), path.string());
//   const JsonObject object(json, path.string());
//   const std::int64_t layers = object.integer("num_hidden_layers", 1, 4096);

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace recpo {

// `source` names the text in errors, with the line for a syntax error.
nlohmann::json parse_json(std::string_view text, const std::string& source, int depth_limit = 64);

// A view of one JSON object; the JSON value must outlive it. A key whose value is null counts as absent.
class JsonObject {
 public:
  JsonObject(const nlohmann::json& value, std::string source);  // kBadInput when `value` is no object

  bool has(const std::string& key) const;
  // `absent`: the value where the key is; without one the key must be there.
  std::int64_t integer(const std::string& key, std::int64_t low, std::int64_t high,
                       std::optional<std::int64_t> absent = {}) const;
  double real(const std::string& key, double low, double high, std::optional<double> absent = {}) const;
  bool boolean(const std::string& key, std::optional<bool> absent = {}) const;
  std::string text(const std::string& key, const std::optional<std::string>& absent = {}) const;
  JsonObject object(const std::string& key) const;
  std::vector<JsonObject> objects(const std::string& key) const;  // the elements of an array of objects

  const nlohmann::json& at(const std::string& key) const;  // of any type; kBadInput when absent
  const nlohmann::json& value() const { return *value_; }
  const std::string& source() const { return source_; }

 private:
  const nlohmann::json* value_;
  std::string source_;
};

// JSONL: one object a line, empty lines skipped. Calls `visit` with each; its source is "file:line". Throws kBadInput.
void for_each_json_line(const std::filesystem::path& path, const std::function<void(const JsonObject&)>& visit);

}  // namespace recpo
