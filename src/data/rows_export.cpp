// Rows as JSON lines, as the interface names the fields.

#include <nlohmann/json.hpp>

#include "src/data/rows.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/log.hpp"

namespace recpo::data {
namespace {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
constexpr std::size_t kBufferBytes = std::size_t{1} << 23;

Json number_or_null(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

Json row_json(const Row& row) {
  const Candidate& chosen = row.candidates.at(static_cast<std::size_t>(row.preferred));
  Json line = {{"row", row.id}, {"split", split_name(row.split)}, {"user", row.user}};
  Json history = Json::array(), candidates = Json::array();
  for (const HistoryItem& item : row.history)
    history.push_back({{"item", item.item}, {"title", item.title}, {"rating", item.rating}, {"time", item.time}});
  for (const Candidate& candidate : row.candidates)
    candidates.push_back({{"item", candidate.item},
                          {"title", candidate.title},
                          {"rating", number_or_null(candidate.rating)},
                          {"latency", number_or_null(candidate.latency)}});
  Json rejected = Json::array(), ratings = Json::array(), latencies = Json::array();
  for (const std::int32_t index : row.negatives) {
    const Candidate& candidate = row.candidates.at(static_cast<std::size_t>(index));
    rejected.push_back(completion(candidate));
    ratings.push_back(number_or_null(candidate.rating));
    latencies.push_back(number_or_null(candidate.latency));
  }
  line["history"] = std::move(history);
  line["candidates"] = std::move(candidates);
  line["preferred"] = row.preferred;
  line["negatives"] = row.negatives;
  line["prompt"] = row.prompt;
  line["chosen"] = completion(chosen);
  line["rejected"] = std::move(rejected);
  line["chosen_rating"] = number_or_null(chosen.rating);
  line["chosen_latency"] = number_or_null(chosen.latency);
  line["rejected_rating"] = std::move(ratings);
  line["rejected_latency"] = std::move(latencies);
  return line;
}
}  // namespace

void export_rows(const fs::path& path, const RowFile& rows) {
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  const fs::path temporary = path.string() + ".tmp";
  create_folders(folder);
  std::error_code error;
  fs::remove(temporary, error);
  Progress progress("export", static_cast<std::int64_t>(rows.rows.size()), "rows");
  std::string buffer;
  for (const Row& row : rows.rows) {
    buffer += row_json(row).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    if (buffer.size() >= kBufferBytes) append_to_file(temporary, std::exchange(buffer, {}));
    progress.advance();
  }
  append_to_file(temporary, buffer);
  sync_path(temporary);
  fs::rename(temporary, path, error);
  if (error) throw_write("cannot write {}: {}", path.string(), error.message());
  sync_path(folder);
}

}  // namespace recpo::data
