// BeerAdvocate as published by McAuley: beeradvocate.json, a Python dict a line whose values are all strings. A review
// repeats its beer, so the first one of a beer says what it is called: name, ABV (alcohol by volume) and style, those
// of them that are given. Prompts show the overall rating in its half steps; what is liked, and how much, is decided by
// the rating rounded half up to 1-5.

#include <algorithm>
#include <cmath>

#include "src/data/dataset.hpp"
#include "src/data/python_literal.hpp"
#include "src/support/check.hpp"

namespace recpo::data {
namespace {
namespace fs = std::filesystem;
constexpr double kLowestLevel = 1, kHighestRating = 5;

std::optional<std::vector<fs::path>> find_files(const DataOptions& options) {
  const auto reviews = find_file(options.path, "beeradvocate.json");
  if (!reviews) return std::nullopt;
  return {{*reviews}};
}

// "Sausa Weizen, 5.0% ABV, Hefeweizen"; "" without a name.
std::string beer_text(const LiteralRecord& record) {
  std::string text(record.optional("beer/name"));
  if (text.empty()) return text;
  const std::string_view abv = record.optional("beer/ABV"), style = record.optional("beer/style");
  if (!abv.empty()) text += fmt::format(", {}% ABV", abv);
  if (!style.empty()) text += fmt::format(", {}", style);
  return text;
}

double parse_overall(std::string_view text) {
  const double rating = parse_rating(text);
  if (rating > kHighestRating) throw BadLine(fmt::format("rating {} is above {}", rating, kHighestRating));
  return rating;
}

double level(double rating) { return std::max(kLowestLevel, std::floor(rating + 0.5)); }

void import(const std::vector<fs::path>& files, const DataOptions& options, RatingsBuilder& builder,
            ImportReport& report) {
  LiteralRecord record(
      {"beer/name", "beer/beerId", "beer/ABV", "beer/style", "review/overall", "review/time", "review/profileName"});
  read_lines(files[0], line_limits(options), report, [&](std::string_view line, std::int64_t) {
    record.read(line);
    const std::string_view user = parse_id(record.required("review/profileName"), "review/profileName"),
                           beer = parse_id(record.required("beer/beerId"), "beer/beerId");
    const double rating = parse_overall(record.required("review/overall"));
    const std::int64_t time = parse_time(record.required("review/time"));
    if (!builder.has_item(beer)) builder.add_item(beer, beer_text(record));
    builder.add_interaction(user, beer, rating, time, level(rating));
  });
}
}  // namespace

extern const Dataset beeradvocate;
const Dataset beeradvocate = {.name = "beeradvocate",
                              .domain = "beers",
                              .title = "BeerAdvocate",
                              .files = "beeradvocate.json",
                              .find_files = find_files,
                              .import = import};

}  // namespace recpo::data
