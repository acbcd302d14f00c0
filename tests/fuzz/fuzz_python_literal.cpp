// A line of a rating log: a Python dict or JSON. What another parser takes for JSON must be read, with the same values.
#include <nlohmann/json.hpp>

#include "src/data/lines.hpp"
#include "src/data/python_literal.hpp"
#include "src/text/utf8.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace recpo {
namespace {
constexpr const char* kKeys[] = {"asin", "title", "hours"};

void check_values(std::string_view line, const data::LiteralRecord& record) {
  for (const char* key : kKeys) {
    const std::string_view value = record.optional(key);
    fuzz::expect(value.size() <= line.size(), "a value no longer than its line");
    const bool valid_line = text::valid_utf8_prefix(line) == line.size();
    fuzz::expect(!valid_line || text::valid_utf8_prefix(value) == value.size(), "UTF-8 from UTF-8");
  }
}

void check_as_json(std::string_view line, const nlohmann::json& json, const data::LiteralRecord& record) {
  for (const char* key : kKeys) {
    const auto found = json.find(key);
    if (found == json.end() || found->is_null()) fuzz::expect(record.optional(key).empty(), "no value for no value");
    if (found != json.end() && found->is_string())
      fuzz::expect(record.required(key) == found->get_ref<const std::string&>(), "the text that JSON means");
    if (found != json.end() && found->is_number())
      fuzz::expect(line.find(record.required(key)) != line.npos, "the spelling of a number");
  }
}

void read_line(std::string_view line) {
  data::LiteralRecord record({kKeys[0], kKeys[1], kKeys[2]});
  // The other parser ends at a NUL, and lines hold no newline.
  const bool may_be_json = line.starts_with("{\"") && line.find_first_of(std::string_view("\n\0", 2)) == line.npos;
  const auto json = may_be_json ? nlohmann::json::parse(line, nullptr, false) : nlohmann::json();
  try {
    record.read(line);
    check_values(line, record);
  } catch (const data::BadLine& bad) {
    const std::string what = bad.what();
    const bool limit = what.starts_with("nested deeper"), kind = what.starts_with("the value of");
    fuzz::expect(!json.is_object() || limit || kind, "JSON to be read", bad.what());
    fuzz::expect(kind || what.find(" at byte ") != what.npos, "the place of a mistake", bad.what());
    throw_input("{}: {}", fuzz::kSource, what);  // as a file's lines do
  }
  if (json.is_object()) check_as_json(line, json, record);
}
}  // namespace
}  // namespace recpo

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return recpo::fuzz::read(data, size, recpo::read_line);
}
