// BeerAdvocate's reviews, generated with counts known by construction. All values are strings.

#include <algorithm>

#include "tests/data/expect_error.hpp"
#include "tests/data/raw_files.hpp"
#include "tests/support/temporary_folder.hpp"

namespace recpo::data {
namespace {
struct Beer {
  std::string id, name, abv, style;
};

std::string review_line(const Beer& beer, const std::string& user, const std::string& overall, const std::string& time,
                        Notation notation = Notation::kPython3) {
  Entries entries = {{"beer/name", beer.name},     {"beer/beerId", beer.id},
                     {"beer/brewerId", "10325"},   {"beer/ABV", beer.abv},
                     {"beer/style", beer.style},   {"review/appearance", "2.5"},
                     {"review/overall", overall},  {"review/time", time},
                     {"review/profileName", user}, {"review/text", "It's a \"lot\"\tof foam.\n{'beer/name': 'trap'}"}};
  for (auto& [key, value] : entries) value = spell(value, notation);
  return record_line(entries, notation);
}

const std::vector<Beer> kBeers = {{"1", "Sausa Weizen", "5.00", "Hefeweizen"},
                                  {"2", "Fr\u00fch K\u00f6lsch, The", "4.8", "K\u00f6lsch"},
                                  {"3", "&#40;512&#41; IPA", "7.0", "American IPA"},
                                  {"4", "Strongless", "", "Bock"},
                                  {"5", "Tom's \"Best\"", "", ""},
                                  {"6", "", "9.9", "Tripel"}};
const std::vector<std::string> kTexts = {"Sausa Weizen, 5.00% ABV, Hefeweizen",
                                         "Früh Kölsch, The, 4.8% ABV, Kölsch",
                                         "(512) IPA, 7.0% ABV, American IPA",
                                         "Strongless, Bock",
                                         "Tom's \"Best\"",
                                         ""};
}  // namespace

TEST(BeerAdvocate, ReviewsKeepHalfStepsAndRoundThemForTheMargin) {
  for (const bool gzip : {false, true})
    for (const Notation notation : kNotations) {
      const TemporaryFolder folder;
      std::string lines;
      std::vector<Seen> expected;
      for (int user = 0; user < 10; ++user)
        for (const Beer& beer : kBeers) {
          const double overall = (1 + user) / 2.0;  // 0.5 to 5
          const std::int64_t time = 1234817823 + user / 3;
          lines += review_line(beer, fmt::format("us\u00e9r {}", user), fmt::format("{:.1f}", overall),
                               std::to_string(time), notation);
          expected.push_back(
              {fmt::format("usér {}", user), beer.id, overall, static_cast<double>((user + 2) / 2), time});
        }
      lines += review_line({"1", "Renamed", "6", "Ale"}, "us\u00e9r 0", "4.0", "1234817823", notation);
      expected.push_back({"usér 0", "1", 4, 4, 1234817823});
      write_raw(folder.path(), "beeradvocate.json", lines, gzip);
      const Imported imported = import_folder("beeradvocate", folder.path());
      EXPECT_EQ(seen(imported.ratings), expected);
      ASSERT_EQ(imported.ratings.items.size(), kBeers.size());
      for (std::size_t i = 0; i < kBeers.size(); ++i) EXPECT_EQ(imported.ratings.items[i].title, kTexts[i]);
    }
}

TEST(BeerAdvocate, BytesOfPythonTwoAreText) {
  const TemporaryFolder folder;
  write_file(folder.path() / "beeradvocate.json",
             R"({'beer/name': 'K\xc3\xb6lsch', 'beer/beerId': '1', 'beer/ABV': '', 'beer/style': 'Caf\xe9', )"
             R"('review/overall': '4.5', 'review/time': '1', 'review/profileName': 'u'})");
  EXPECT_EQ(import_folder("beeradvocate", folder.path()).ratings.items.at(0).title, "Kölsch, Café");
}

TEST(BeerAdvocate, BadLinesAreNamedAndLeaveNothingBehind) {
  const Beer unseen = {"99", "Unseen", "1", "Ale"};
  std::string lines;
  for (int i = 0; i < 1999; ++i) lines += review_line(kBeers[0], std::to_string(i), "4.0", "1");
  std::string cut = review_line(unseen, "u", "4.0", "1");
  cut.resize(150);
  const std::pair<std::string, const char*> mistakes[] = {
      {review_line(unseen, "u", "5.5", "1"), "rating 5.5 is above 5"},
      {review_line(unseen, "u", "0.0", "1"), "rating '0.0' is not above 0"},
      {review_line(unseen, "u", "", "1"), "rating '' is not a number"},
      {review_line(unseen, "", "4.0", "1"), "the review/profileName is empty"},
      {review_line(unseen, "u", "4.0", "now"), "time 'now' is not a number"},
      {review_line({"", "Unseen", "1", "Ale"}, "u", "4.0", "1"), "the beer/beerId is empty"},
      {"{'beer/beerId': '99', 'review/overall': '4.0', 'review/time': '1'}\n", "review/profileName is missing"},
      {cut, "beeradvocate.json:2000: "}};
  for (const auto& [bad, what] : mistakes) {
    const TemporaryFolder folder;
    write_file(folder.path() / "beeradvocate.json", lines + bad);
    const Imported imported = import_folder("beeradvocate", folder.path(), 0.0005);
    EXPECT_EQ(imported.ratings.items.size(), 1u);
    EXPECT_EQ(imported.ratings.users.size(), 1999u);
    EXPECT_EQ(imported.report.files.at(0).bad_lines, 1);
    expect_failure(65, {"beeradvocate.json:2000: ", what},
                   [&] { import_folder("beeradvocate", folder.path(), 0.0004); });
  }
  const TemporaryFolder empty;
  expect_failure(65, {"beeradvocate.json"}, [&] { import_folder("beeradvocate", empty.path()); });
}

}  // namespace recpo::data
