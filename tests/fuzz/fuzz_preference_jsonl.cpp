// Ready rows, dataset = "rows": what is accepted has indices of its answers, and is written and read back the same.
#include <cmath>
#include <set>

#include "src/data/dataset.hpp"
#include "src/data/prepare.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/json_mutator.hpp"

namespace recpo {
namespace data {
extern const Dataset rows;
}
namespace {

data::Prepared import(const std::filesystem::path& path, double max_bad_lines) {
  data::DataOptions options;
  options.train = path.string();
  options.max_bad_lines = max_bad_lines;
  data::Prepared prepared;
  nlohmann::ordered_json summary;
  data::rows.read_rows(options, prepared, summary);
  summary.dump();  // as prepare.json; throws where a text is no UTF-8
  return prepared;
}

void check_row(const data::Row& row) {
  const auto is_answer = [&](std::int32_t index) {
    return index >= 0 && static_cast<std::size_t>(index) < row.candidates.size();
  };
  fuzz::expect(!row.prompt.empty() && is_answer(row.preferred), "a prompt and a chosen answer");
  for (const std::int32_t negative : row.negatives)
    fuzz::expect(is_answer(negative) && negative != row.preferred, "rejected answers other than the chosen one");
  for (const data::Candidate& candidate : row.candidates) {
    for (const auto& number : {candidate.rating, candidate.latency})
      fuzz::expect(!number || (*number > 0 && std::isfinite(*number)), "ratings and latencies above 0");
  }
}

// Answers that are equal become one when the export is read.
bool has_equal_answers(const data::Row& row) {
  std::set<std::string> titles;
  for (const data::Candidate& candidate : row.candidates) titles.insert(candidate.title);
  return titles.size() < row.candidates.size();
}

void read_rows(std::string_view input) {
  const data::Prepared prepared = import(fuzz::write_input(input), 0.5);
  for (const data::Row& row : prepared.rows.rows) check_row(row);
  fuzz::expect(prepared.origins.size() == prepared.rows.rows.size(), "an origin for each row");
  const std::filesystem::path exported = "exported.jsonl";
  data::export_rows(exported, prepared.rows);
  const data::Prepared again = import(exported, 0);
  fuzz::expect(again.rows.rows.size() == prepared.rows.rows.size(), "as many rows from their own export");
  for (std::size_t i = 0; i < again.rows.rows.size(); ++i) {
    const data::Row &row = prepared.rows.rows[i], &other = again.rows.rows[i];
    if (has_equal_answers(row)) continue;
    fuzz::expect(row.prompt == other.prompt && row.preferred == other.preferred && row.negatives == other.negatives,
                 "the same row from its own export");
  }
}
}  // namespace
}  // namespace recpo

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return recpo::fuzz::read(data, size, recpo::read_rows);
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  return recpo::fuzz::mutate_json(data, size, max_size, seed);
}
