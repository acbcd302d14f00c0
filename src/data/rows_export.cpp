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
  Json line = {{"row", row.id}, {"split", name_of(row.split)}, {"user", row.user}};
  Json history = Json::array(), candidates = Json::array();
  for (const HistoryItem& item : row.history)
    history.push_back({{"item", item.item},
                       {"title", item.title},
                       {"rating", item.rating > 0 ? Json(item.rating) : Json(nullptr)},  // own rows may give none
                       {"time", item.time}});
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
  Progress progress("export", static_cast<std::int64_t>(rows.rows.size()), "rows");
  write_atomic_file(path, [&](const fs::path& temporary) {
    std::error_code ignored;
    fs::remove(temporary, ignored);  // of a killed export: lines are appended
    std::string buffer;
    for (const Row& row : rows.rows) {
      buffer += row_json(row).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
      if (buffer.size() >= kBufferBytes) append_to_file(temporary, std::exchange(buffer, {}));
      progress.advance();
    }
    append_to_file(temporary, buffer);
  });
}

std::string completion(const Candidate& candidate) { return (candidate.leading_space ? " " : "") + candidate.title; }

std::vector<const Row*> RowFile::of_split(Split split) const {
  std::vector<const Row*> found;
  for (const Row& row : rows)
    if (row.split == split) found.push_back(&row);
  return found;
}

}  // namespace recpo::data
