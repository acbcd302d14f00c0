// Amazon-Books in its two publications, generated with counts known by construction.

#include <algorithm>

#include "src/data/prepare.hpp"
#include "tests/data/expect_error.hpp"
#include "tests/data/raw_files.hpp"
#include "tests/support/temporary_folder.hpp"

namespace recpo::data {
namespace {
namespace fs = std::filesystem;
constexpr int kUsers = 30, kEach = 4;

std::string asin(std::size_t item) { return fmt::format("{:010}", item); }

// An item for every sample title, one without a title, one with an empty one, and one more line of the first item.
std::string meta(Notation notation) {
  std::string lines;
  const auto add = [&](std::size_t item, const Entries& more) {
    Entries entries = {{"asin", spell(asin(item), notation)},
                       {"price", "9.99"},
                       {"related", fmt::format("{{{}: [1, 2]}}", spell("also_bought", notation))}};
    entries.insert(entries.end(), more.begin(), more.end());
    lines += record_line(entries, notation);
  };
  const auto& samples = title_samples();
  for (std::size_t i = 0; i < samples.size(); ++i) add(i, {{"title", spell(samples[i].raw, notation)}});
  add(samples.size(), {{"categories", "[]"}});
  add(samples.size() + 1, {{"title", spell("", notation)}});
  add(0, {{"title", spell("another", notation)}});
  return lines;
}

std::vector<Seen> reviews() {
  std::vector<Seen> log;
  const std::size_t items = title_samples().size() + 3;  // the last has no line in the meta file
  for (int user = 0; user < kUsers; ++user)
    for (int i = 0; i < kEach; ++i) {
      const double rating = 1 + (user + i) % 5;
      const auto item = static_cast<std::size_t>(user * kEach + i) % items;
      log.push_back({fmt::format("A{}Z", user), asin(item), rating, rating, 1000000000 + i / 2 * 86400});
    }
  log.push_back(log.front());  // people do review a book twice
  return log;
}

std::string csv(const std::vector<Seen>& log) {
  std::string lines;
  for (const Seen& review : log)
    lines += fmt::format("{},{},{:.1f},{}\n", review.user, review.item, review.rating, review.time);
  return lines;
}

std::string json(const std::vector<Seen>& log) {
  std::string lines;
  for (const Seen& review : log)
    lines += record_line({{"overall", fmt::format("{:.1f}", review.rating)},
                          {"verified", "true"},
                          {"reviewTime", "\"03 30, 2005\""},
                          {"reviewerID", spell(review.user, Notation::kJson)},
                          {"asin", spell(review.item, Notation::kJson)},
                          {"style", "{\"Format:\": \" Hardcover\"}"},
                          {"reviewText", spell("say \"so\" \\ {\n\u00e9", Notation::kJson)},
                          {"unixReviewTime", std::to_string(review.time)}},
                         Notation::kJson);
  return lines;
}

void expect_generated(const Imported& imported) {
  const Ratings& ratings = imported.ratings;
  EXPECT_EQ(seen(ratings), reviews());
  EXPECT_EQ(ratings.users.size(), kUsers);
  const auto& samples = title_samples();
  ASSERT_EQ(ratings.items.size(), samples.size() + 3);
  for (std::size_t i = 0; i < ratings.items.size(); ++i)
    EXPECT_EQ(ratings.items[i].title, i < samples.size() ? samples[i].cleaned : "");
  EXPECT_EQ(imported.report.dropped.at("lines of items that were there already"), 1);
  EXPECT_EQ(imported.report.files.at(0).lines, samples.size() + 3);
  EXPECT_EQ(imported.report.files.at(1).lines, kUsers * kEach + 1);
  for (const FileReport& file : imported.report.files) EXPECT_EQ(file.bad_lines, 0) << file.name;
}
}  // namespace

TEST(AmazonBooks, EveryPublishedFormHoldsTheSame) {
  for (const bool gzip : {false, true})
    for (const Notation notation : kNotations)
      for (const char* name : {"ratings_Books.csv", "Books.json", "Books_5.json"}) {
        SCOPED_TRACE(fmt::format("{} gzip {} notation {}", name, gzip, static_cast<int>(notation)));
        const TemporaryFolder folder;
        write_raw(folder.path(), "meta_Books.json", meta(notation), gzip);
        write_raw(folder.path(), name, name == std::string("ratings_Books.csv") ? csv(reviews()) : json(reviews()),
                  gzip);
        expect_generated(import_folder("amazon-books", folder.path()));
      }
}

TEST(AmazonBooks, BothFormsOfMetaMayMeetInOneFile) {
  const TemporaryFolder folder;
  write_file(folder.path() / "meta_Books.json",
             "{'asin': '1', 'title': 'One'}\n{\"title\": \"Two\", \"asin\": \"2\"}\n");
  write_file(folder.path() / "ratings_Books.csv", "u,1,5.0,7\n");
  const Ratings ratings = import_folder("amazon-books", folder.path()).ratings;
  ASSERT_EQ(ratings.items.size(), 2u);
  EXPECT_EQ(ratings.items[1].title, "Two");
}

TEST(AmazonBooks, DamagedPagesAreNoTitles) {
  const TemporaryFolder folder;
  const auto item = [](const char* id, const std::string& title) {
    return record_line({{"asin", spell(id, Notation::kJson)}, {"title", spell(title, Notation::kJson)}},
                       Notation::kJson);
  };
  write_file(folder.path() / "meta_Books.json",
             item("1", "var aPageStart = (new Date()).getTime();\nvar ue_t0=1") + item("2", std::string(500, 'x')));
  write_file(folder.path() / "Books.json", json({{"u", "1", 5, 5, 7}}));
  const Ratings ratings = import_folder("amazon-books", folder.path()).ratings;
  EXPECT_EQ(ratings.items.at(0).title, "");
  EXPECT_EQ(ratings.items.at(1).title, std::string(197, 'x') + "...");
  EXPECT_EQ(ratings.titles_cut, 1);
}

TEST(AmazonBooks, BadLinesAreNamedAndCounted) {
  const TemporaryFolder folder;
  const auto import_with = [&](const std::string& name, const std::string& bad, double limit) {
    for (const char* old : {"ratings_Books.csv", "Books.json"}) fs::remove(folder.path() / old);
    write_file(folder.path() / name, (name == "Books.json" ? json(reviews()) : csv(reviews())) + bad + "\n");
    return import_folder("amazon-books", folder.path(), limit);
  };
  const int lines = kUsers * kEach + 2;
  write_file(folder.path() / "meta_Books.json", meta(Notation::kPython3));
  const std::pair<const char*, const char*> csv_mistakes[] = {{"u,1,5.0", "3 fields instead of"},
                                                              {"u,1,6.0,7", "rating 6 is not 1-5"},
                                                              {",1,5.0,7", "the user is empty"},
                                                              {"u,1,5.0,soon", "time 'soon'"}};
  for (const auto& [bad, what] : csv_mistakes) {
    const std::string place = fmt::format("ratings_Books.csv:{}: {}", lines, what);
    expect_failure(65, {place, fmt::format("1 of {}", lines)}, [&] { import_with("ratings_Books.csv", bad, 0.001); });
    const Imported imported = import_with("ratings_Books.csv", bad, 0.01);
    EXPECT_EQ(seen(imported.ratings), reviews());
    EXPECT_EQ(imported.report.files.at(1).bad_lines, 1);
    EXPECT_TRUE(imported.report.first_bad_lines.at(0).starts_with(place)) << imported.report.first_bad_lines[0];
  }
  const std::pair<const char*, const char*> json_mistakes[] = {
      {R"({"reviewerID": "u", "asin": "1", "overall": 5.0})", "unixReviewTime is missing"},
      {R"({"reviewerID": "u", "asin": "1", "overall": "good", "unixReviewTime": 7})", "rating 'good' is not"},
      {R"({"reviewerID": "", "asin": "1", "overall": 5.0, "unixReviewTime": 7})", "the reviewerID is empty"},
      {R"({"reviewerID": "u", "asin": "1", "overall": 5.0, "unixReviewTime)", "a string that does not end at byte 50"}};
  for (const auto& [bad, what] : json_mistakes)
    expect_failure(65, {fmt::format("Books.json:{}: {}", lines, what)}, [&] { import_with("Books.json", bad, 0.001); });
  write_file(folder.path() / "meta_Books.json", "{'title': 'no asin'}\n");
  expect_failure(65, {"meta_Books.json:1: asin is missing"}, [&] { import_folder("amazon-books", folder.path()); });
}

TEST(AmazonBooks, MissingAndDoubtfulFilesAreNamed) {
  const TemporaryFolder folder;
  const auto import = [&] { import_folder("amazon-books", folder.path()); };
  expect_failure(65, {folder.path().string(), "meta_Books.json", "ratings_Books.csv", "Books.json"}, import);
  write_file(folder.path() / "ratings_Books.csv", "");
  expect_failure(65, {"meta_Books.json"}, import);
  write_raw(folder.path(), "meta_Books.json", "", true);
  write_raw(folder.path(), "Books.json", "", true);
  expect_failure(65, {"ratings_Books.csv", "Books.json.gz", "keep one"}, import);
}

}  // namespace recpo::data
