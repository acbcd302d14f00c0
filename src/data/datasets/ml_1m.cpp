// MovieLens-1M as published: ratings.dat (user::item::rating::time) and movies.dat (item::title::genres), Latin-1.

#include "src/data/dataset.hpp"
#include "src/support/check.hpp"

namespace recpo::data {
namespace {
namespace fs = std::filesystem;
constexpr std::string_view kSeparator = "::";

std::optional<std::vector<fs::path>> find_files(const DataOptions& options) {
  const auto movies = find_file(options.path, "movies.dat"), ratings = find_file(options.path, "ratings.dat");
  if (!movies || !ratings) return std::nullopt;
  return {{*movies, *ratings}};
}

void import(const std::vector<fs::path>& files, const DataOptions& options, RatingsBuilder& builder,
            ImportReport& report) {
  read_lines(files[0], line_limits(options), report, [&](std::string_view line, std::int64_t) {
    const auto fields = split_fields(line, kSeparator);
    if (fields.size() != 3) throw BadLine(fmt::format("{} fields instead of item::title::genres", fields.size()));
    builder.add_item(parse_id(fields[0], "item"), latin1_to_utf8(fields[1]));
  });
  read_lines(files[1], line_limits(options), report, [&](std::string_view line, std::int64_t) {
    const auto fields = split_fields(line, kSeparator);
    if (fields.size() != 4) throw BadLine(fmt::format("{} fields instead of user::item::rating::time", fields.size()));
    const double rating = parse_stars(fields[2]);
    builder.add_interaction(parse_id(fields[0], "user"), parse_id(fields[1], "item"), rating, parse_time(fields[3]));
  });
}
}  // namespace

extern const Dataset ml_1m;
const Dataset ml_1m = {.name = "ml-1m",
                       .domain = "movies",
                       .title = "MovieLens-1M",
                       .files = "movies.dat and ratings.dat",
                       .find_files = find_files,
                       .import = import};

}  // namespace recpo::data
