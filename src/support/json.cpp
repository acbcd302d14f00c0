#include "src/support/json.hpp"

#include <algorithm>
#include <set>
#include <sstream>

#include "src/support/check.hpp"
#include "src/support/file.hpp"

namespace recpo {
using nlohmann::json;

namespace {
// The library's messages begin with an identifier of its own in brackets.
std::string plain_message(const json::exception& error) {
  const std::string message = error.what();
  const auto end = message.find("] ");
  return end == std::string::npos ? message : message.substr(end + 2);
}

// Watches the parser: the depth of nesting, and the keys of each open object.
class Guard {
 public:
  Guard(const std::string& source, int depth_limit) : source_(source), depth_limit_(depth_limit) {}

  bool operator()(int depth, json::parse_event_t event, const json& value) {
    if (depth >= depth_limit_) throw_input("{}: nested deeper than {}", source_, depth_limit_);
    if (event == json::parse_event_t::object_start) keys_.emplace_back();
    if (event == json::parse_event_t::object_end) keys_.pop_back();
    if (event == json::parse_event_t::key && !keys_.back().insert(value.get<std::string>()).second) {
      const std::string key = value.dump();  // control characters escaped: messages have one line
      throw_input("{}: {} appears twice", source_, key.substr(1, key.size() - 2));
    }
    return true;
  }

 private:
  const std::string& source_;
  int depth_limit_;
  std::vector<std::set<std::string>> keys_;
};
}  // namespace

json parse_json(std::string_view text, const std::string& source, int depth_limit) {
  Guard guard(source, depth_limit);
  const json::parser_callback_t watch = [&](int depth, json::parse_event_t event, json& value) {
    return guard(depth, event, value);
  };
  try {
    return json::parse(text, watch);
  } catch (const json::exception& error) {
    throw_input("{}: {}", source, plain_message(error));
  }
}

JsonObject::JsonObject(const json& value, std::string source) : value_(&value), source_(std::move(source)) {
  if (!value.is_object()) throw_input("{}: expected an object in braces, not {}", source_, value.type_name());
}

bool JsonObject::has(const std::string& key) const {
  const auto found = value_->find(key);
  return found != value_->end() && !found->is_null();
}

const json& JsonObject::at(const std::string& key) const {
  if (!has(key)) throw_input("{}: {} is missing", source_, key);
  return value_->at(key);
}

std::int64_t JsonObject::integer(const std::string& key, std::int64_t low, std::int64_t high,
                                 std::optional<std::int64_t> absent) const {
  if (absent && !has(key)) return *absent;
  const json& found = at(key);
  const bool fits =
      found.is_number_integer() && (!found.is_number_unsigned() || found.get<std::uint64_t>() <= INT64_MAX);
  if (!fits || found.get<std::int64_t>() < low || found.get<std::int64_t>() > high)
    throw_input("{}: {} must be a whole number from {} to {}", source_, key, low, high);
  return found.get<std::int64_t>();
}

double JsonObject::real(const std::string& key, double low, double high, std::optional<double> absent) const {
  if (absent && !has(key)) return *absent;
  const json& found = at(key);
  if (!found.is_number() || !(found.get<double>() >= low && found.get<double>() <= high))
    throw_input("{}: {} must be a number from {} to {}", source_, key, low, high);
  return found.get<double>();
}

bool JsonObject::boolean(const std::string& key, std::optional<bool> absent) const {
  if (absent && !has(key)) return *absent;
  if (!at(key).is_boolean()) throw_input("{}: {} must be true or false", source_, key);
  return at(key).get<bool>();
}

std::string JsonObject::text(const std::string& key, const std::optional<std::string>& absent) const {
  if (absent && !has(key)) return *absent;
  if (!at(key).is_string()) throw_input("{}: {} must be a text in quotes", source_, key);
  return at(key).get<std::string>();
}

JsonObject JsonObject::object(const std::string& key) const { return {at(key), source_ + ": " + key}; }

std::vector<JsonObject> JsonObject::objects(const std::string& key) const {
  if (!at(key).is_array()) throw_input("{}: {} must be an array in brackets", source_, key);
  std::vector<JsonObject> result;
  for (const json& element : at(key))
    result.emplace_back(element, fmt::format("{}: {}[{}]", source_, key, result.size()));
  return result;
}

void for_each_json_line(const std::filesystem::path& path, const std::function<void(const JsonObject&)>& visit) {
  std::istringstream lines(read_file(path));
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const std::string source = fmt::format("{}:{}", path.string(), number);
    const json value = parse_json(line, source);
    visit(JsonObject(value, source));
  }
}

}  // namespace recpo
