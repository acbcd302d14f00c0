// rows.h5: rows as columns. A list of lists is a pair of arrays, X/begin [n + 1] and its values; every text of items,
// titles and users is stored once, and columns hold its number.

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <unordered_map>

#include "src/data/rows.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/folder.hpp"
#include "src/support/hdf5.hpp"

namespace recpo::data {
namespace {
namespace fs = std::filesystem;
using hdf5::Compression;
constexpr std::int64_t kFormatVersion = 1;
constexpr double kAbsent = std::numeric_limits<double>::quiet_NaN();  // no rating, no latency

template <class T>
struct Lists {
  std::vector<std::int64_t> begin{0};
  std::vector<T> values;

  void close_list() { begin.push_back(static_cast<std::int64_t>(values.size())); }
  void add(std::span<const T> list) {
    values.insert(values.end(), list.begin(), list.end());
    close_list();
  }
  std::size_t size() const { return begin.size() - 1; }
  std::span<const T> operator[](std::size_t i) const {
    return std::span(values).subspan(static_cast<std::size_t>(begin[i]),
                                     static_cast<std::size_t>(begin[i + 1] - begin[i]));
  }
};

class TextPool {
 public:
  std::int32_t number(const std::string& text) {
    const auto [place, added] = numbers_.try_emplace(text, static_cast<std::int32_t>(numbers_.size()));
    if (added) texts_.add(text);
    return place->second;
  }
  const Lists<char>& texts() const { return texts_; }

 private:
  std::unordered_map<std::string, std::int32_t> numbers_;
  Lists<char> texts_;
};

// All rows as columns; the one list of what the file holds, visited by writer and reader.
struct Columns {
  std::vector<std::uint8_t> split;
  std::vector<std::int32_t> user, history_length, preferred;
  Lists<char> prompt;
  Lists<std::int32_t> history_item, history_title;  // share their begins with the other history columns
  std::vector<double> history_rating;
  std::vector<std::int64_t> history_time;
  Lists<std::int32_t> candidate_item, candidate_title;
  std::vector<double> candidate_rating, candidate_latency;
  std::vector<std::uint8_t> candidate_space;
  Lists<std::int32_t> negatives, prompt_ids, answer_ids;  // answer_ids: a list a candidate, over all rows
  Lists<char> texts;

  template <class Visit>
  void visit(const Visit& visit) {
    visit("rows/split", split);
    visit("rows/user", user);
    visit("rows/history_length", history_length);
    visit("rows/preferred", preferred);
    visit("rows/prompt", prompt);
    visit("rows/prompt_ids", prompt_ids);
    visit("rows/negatives", negatives);
    visit("history/item", history_item);
    visit("history/title", history_title);
    visit("history/rating", history_rating);
    visit("history/time", history_time);
    visit("candidates/item", candidate_item);
    visit("candidates/title", candidate_title);
    visit("candidates/rating", candidate_rating);
    visit("candidates/latency", candidate_latency);
    visit("candidates/leading_space", candidate_space);
    visit("candidates/answer_ids", answer_ids);
    visit("texts", texts);
  }
};

Columns to_columns(const std::vector<Row>& rows) {
  Columns columns;
  TextPool pool;
  for (const Row& row : rows) {
    columns.split.push_back(static_cast<std::uint8_t>(row.split));
    columns.user.push_back(pool.number(row.user));
    columns.history_length.push_back(row.history_length);
    columns.preferred.push_back(row.preferred);
    columns.prompt.add(row.prompt);
    columns.prompt_ids.add(row.prompt_ids);
    columns.negatives.add(row.negatives);
    for (const HistoryItem& item : row.history) {
      columns.history_item.values.push_back(pool.number(item.item));
      columns.history_title.values.push_back(pool.number(item.title));
      columns.history_rating.push_back(item.rating);
      columns.history_time.push_back(item.time);
    }
    columns.history_item.close_list();
    columns.history_title.close_list();
    for (std::size_t c = 0; c < row.candidates.size(); ++c) {
      const Candidate& candidate = row.candidates[c];
      columns.candidate_item.values.push_back(pool.number(candidate.item));
      columns.candidate_title.values.push_back(pool.number(candidate.title));
      columns.candidate_rating.push_back(candidate.rating.value_or(kAbsent));
      columns.candidate_latency.push_back(candidate.latency.value_or(kAbsent));
      columns.candidate_space.push_back(candidate.leading_space);
      columns.answer_ids.add(row.answer_ids.empty() ? std::span<const std::int32_t>() : row.answer_ids.at(c));
    }
    columns.candidate_item.close_list();
    columns.candidate_title.close_list();
  }
  columns.texts = pool.texts();
  return columns;
}

struct Writer {
  hdf5::File& file;
  template <class T>
  void operator()(const std::string& name, const std::vector<T>& values) const {
    file.write<T>(name, values, Compression::kDeflate);
  }
  template <class T>
  void operator()(const std::string& name, const Lists<T>& lists) const {
    file.write<std::int64_t>(name + "/begin", lists.begin, Compression::kDeflate);
    file.write<T>(name + "/values", lists.values, Compression::kDeflate);
  }
};

struct Reader {
  const hdf5::File& file;
  template <class T>
  void operator()(const std::string& name, std::vector<T>& values) const {
    values = file.read<T>(name);
  }
  template <class T>
  void operator()(const std::string& name, Lists<T>& lists) const {
    lists.begin = file.read<std::int64_t>(name + "/begin");
    lists.values = file.read<T>(name + "/values");
    const bool good = !lists.begin.empty() && lists.begin.front() == 0 && std::ranges::is_sorted(lists.begin) &&
                      lists.begin.back() == static_cast<std::int64_t>(lists.values.size());
    if (!good) throw_input("{}: {}/begin does not rise from 0 to the number of values", file.path().string(), name);
  }
};

// Everything an index of the file may point at is checked here, once.
class RowReader {
 public:
  RowReader(const fs::path& path, Columns columns) : path_(path), columns_(std::move(columns)) {
    const Columns& c = columns_;
    const std::size_t rows = c.split.size(), history = c.history_item.values.size();
    const std::size_t candidates = c.candidate_item.values.size();
    require(c.user.size() == rows && c.history_length.size() == rows && c.preferred.size() == rows &&
                c.prompt.size() == rows && c.prompt_ids.size() == rows && c.negatives.size() == rows,
            "rows");
    require(c.history_item.size() == rows && c.history_title.begin == c.history_item.begin &&
                c.history_rating.size() == history && c.history_time.size() == history,
            "history");
    require(c.candidate_item.size() == rows && c.candidate_title.begin == c.candidate_item.begin &&
                c.candidate_rating.size() == candidates && c.candidate_latency.size() == candidates &&
                c.candidate_space.size() == candidates && c.answer_ids.size() == candidates,
            "candidates");
  }

  Row row(std::size_t r) const {
    const Columns& c = columns_;
    Row row;
    row.id = static_cast<std::int64_t>(r);
    require(c.split[r] <= static_cast<std::uint8_t>(Split::kAvoidance), "rows/split");
    row.split = static_cast<Split>(c.split[r]);
    row.user = text(c.user[r]);
    row.history_length = c.history_length[r];
    row.preferred = c.preferred[r];
    row.prompt.assign(c.prompt[r].begin(), c.prompt[r].end());
    row.prompt_ids.assign(c.prompt_ids[r].begin(), c.prompt_ids[r].end());
    row.negatives.assign(c.negatives[r].begin(), c.negatives[r].end());
    for (auto i = at(c.history_item.begin, r); i < at(c.history_item.begin, r + 1); ++i)
      row.history.push_back(
          {text(c.history_item.values[i]), text(c.history_title.values[i]), c.history_rating[i], c.history_time[i]});
    for (auto i = at(c.candidate_item.begin, r); i < at(c.candidate_item.begin, r + 1); ++i) add_candidate(row, i);
    const auto is_candidate = [&](std::int32_t index) {
      return index >= 0 && static_cast<std::size_t>(index) < row.candidates.size();
    };
    require(is_candidate(row.preferred), "rows/preferred");
    for (const std::int32_t index : row.negatives) require(is_candidate(index), "rows/negatives");
    return row;
  }

 private:
  static std::size_t at(const std::vector<std::int64_t>& begin, std::size_t i) {
    return static_cast<std::size_t>(begin[i]);
  }

  void add_candidate(Row& row, std::size_t i) const {
    const Columns& c = columns_;
    const auto present = [](double value) { return std::isnan(value) ? std::nullopt : std::optional(value); };
    row.candidates.push_back({text(c.candidate_item.values[i]), text(c.candidate_title.values[i]),
                              present(c.candidate_rating[i]), present(c.candidate_latency[i]),
                              c.candidate_space[i] != 0});
    if (!row.prompt_ids.empty()) row.answer_ids.emplace_back(c.answer_ids[i].begin(), c.answer_ids[i].end());
  }

  std::string text(std::int32_t number) const {
    require(number >= 0 && static_cast<std::size_t>(number) < columns_.texts.size(), "texts");
    const auto bytes = columns_.texts[static_cast<std::size_t>(number)];
    return {bytes.begin(), bytes.end()};
  }

  void require(bool holds, const char* name) const {
    if (!holds) throw_input("{}: {}: an index or a length is out of range", path_.string(), name);
  }

  fs::path path_;
  Columns columns_;
};

void write_content(const fs::path& path, const RowFile& rows) {
  auto file = hdf5::File::create(path);
  file.write_attribute("kind", "recpo rows");
  file.write_attribute("format_version", kFormatVersion);
  file.write_attribute("hash", rows.hash);
  file.write_attribute("tokenizer_hash", rows.tokenizer_hash);
  file.write_attribute("end_id", std::int64_t{rows.end_id});
  file.write_attribute("default_rating", rows.default_rating);
  file.write_attribute("default_latency", rows.default_latency);
  Columns columns = to_columns(rows.rows);
  columns.visit(Writer{file});
  file.close();
}

hdf5::File open_rows(const fs::path& path) {
  auto file = hdf5::File::open(path);
  if (!file.has_attribute("kind") || file.read_string("kind") != "recpo rows")
    throw_input("{} is no file of rows", path.string());
  if (const auto version = file.read_integer("format_version"); version != kFormatVersion)
    throw_input("{} has row format {}, this program reads {}", path.string(), version, kFormatVersion);
  return file;
}
}  // namespace

void write_rows(const fs::path& path, const RowFile& rows) {
  write_atomic_file(path, [&](const fs::path& temporary) { write_content(temporary, rows); });
}

RowFile read_rows(const fs::path& path) {
  const auto file = open_rows(path);
  RowFile result;
  result.hash = file.read_string("hash");
  result.tokenizer_hash = file.read_string("tokenizer_hash");
  result.end_id = static_cast<std::int32_t>(file.read_integer("end_id"));
  result.default_rating = file.read_real("default_rating");
  result.default_latency = file.read_real("default_latency");
  Columns columns;
  columns.visit(Reader{file});
  const std::size_t rows = columns.split.size();
  const RowReader reader(path, std::move(columns));
  for (std::size_t r = 0; r < rows; ++r) result.rows.push_back(reader.row(r));
  return result;
}

std::optional<std::string> read_rows_hash(const fs::path& path) {
  if (!is_there(path)) return std::nullopt;
  require_readable(path);
  try {
    return open_rows(path).read_string("hash");
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace recpo::data
