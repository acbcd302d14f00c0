// Amazon-Books as published in 2014 (ratings_Books.csv: user,item,rating,time; meta_Books.json: a Python dict a line)
// or in 2018 (Books.json or its 5-core Books_5.json, and meta_Books.json: JSON lines). Each line of meta_Books.json
// says by itself in which of the two forms it is written.

#include "src/data/dataset.hpp"
#include "src/data/python_literal.hpp"
#include "src/support/check.hpp"

namespace recpo::data {
namespace {
namespace fs = std::filesystem;
constexpr const char* kCsv = "ratings_Books.csv";
constexpr std::string_view kPageScript = "getTime(";  // 2018: in titles that are a damaged page instead of a title

std::optional<std::vector<fs::path>> find_files(const DataOptions& options) {
  const fs::path folder = options.path;
  const auto meta = find_file(folder, "meta_Books.json");
  std::vector<fs::path> found;
  for (const char* name : {kCsv, "Books.json", "Books_5.json"})
    if (const auto file = find_file(folder, name)) found.push_back(*file);
  if (!meta || found.empty()) return std::nullopt;
  if (found.size() > 1)
    throw_input("data.path = {}: both {} and {} there, keep one", folder.string(), found[0].filename().string(),
                found[1].filename().string());
  return {{*meta, found.front()}};
}

// Items without a title stay in as such; of an item that appears again (2018) the first line counts.
void import_items(const fs::path& file, const DataOptions& options, RatingsBuilder& builder, ImportReport& report) {
  LiteralRecord record({"asin", "title"});
  std::int64_t& repeated = report.dropped["lines of items that were there already"];
  read_lines(file, line_limits(options), report, [&](std::string_view line, std::int64_t) {
    record.read(line);
    const std::string_view item = parse_id(record.required("asin"), "asin"), title = record.optional("title");
    const bool is_title = title.find(kPageScript) == std::string_view::npos;
    if (builder.has_item(item)) {
      ++repeated;
    } else {
      builder.add_item(item, is_title ? title : "");
    }
  });
}

void import_csv(const fs::path& file, const DataOptions& options, RatingsBuilder& builder, ImportReport& report) {
  read_lines(file, line_limits(options), report, [&](std::string_view line, std::int64_t) {
    const auto fields = split_fields(line, ",");
    if (fields.size() != 4) throw BadLine(fmt::format("{} fields instead of user,item,rating,time", fields.size()));
    const std::string_view user = parse_id(fields[0], "user"), item = parse_id(fields[1], "item");
    builder.add_interaction(user, item, parse_stars(fields[2]), parse_time(fields[3]));
  });
}

void import_reviews(const fs::path& file, const DataOptions& options, RatingsBuilder& builder, ImportReport& report) {
  LiteralRecord record({"reviewerID", "asin", "overall", "unixReviewTime"});
  read_lines(file, line_limits(options), report, [&](std::string_view line, std::int64_t) {
    record.read(line);
    const std::string_view user = parse_id(record.required("reviewerID"), "reviewerID"),
                           item = parse_id(record.required("asin"), "asin");
    const double rating = parse_stars(record.required("overall"));
    builder.add_interaction(user, item, rating, parse_time(record.required("unixReviewTime")));
  });
}

void import(const std::vector<fs::path>& files, const DataOptions& options, RatingsBuilder& builder,
            ImportReport& report) {
  import_items(files[0], options, builder, report);
  const bool is_csv = files[1].filename().string().starts_with(kCsv);
  (is_csv ? import_csv : import_reviews)(files[1], options, builder, report);
}
}  // namespace

extern const Dataset amazon_books;
const Dataset amazon_books = {.name = "amazon-books",
                              .domain = "books",
                              .title = "Amazon-Books",
                              .files = "meta_Books.json and ratings_Books.csv (2014) or Books.json (2018)",
                              .find_files = find_files,
                              .import = import};

}  // namespace recpo::data
