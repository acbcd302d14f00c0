// Steam's reviews and games in Python 2's spelling, generated with counts known by construction.

#include <algorithm>

#include "tests/data/expect_error.hpp"
#include "tests/data/raw_files.hpp"
#include "tests/support/temporary_folder.hpp"

namespace recpo::data {
namespace {
constexpr Notation kPython = Notation::kPython2;
constexpr std::int64_t kDay = 86400;

std::string game_line(const Entries& entries) {
  Entries all = {
      {"publisher", spell("K\u00e9", kPython)}, {"genres", "[u'Action', u'Indie']"}, {"early_access", "False"}};
  all.insert(all.end(), entries.begin(), entries.end());
  return record_line(all, kPython);
}

// hours < 0: the key is missing.
std::string review_line(const std::string& user, const std::string& game, double hours, const std::string& date) {
  Entries entries = {{"username", spell(user, kPython)}};
  if (hours >= 0) entries.push_back({"hours", fmt::format("{}", hours)});
  entries.insert(entries.end(), {{"products", "41"},
                                 {"product_id", spell(game, kPython)},
                                 {"page_order", "0"},
                                 {"date", spell(date, kPython)},
                                 {"text", spell("isn't it \"fun\"?\n{'username': u'trap'}", kPython)},
                                 {"early_access", "False"},
                                 {"page", "1"}});
  return record_line(entries, kPython);
}

void write_games(const std::filesystem::path& folder, bool gzip) {
  std::string lines;
  const auto& samples = title_samples();
  for (std::size_t i = 0; i < samples.size(); ++i)
    lines += game_line({{"id", spell(std::to_string(i), kPython)},
                        {"title", spell("other title", kPython)},
                        {"app_name", spell(samples[i].raw, kPython)}});
  lines += game_line({{"id", "u'100'"}, {"title", "u'Title Only'"}});
  lines += game_line({{"id", "u'101'"}, {"app_name", "None"}, {"title", "u'Title Beside None'"}});
  lines += game_line({{"id", "u'102'"}, {"url", "u'x'"}});  // without a title
  lines += game_line({{"id", "103"}, {"app_name", "u'A Number as Id'"}});
  lines += game_line({{"id", "u'100'"}, {"title", "u'Again'"}});  // dropped
  write_raw(folder, "steam_games.json", lines, gzip);
}
}  // namespace

TEST(Steam, NamesTimesAndQuintilesFollowFromTheLines) {
  for (const bool gzip : {false, true}) {
    const TemporaryFolder folder;
    write_games(folder.path(), gzip);
    const std::string name = "\u20ae\u029c\u1d07 W\u1d00\u0280 'n' \"\U0001f600\"";
    // Five players of game 0, of whom one appears three times; ten of game 1 with ties and unknown hours.
    std::string reviews = review_line(name, "0", 900, "2018-01-01") + review_line("a", "0", 0.1, "2017-12-17") +
                          review_line("b", "0", 40, "2014-06-27") + review_line("c", "0", 3, "2016-02-29") +
                          review_line(name, "0", 800, "2018-01-02") + review_line("d", "0", 20, "1970-01-02") +
                          review_line(name, "0", 10, "2015-01-01");
    for (int player = 0; player < 10; ++player)
      reviews += review_line(fmt::format("p{}", player), "1",
                             player < 3   ? -1
                             : player < 6 ? 2.5
                                          : player,
                             "2017-12-31");
    reviews += review_line("p0", "unknown game", 5, "2018-01-04");
    write_raw(folder.path(), "steam_reviews.json", reviews, gzip);

    const Imported imported = import_folder("steam", folder.path());
    const std::vector<Seen> log = seen(imported.ratings);
    ASSERT_EQ(log.size(), 16u);
    EXPECT_EQ(log[0], (Seen{"a", "0", 1, 1, 17517 * kDay}));
    EXPECT_EQ(log[1], (Seen{"b", "0", 5, 5, 16248 * kDay}));
    EXPECT_EQ(log[2], (Seen{"c", "0", 2, 2, 16860 * kDay}));
    EXPECT_EQ(log[3], (Seen{"d", "0", 4, 4, kDay}));
    EXPECT_EQ(log[4], (Seen{name, "0", 3, 3, 16436 * kDay}));  // its last line, with that line's date and place
    const double expected[] = {1, 1, 1, 2, 2, 2, 4, 4, 5, 5};
    for (std::size_t player = 0; player < 10; ++player)
      EXPECT_EQ(log[5 + player],
                (Seen{fmt::format("p{}", player), "1", expected[player], expected[player], 17531 * kDay}));
    EXPECT_EQ(log[15], (Seen{"p0", "unknown game", 1, 1, 17535 * kDay}));

    const auto& samples = title_samples();
    const std::vector<Item>& items = imported.ratings.items;
    ASSERT_EQ(items.size(), samples.size() + 5);
    for (std::size_t i = 0; i < samples.size(); ++i) EXPECT_EQ(items[i].title, samples[i].cleaned);
    const char* others[] = {"Title Only", "Title Beside None", "", "A Number as Id", ""};
    for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(items[samples.size() + i].title, others[i]);
    EXPECT_EQ(imported.report.dropped.at("reviews of a user and game that came again"), 2);
    EXPECT_EQ(imported.report.dropped.at("lines of items that were there already"), 1);
    EXPECT_EQ(imported.report.files.at(1).lines, 18);
  }
}

TEST(Steam, BadLinesAreNamedAndCounted) {
  const std::string good = review_line("a", "0", 1, "2017-12-17");
  const std::pair<std::string, const char*> mistakes[] = {
      {review_line("a", "0", 1, "2017-02-29"), "date '2017-02-29' is not of the form"},
      {review_line("a", "0", 1, "17.12.2017"), "date '17.12.2017' is not of the form"},
      {review_line("a", "0", 1, "2017-1-017"), "date '2017-1-017' is not of the form"},
      {review_line("", "0", 1, "2017-12-17"), "the username is empty"},
      {record_line({{"product_id", "u'0'"}, {"date", "u'2017-12-17'"}}, kPython), "username is missing"},
      {record_line({{"username", "u'a'"}, {"product_id", "u'0'"}}, kPython), "date is missing"},
      {record_line({{"username", "u'a'"}, {"product_id", "u'0'"}, {"date", "u'2017-12-17'"}, {"hours", "u'two'"}},
                   kPython),
       "hours 'two' is not a number"},
      {record_line({{"username", "u'a'"}, {"product_id", "u'0'"}, {"date", "u'2017-12-17'"}, {"hours", "-1.5"}},
                   kPython),
       "hours -1.5 are below 0"},
      {good.substr(0, 60) + "\n", "does not end at byte"}};
  for (const auto& [bad, what] : mistakes) {
    const TemporaryFolder folder;
    write_games(folder.path(), false);
    std::string lines;
    for (int i = 0; i < 1998; ++i) lines += review_line(std::to_string(i), "0", 1, "2017-12-17");
    write_raw(folder.path(), "steam_reviews.json", lines + bad + good, true);
    const Imported imported = import_folder("steam", folder.path(), 0.001);
    EXPECT_EQ(imported.ratings.interactions.size(), 1999u);
    ASSERT_EQ(imported.report.files.at(1).bad_lines, 1);
    EXPECT_NE(imported.report.first_bad_lines.at(0).find(what), std::string::npos)
        << imported.report.first_bad_lines[0];
    expect_failure(65, {"steam_reviews.json.gz:1999: ", what, "1 of 2000"},
                   [&] { import_folder("steam", folder.path(), 0.0004); });
  }
}

TEST(Steam, MissingFilesAreNamed) {
  const TemporaryFolder folder;
  expect_failure(65, {"steam_games.json", "steam_reviews.json"}, [&] { import_folder("steam", folder.path()); });
}

}  // namespace recpo::data
