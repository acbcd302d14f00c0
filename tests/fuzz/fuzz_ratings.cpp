// Rating logs in every format that is read: MovieLens-1M ('1', records of ::), MovieLens-100K ('2', tabs), RecBole's
// atomic files ('3'), Amazon's, Steam's, BeerAdvocate's ('4', '5', '6', a dict a line), CSV ('7'). The input is that
// digit and the files, with a byte 1 between them. What is accepted is a log of whole numbers in their ranges.
#include <array>
#include <cmath>

#include "src/data/dataset.hpp"
#include "src/text/utf8.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace recpo {
namespace data {
extern const Dataset ml_1m, ml_100k, recbole, amazon_books, steam, beeradvocate, csv;
}
namespace {

struct Format {
  const data::Dataset& dataset;
  std::vector<const char*> files;
};
const std::array<Format, 7> kFormats = {{{data::ml_1m, {"movies.dat", "ratings.dat"}},
                                         {data::ml_100k, {"u.item", "u.data"}},
                                         {data::recbole, {"a.item", "a.inter"}},
                                         {data::amazon_books, {"meta_Books.json", "ratings_Books.csv"}},
                                         {data::steam, {"steam_games.json", "steam_reviews.json"}},
                                         {data::beeradvocate, {"beeradvocate.json"}},
                                         {data::csv, {"log.csv", "items.csv"}}}};

data::DataOptions fuzzed_options() {
  data::DataOptions options;
  options.path = fuzz::kSource;
  options.max_bad_lines = 0.5;
  options.interactions = "log.csv";
  options.items = "items.csv";
  return options;
}

std::vector<std::filesystem::path> write_files(const Format& format, std::string_view input) {
  std::filesystem::create_directory(fuzz::kSource);
  for (const auto& old : std::filesystem::directory_iterator(fuzz::kSource)) std::filesystem::remove(old.path());
  for (const char* name : format.files) {
    const std::size_t end = std::min(input.find('\1'), input.size());
    fuzz::write_input(input.substr(0, end), std::filesystem::path(fuzz::kSource) / name);
    input.remove_prefix(std::min(end + 1, input.size()));
  }
  return format.dataset.find_files(fuzzed_options()).value();
}

void check(const data::Ratings& ratings, bool is_kept) {
  const auto in = [](std::int32_t index, const auto& all) {
    return index >= 0 && static_cast<std::size_t>(index) < all.size();
  };
  for (const data::Interaction& interaction : ratings.interactions) {
    fuzz::expect(in(interaction.user, ratings.users) && in(interaction.item, ratings.items), "known users and items");
    fuzz::expect(interaction.rating > 0 && std::isfinite(interaction.rating) && interaction.level > 0,
                 "ratings above 0");
    fuzz::expect(!is_kept || !ratings.items[static_cast<std::size_t>(interaction.item)].title.empty(), "titles");
  }
  for (const data::Item& item : ratings.items) {
    fuzz::expect(text::valid_utf8_prefix(item.title) == item.title.size(), "titles of UTF-8");
    fuzz::expect(item.title.find('\n') == std::string::npos, "titles of one line");
    fuzz::expect(item.title.empty() || (item.title_id >= 0 && item.title_id < ratings.num_titles), "known titles");
  }
}

void read_ratings(std::string_view input) {
  if (input.empty()) return;
  const Format& format = kFormats[static_cast<unsigned char>(input[0] - '1') % kFormats.size()];
  data::RatingsBuilder builder(true, 40);
  data::ImportReport report;
  format.dataset.import(write_files(format, input.substr(1)), fuzzed_options(), builder, report);
  data::Ratings ratings = builder.finish();
  check(ratings, false);
  data::drop_untitled(ratings);
  check(ratings, true);
  data::filter_k_core(ratings, 2, 2);
  check(ratings, true);
  fuzz::expect(report.files.size() == format.files.size(), "a report of each file");
}
}  // namespace
}  // namespace recpo

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return recpo::fuzz::read(data, size, recpo::read_ratings);
}
