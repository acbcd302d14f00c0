// MovieLens-100K, as published (u.data: user, item, rating, time by tabs; u.item: item|title|..., Latin-1) or in
// RecBole's atomic form (ml-100k.inter, ml-100k.item), whichever is found.

#include "src/data/dataset.hpp"
#include "src/data/recbole_files.hpp"
#include "src/support/check.hpp"

namespace recpo::data {
namespace {
namespace fs = std::filesystem;
constexpr double kLowestRating = 1, kHighestRating = 5;

std::vector<fs::path> find_files(const fs::path& folder) {
  const auto items = find_file(folder, "u.item"), ratings = find_file(folder, "u.data");
  if (items && ratings) return {*items, *ratings};
  if (const auto files = find_recbole_files(folder)) return *files;
  throw_input("data.path = {}: MovieLens-100K needs u.data and u.item, or ml-100k.inter and ml-100k.item, there",
              folder.string());
}

void import(const std::vector<fs::path>& files, double max_bad_lines, RatingsBuilder& builder, ImportReport& report) {
  if (!files[0].filename().string().starts_with("u.item")) return import_recbole(files, max_bad_lines, builder, report);
  read_lines(files[0], max_bad_lines, report, [&](std::string_view line, std::int64_t) {
    const auto fields = split_fields(line, "|");
    if (fields.size() < 2) throw BadLine("no | behind the item");
    builder.add_item(parse_id(fields[0], "item"), latin1_to_utf8(fields[1]));
  });
  read_lines(files[1], max_bad_lines, report, [&](std::string_view line, std::int64_t) {
    const auto fields = split_fields(line, "\t");
    if (fields.size() != 4) throw BadLine(fmt::format("{} fields instead of user, item, rating, time", fields.size()));
    const double rating = parse_rating(fields[2]);
    if (rating < kLowestRating || rating > kHighestRating) throw BadLine(fmt::format("rating {} is not 1-5", rating));
    builder.add_interaction(parse_id(fields[0], "user"), parse_id(fields[1], "item"), rating, parse_time(fields[3]));
  });
}
}  // namespace

extern const Dataset ml_100k;
const Dataset ml_100k = {"ml-100k", "movies", find_files, import};

}  // namespace recpo::data
