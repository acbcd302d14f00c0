#include "src/report/preparation_file.hpp"

#include "src/report/settings.hpp"
#include "src/support/check.hpp"
#include "src/support/json.hpp"

namespace recpo::report {
namespace {
constexpr std::int64_t kMost = std::int64_t{1} << 40;
constexpr std::size_t kMostNames = 100;

std::optional<DatasetCounts> read_counts(const JsonObject& json, const std::string& key) {
  if (!json.has(key)) return std::nullopt;
  const JsonObject counts = json.object(key);
  return DatasetCounts{counts.integer("users", 0, kMost), counts.integer("items", 0, kMost),
                       counts.integer("interactions", 0, kMost)};
}

NamedCounts read_named(const JsonObject& json, const std::string& key) {
  NamedCounts named;
  if (!json.has(key)) return named;
  const JsonObject counts = json.object(key);
  if (counts.value().size() > kMostNames) throw_input("{}: more than {} names", counts.source(), kMostNames);
  for (const auto& [name, value] : counts.value().items()) named.emplace_back(name, counts.integer(name, 0, kMost));
  return named;
}
}  // namespace

Preparation parse_preparation(const std::string& text, const std::string& source) {
  const nlohmann::json parsed = parse_json(text, source);
  const JsonObject json(parsed, source);
  Preparation preparation;
  preparation.dataset = json.text("dataset", "");
  if (json.has("seed")) preparation.seed = read_settings({{"seed", json.at("seed")}}, source).at("seed").text;
  if (json.has("counts")) {
    preparation.imported = read_counts(json.object("counts"), "imported");
    preparation.kept = read_counts(json.object("counts"), "k_core");
  }
  if (json.has("import")) preparation.bad_lines = json.object("import").integer("bad_lines", 0, kMost, 0);
  preparation.rows = read_named(json, "rows");
  preparation.dropped = read_named(json, "dropped");
  if (json.has("hashes")) preparation.rows_hash = json.object("hashes").text("drawn_rows", "");
  return preparation;
}

}  // namespace recpo::report
