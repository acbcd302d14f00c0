// Steam as published by Kang and McAuley: steam_games.json and steam_reviews.json, a dict of Python 2 a line. Reviews
// have play time instead of ratings: quintiles of `hours` within a game's players (src/data/ratings.hpp). Dates are
// days, and the file is ordered by game, not by time; reviews of one day keep its order. Of several reviews of
// one user and game the last line counts, not the last date: names are those shown on the page, which two people may
// share.

#include "src/data/dataset.hpp"
#include "src/data/python_literal.hpp"
#include "src/data/ratings.hpp"
#include "src/support/check.hpp"

namespace recpo::data {
namespace {
namespace fs = std::filesystem;
constexpr double kUnknownHours = -1;

std::optional<std::vector<fs::path>> find_files(const DataOptions& options) {
  const auto games = find_file(options.path, "steam_games.json"),
             reviews = find_file(options.path, "steam_reviews.json");
  if (!games || !reviews) return std::nullopt;
  return {{*games, *reviews}};
}

double parse_hours(std::string_view text) {
  if (text.empty()) return kUnknownHours;
  const double hours = parse_real(text, "hours");
  if (hours < 0) throw BadLine(fmt::format("hours {} are below 0", hours));
  return hours;
}

void import_games(const fs::path& file, const DataOptions& options, RatingsBuilder& builder, ImportReport& report) {
  LiteralRecord record({"id", "app_name", "title"});
  std::int64_t& repeated = report.dropped["lines of items that were there already"];
  read_lines(file, line_limits(options), report, [&](std::string_view line, std::int64_t) {
    record.read(line);
    const std::string_view game = parse_id(record.required("id"), "id"), app_name = record.optional("app_name"),
                           title = record.optional("title");
    if (builder.has_item(game)) {
      ++repeated;
    } else {
      builder.add_item(game, app_name.empty() ? title : app_name);
    }
  });
}

void import(const std::vector<fs::path>& files, const DataOptions& options, RatingsBuilder& builder,
            ImportReport& report) {
  import_games(files[0], options, builder, report);
  LiteralRecord record({"username", "product_id", "hours", "date"});
  read_lines(files[1], line_limits(options), report, [&](std::string_view line, std::int64_t) {
    record.read(line);
    const std::string_view user = parse_id(record.required("username"), "username"),
                           game = parse_id(record.required("product_id"), "product_id");
    const double hours = parse_hours(record.optional("hours"));
    builder.add_interaction(user, game, hours, parse_date(record.required("date")));
  });
  report.dropped["reviews of a user and game that came again"] = keep_last_of_pairs(builder.interactions());
  rate_by_play_time(builder.interactions());
}
}  // namespace

extern const Dataset steam;
const Dataset steam = {.name = "steam",
                       .domain = "games",
                       .title = "Steam",
                       .files = "steam_games.json and steam_reviews.json",
                       .find_files = find_files,
                       .import = import};

}  // namespace recpo::data
