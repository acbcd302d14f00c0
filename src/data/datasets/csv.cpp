// Any rating log as CSV or TSV with a header: data.interactions with users, items, perhaps ratings and times, and
// perhaps data.items with titles. Without data.items the title is a column of the interactions where data.columns.title
// names one, else the item's identifier. Without ratings every interaction counts as liked; without times the order is
// the file's. Ratings of 0 or below, which published logs use for "no rating", are left out and counted.

#include <algorithm>
#include <map>
#include <tuple>

#include "src/data/dataset.hpp"
#include "src/data/table.hpp"
#include "src/data/times.hpp"
#include "src/support/check.hpp"

namespace recpo::data {
namespace {
namespace fs = std::filesystem;
using Column = std::optional<std::size_t>;

fs::path find_table(const DataOptions& options, const char* key, const std::string& name) {
  const auto file = find_file(options.path, name);
  if (!file) throw_input("{} = {}: no such file in data.path = {}", key, name, options.path);
  return *file;
}

std::optional<std::vector<fs::path>> find_files(const DataOptions& options) {
  if (options.interactions.empty())
    throw_usage("data.dataset = \"csv\" needs data.interactions, the file's name in data.path");
  std::vector<fs::path> files = {find_table(options, "data.interactions", options.interactions)};
  if (!options.items.empty()) files.push_back(find_table(options, "data.items", options.items));
  return files;
}

// In a file of items, whose column may be called otherwise than that of the interactions, which the key names.
Column item_of(const Header& header, const std::string& wanted) {
  constexpr static std::string_view kId[] = {"id"};
  const Column found = header.find_any(kItemColumn, wanted);
  return found ? found : header.find_any({"item", "", kId}, "");
}

void import_items(const fs::path& file, const DataOptions& options, RatingsBuilder& builder, ImportReport& report) {
  std::size_t item = 0, title = 0;
  Column year;
  std::int64_t& repeated = report.dropped["lines of items that were there already"];
  read_table(
      file, csv_format, line_limits(options), report,
      [&](const Header& header) {
        const Column found = item_of(header, options.columns.item);
        item = found ? *found : header.require(kItemColumn, options.columns.item);
        title = header.require(kTitleColumn, options.columns.title);
        year = header.find(kYearColumn, "");
      },
      [&](Fields fields) {
        const std::string_view id = parse_id(fields[item], "item");
        if (builder.has_item(id)) {
          ++repeated;
        } else {
          builder.add_item(id, fields[title], year ? std::string_view(fields[*year]) : "");
        }
      });
}

// "4,5" where the comma separates no columns.
double parse_decimal(const Header& header, const std::string& text) {
  const auto comma = text.find(',');
  if (header.format().delimiter == ',' || comma == std::string::npos) return parse_real(text, "rating");
  std::string with_point = text;
  with_point[comma] = '.';
  return parse_real(with_point, "rating");
}

class Interactions {
 public:
  Interactions(const DataOptions& options, RatingsBuilder& builder, ImportReport& report)
      : options_(options), builder_(builder), report_(report) {}

  void open(const Header& header) {
    const ColumnOptions& names = options_.columns;
    header_ = header;
    user_ = header.require(kUserColumn, names.user);
    item_ = header.require(kItemColumn, names.item);
    rating_ = header.find(kRatingColumn, names.rating);
    time_ = header.find(kTimeColumn, names.time);
    if (options_.items.empty() && !names.title.empty()) title_ = header.find(kTitleColumn, names.title);
    const std::string file = header.path().filename().string();
    if (!rating_)
      report_.notes.push_back(fmt::format("{}: no column of ratings, so every interaction counts as liked", file));
    if (!time_) report_.notes.push_back(fmt::format("{}: no column of times, so the order is the file's", file));
    if (!time_ && options_.latency_unit == LatencyUnit::kDays)
      throw_usage("data.latency_unit = days needs times: {} has no column of them", header.path().string());
  }

  void add(Fields fields) {
    const std::string_view user = parse_id(fields[user_], "user"), item = parse_id(fields[item_], "item");
    const double rating = rating_of(fields);
    const std::int64_t time = time_ ? parse_column(*header_, fields, *time_, parse_seconds) : ++count_;
    if (rating <= 0) {
      ++report_.dropped["ratings of 0 or below"];
      return;
    }
    if (options_.items.empty() && !builder_.has_item(item)) builder_.add_item(item, title_ ? fields[*title_] : item);
    builder_.add_interaction(user, item, rating, time);
  }

 private:
  double rating_of(Fields fields) const {
    if (!rating_) return options_.liked_rating > 0 ? options_.liked_rating : 1;
    return parse_column(*header_, fields, *rating_,
                        [&](const std::string& text) { return parse_decimal(*header_, text); });
  }

  const DataOptions& options_;
  RatingsBuilder& builder_;
  ImportReport& report_;
  std::optional<Header> header_;
  std::size_t user_ = 0, item_ = 0;
  Column rating_, time_, title_;
  std::int64_t count_ = 0;
};

void import(const std::vector<fs::path>& files, const DataOptions& options, RatingsBuilder& builder,
            ImportReport& report) {
  if (files.size() > 1) import_items(files[1], options, builder, report);
  Interactions interactions(options, builder, report);
  read_table(
      files[0], csv_format, line_limits(options), report, [&](const Header& header) { interactions.open(header); },
      [&](Fields fields) { interactions.add(fields); });
}

// The first interactions of a file, for what the header does not tell.
constexpr std::int64_t kLinesLookedAt = 10000;

struct Content {
  std::optional<TimeForm> time;
  bool repeated_items = false, one_title_each = true;
};

Content look_into(const Header& header, const Column& time, const Column& item, const Column& title) {
  Content content;
  std::map<std::string, std::string> titles;
  ImportReport report;
  read_table(
      header.path(), csv_format, {.max_bad_lines = 1, .max_lines = kLinesLookedAt}, report, [](const Header&) {},
      [&](Fields fields) {
        if (title) {
          const auto [known, is_new] = titles.try_emplace(fields[*item], fields[*title]);
          content.repeated_items |= !is_new;
          content.one_title_each &= known->second == fields[*title];
        }
        if (time && !content.time) content.time = parse_any_time(fields[*time]).form;
      });
  return content;
}

// Tables by what their headers say: the log, items with titles, others.
struct Tables {
  std::optional<Header> log, items;
  std::vector<Header> others;
  std::vector<std::string> unreadable;
};

bool is_log(const Header& header) { return header.find(kUserColumn, "") && header.find(kItemColumn, ""); }
bool is_items(const Header& header) { return !is_log(header) && item_of(header, "") && header.find(kTitleColumn, ""); }

// The log has the most of the columns that a log may have, and is the largest of its like.
auto rank_of_log(const Header& header) {
  std::error_code error;
  return std::tuple(is_log(header),
                    header.find(kRatingColumn, "").has_value() + header.find(kTimeColumn, "").has_value(),
                    fs::file_size(header.path(), error));
}

Tables find_tables(const fs::path& folder) {
  Tables tables;
  for (const fs::path& file : files_ending(folder, {".csv", ".tsv"})) {
    try {
      tables.others.push_back(read_header(file, csv_format));
    } catch (const Error& error) {
      tables.unreadable.emplace_back(error.what());
    }
  }
  const auto take = [&](auto at) {
    Header header = *at;
    tables.others.erase(at);
    return header;
  };
  const auto log = std::ranges::max_element(tables.others, {}, rank_of_log);
  if (log != tables.others.end() && is_log(*log)) tables.log = take(log);
  const auto items = std::ranges::find_if(tables.others, is_items);
  if (tables.log && items != tables.others.end()) tables.items = take(items);
  return tables;
}

std::string obstacle_of(const Tables& tables) {
  if (tables.others.empty()) return tables.unreadable.front();
  const Header& header = tables.others.front();
  return fmt::format(
      "{}: {}; none is known to hold the user or the item: write a deck with data.dataset = \"csv\", data.path, "
      "data.interactions = \"{}\", data.columns.user and data.columns.item (and .rating, .time, .title)",
      header.path().string(), header.columns(), header.path().filename().string());
}

const std::string& name_of(const Header& header, std::size_t column) { return header.names()[column]; }

void read_log_header(const Header& log, Finding& finding) {
  ColumnOptions& names = finding.options.columns;
  const bool has_items = !finding.options.items.empty();
  const Column user = log.find(kUserColumn, ""), item = log.find(kItemColumn, ""), rating = log.find(kRatingColumn, ""),
               time = log.find(kTimeColumn, "");
  Column title = has_items ? std::nullopt : log.find(kTitleColumn, "");
  const Content content = look_into(log, time, item, title);
  if (title && (!content.one_title_each || !content.repeated_items)) {
    finding.open.push_back(fmt::format("whether {} is the item's title: {}; data.columns.title would say so",
                                       excerpt(name_of(log, *title)),
                                       content.one_title_each ? "no item comes twice" : "it differs within an item"));
    title.reset();
  }
  names.user = name_of(log, *user);
  names.item = name_of(log, *item);
  if (rating) names.rating = name_of(log, *rating);
  if (time) names.time = name_of(log, *time);
  if (title) names.title = name_of(log, *title);
  const std::string time_as = fmt::format("time ({})", title_of(content.time.value_or(TimeForm::kSeconds)));
  finding.notes.push_back(describe(
      log,
      {{"user", user}, {"item", item}, {"rating", rating}, {time_as.c_str(), time}, {"title of the item", title}}));
  if (!rating) finding.open.emplace_back("ratings: no column is known to hold them, so every interaction is liked");
  if (!time) finding.open.emplace_back("times: no column is known to hold them, so the order is the file's");
  if (!title && !has_items) finding.open.emplace_back("titles: identifiers of the items stand in for them");
}

std::optional<Finding> recognize(const fs::path& folder) {
  const Tables tables = find_tables(folder);
  if (!tables.log && tables.others.empty() && tables.unreadable.empty()) return std::nullopt;
  Finding finding;
  if (!tables.log) {
    finding.obstacle = obstacle_of(tables);
    return finding;
  }
  finding.options.interactions = tables.log->path().filename().string();
  if (tables.items) finding.options.items = tables.items->path().filename().string();
  read_log_header(*tables.log, finding);
  if (tables.items) {
    const std::size_t title = tables.items->require(kTitleColumn, "");
    finding.options.columns.title = name_of(*tables.items, title);
    finding.notes.push_back(describe(
        *tables.items,
        {{"item", item_of(*tables.items, "")}, {"title", title}, {"year", tables.items->find(kYearColumn, "")}}));
  }
  for (const Header& other : tables.others)
    finding.open.push_back(
        fmt::format("what {} is for: it is not read; {}", other.path().filename().string(), other.columns()));
  for (const std::string& message : tables.unreadable) finding.open.push_back("not read: " + message);
  return finding;
}
}  // namespace

extern const Dataset csv;
const Dataset csv = {.name = "csv",
                     .domain = "generic",
                     .title = "CSV",
                     .files = "*.csv or *.tsv with a header that names users and items",
                     .find_files = find_files,
                     .import = import,
                     .any_content = true,
                     .recognize = recognize};

}  // namespace recpo::data
