// MovieLens-100K, as published (u.data: user, item, rating, time by tabs; u.item: item|title|..., Latin-1) or in
// RecBole's atomic form (ml-100k.inter, ml-100k.item), whichever is found.

#include "src/data/dataset.hpp"
#include "src/data/datasets/recbole.hpp"
#include "src/support/check.hpp"

namespace recpo::data {
namespace {
namespace fs = std::filesystem;

std::optional<std::vector<fs::path>> find_files(const DataOptions& options) {
  const auto items = find_file(options.path, "u.item"), ratings = find_file(options.path, "u.data");
  if (items && ratings) return {{*items, *ratings}};
  return find_recbole_files(options.path);
}

// Other data sets in RecBole's form are not this one.
std::optional<Finding> recognize(const fs::path& folder) {
  for (const auto& [items, ratings] : {std::pair("u.item", "u.data"), {"ml-100k.item", "ml-100k.inter"}})
    if (find_file(folder, items) && find_file(folder, ratings)) return Finding{};
  return std::nullopt;
}

void import(const std::vector<fs::path>& files, const DataOptions& options, RatingsBuilder& builder,
            ImportReport& report) {
  if (!files[0].filename().string().starts_with("u.item")) return import_recbole(files, options, builder, report);
  read_lines(files[0], line_limits(options), report, [&](std::string_view line, std::int64_t) {
    const auto fields = split_fields(line, "|");
    if (fields.size() < 2) throw BadLine("no | behind the item");
    builder.add_item(parse_id(fields[0], "item"), latin1_to_utf8(fields[1]));
  });
  read_lines(files[1], line_limits(options), report, [&](std::string_view line, std::int64_t) {
    const auto fields = split_fields(line, "\t");
    if (fields.size() != 4) throw BadLine(fmt::format("{} fields instead of user, item, rating, time", fields.size()));
    const double rating = parse_stars(fields[2]);
    builder.add_interaction(parse_id(fields[0], "user"), parse_id(fields[1], "item"), rating, parse_time(fields[3]));
  });
}
}  // namespace

extern const Dataset ml_100k;
const Dataset ml_100k = {.name = "ml-100k",
                         .domain = "movies",
                         .title = "MovieLens-100K",
                         .files = "u.data and u.item, or ml-100k.inter and ml-100k.item",
                         .find_files = find_files,
                         .import = import,
                         .recognize = recognize};

}  // namespace recpo::data
