#include "src/evaluation/examples.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "src/support/random.hpp"

namespace recpo::evaluation {
namespace {
constexpr std::size_t kKept = 20;  // more than a report shows, as a system may not have answered every row

std::string line_of(const data::Row& row) {
  nlohmann::ordered_json line = {{"row", row.id}, {"user", row.user}};
  line["history"] = nlohmann::ordered_json::array();
  for (const data::HistoryItem& item : row.history)
    line["history"].push_back({{"title", item.title}, {"rating", item.rating}});
  line["candidates"] = nlohmann::ordered_json::array();
  for (const data::Candidate& candidate : row.candidates) line["candidates"].push_back(candidate.title);
  line["chosen"] = row.candidates[static_cast<std::size_t>(row.preferred)].title;
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}
}  // namespace

std::vector<std::int64_t> draw_examples(std::vector<std::int64_t> rows, std::uint64_t seed, std::size_t count) {
  std::ranges::sort(rows, {}, [&](std::int64_t row) {
    return std::pair(Random(seed, "examples", static_cast<std::uint64_t>(row)).next(), row);
  });
  if (rows.size() > count) rows.resize(count);
  return rows;
}

std::string examples_jsonl(const data::RowFile& rows, const std::vector<std::int64_t>& answered, std::uint64_t seed) {
  const std::set<std::int64_t> was_answered(answered.begin(), answered.end());
  std::map<std::int64_t, const data::Row*> asked;
  for (const data::Split split : {data::Split::kTest, data::Split::kValid}) {
    for (const data::Row* row : rows.of_split(split))
      if (was_answered.contains(row->id)) asked[row->id] = row;
    if (!asked.empty()) break;
  }
  std::vector<std::int64_t> ids;
  for (const auto& [id, row] : asked) ids.push_back(id);
  std::string lines;
  for (const std::int64_t id : draw_examples(std::move(ids), seed, kKept)) lines += line_of(*asked.at(id));
  return lines;
}

}  // namespace recpo::evaluation
