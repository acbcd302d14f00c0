// MovieLens-1M as published: ratings.dat (user::item::rating::time) and movies.dat (item::title::genres), Latin-1.

#include "src/data/dataset.hpp"
#include "src/support/check.hpp"

namespace recpo::data {
namespace {
namespace fs = std::filesystem;
constexpr std::string_view kSeparator = "::";
constexpr double kLowestRating = 1, kHighestRating = 5;

std::vector<fs::path> find_files(const fs::path& folder) {
  const auto movies = find_file(folder, "movies.dat"), ratings = find_file(folder, "ratings.dat");
  if (!movies || !ratings)
    throw_input("data.path = {}: MovieLens-1M needs movies.dat and ratings.dat there", folder.string());
  return {*movies, *ratings};
}

void import(const std::vector<fs::path>& files, double max_bad_lines, RatingsBuilder& builder, ImportReport& report) {
  read_lines(files[0], max_bad_lines, report, [&](std::string_view line, std::int64_t) {
    const auto fields = split_fields(line, kSeparator);
    if (fields.size() != 3) throw BadLine(fmt::format("{} fields instead of item::title::genres", fields.size()));
    builder.add_item(parse_id(fields[0], "item"), latin1_to_utf8(fields[1]));
  });
  read_lines(files[1], max_bad_lines, report, [&](std::string_view line, std::int64_t) {
    const auto fields = split_fields(line, kSeparator);
    if (fields.size() != 4) throw BadLine(fmt::format("{} fields instead of user::item::rating::time", fields.size()));
    const double rating = parse_rating(fields[2]);
    if (rating < kLowestRating || rating > kHighestRating) throw BadLine(fmt::format("rating {} is not 1-5", rating));
    builder.add_interaction(parse_id(fields[0], "user"), parse_id(fields[1], "item"), rating, parse_time(fields[3]));
  });
}
}  // namespace

extern const Dataset ml_1m;
const Dataset ml_1m = {"ml-1m", "movies", find_files, import};

}  // namespace recpo::data
