// dataset = "csv": tables with a header, their fields, times and columns; and what recpo init makes of them.

#include <gtest/gtest.h>

#include "src/data/sample.hpp"
#include "src/data/table.hpp"
#include "src/data/times.hpp"
#include "src/support/file.hpp"
#include "tests/data/expect_error.hpp"
#include "tests/data/raw_files.hpp"
#include "tests/support/temporary_folder.hpp"

namespace recpo::data {
namespace {
using Records = std::vector<std::vector<std::string>>;

Records records_of(const std::string& content, const char* name = "t.csv") {
  const TemporaryFolder folder;
  write_file(folder.path() / name, content);
  Records records;
  ImportReport report;
  read_table(
      folder.path() / name, csv_format, {}, report, [&](const Header& header) { records.push_back(header.names()); },
      [&](Fields fields) { records.emplace_back(fields.begin(), fields.end()); });
  return records;
}

DataOptions csv_options(const std::string& items = "") {
  DataOptions options;
  options.interactions = "log.csv";
  options.items = items;
  return options;
}

Imported import_log(const std::string& content, const DataOptions& options = csv_options(), double max_bad_lines = 0) {
  const TemporaryFolder folder;
  write_file(folder.path() / "log.csv", content);
  return import_folder("csv", folder.path(), max_bad_lines, options);
}

std::int64_t seconds(const std::string& text) { return parse_any_time(text).seconds; }
}  // namespace

TEST(Csv, QuotedFieldsHoldDelimitersQuotesAndLineEnds) {
  const Records expected = {{"a", "b"}, {"1,5", "say \"hi\""}, {"two\nlines", ""}, {"", "5\" disc"}, {"x", "y"}};
  EXPECT_EQ(records_of("a,b\n\"1,5\",\"say \"\"hi\"\"\"\n\"two\nlines\",\"\"\n,5\" disc\n\nx,\"y\""), expected);
  EXPECT_EQ(records_of("\xef\xbb\xbf"
                       "a,b\r\n\"1,5\",\"say \"\"hi\"\"\"\r\n\"two\r\nlines\",\"\"\r\n,5\" disc\r\nx,y\r\n"),
            expected);
}

TEST(Csv, TheHeaderShowsTheDelimiter) {
  const Records expected = {{"a", "b", "c"}, {"1", "2", "3"}};
  for (const char* delimiter : {",", ";", "\t", "|"})
    EXPECT_EQ(records_of(fmt::format("a{0}b{0}c\n1{0}2{0}3\n", delimiter)), expected) << delimiter;
  EXPECT_EQ(records_of("\"a,x\"\tb\n1\t2\n"), (Records{{"a,x", "b"}, {"1", "2"}}));
  EXPECT_EQ(records_of("a\n1,2\n", "t.tsv"), (Records{{"a"}, {"1,2"}}));
}

TEST(Csv, DamagedTablesAreRefused) {
  expect_failure(65, {"t.csv:2", "column 2", "not closed"}, [] { records_of("a,b\n1,\"open\n2,3\n"); });
  expect_failure(65, {"t.csv:2: column 1: text follows the closing quote: 'x,2'"},
                 [] { records_of("a,b\n\"1\"x,2\n"); });
  expect_failure(65, {"t.csv:3: 3 fields instead of 2"}, [] { records_of("a,b\n1,2\n1,2,3\n"); });
  expect_failure(65, {"t.csv:1", "not closed"}, [] { records_of("a,\"b\n1,2\n"); });
  expect_failure(65, {"empty"}, [] { records_of(""); });
  expect_failure(65, {"UTF-16"}, [] {
    records_of(
        "\xff\xfe"
        "a\n");
  });
}

TEST(Csv, ColumnsAreFoundByUsualNames) {
  for (const char* header :
       {"userId,movieId,rating,timestamp", "user_id,product_id,stars,date", "User ID,ISBN,Score,Time",
        "Benutzer,Artikel,Bewertung,Zeitstempel", "uid,iid,Overall,unixReviewTime"}) {
    const Imported imported = import_log(std::string(header) + "\nu,7,4.5,99\n");
    EXPECT_EQ(seen(imported.ratings), (std::vector<Seen>{{"u", "7", 4.5, 4.5, 99}})) << header;
    EXPECT_EQ(imported.ratings.items[0].title, "7");
  }
}

TEST(Csv, ColumnsAreNamedByTheDeck) {
  DataOptions options = csv_options();
  options.columns = {.user = "a", .item = "b", .rating = "c", .time = "d", .title = "e"};
  const std::string content = "e,d,c,b,a,user,item,rating\n\"Usual Suspects, The\",2001-09-09T01:46:40Z,3,7,u,,,\n";
  const Imported imported = import_log(content, options);
  EXPECT_EQ(seen(imported.ratings), (std::vector<Seen>{{"u", "7", 3, 3, 1000000000}}));
  EXPECT_EQ(imported.ratings.items[0].title, "The Usual Suspects");
  options.columns.rating = "stars";
  expect_failure(65, {"log.csv:1", "no column 'stars' (data.columns.rating)", "e, d, c, b, a, user"},
                 [&] { import_log(content, options); });
  expect_failure(65, {"log.csv:1", "to hold the item", "comma: user, thing", "data.columns.item"},
                 [] { import_log("user,thing\nu,7\n"); });
}

TEST(Csv, WhatIsMissingHasASubstitute) {
  const Imported imported = import_log("uid;iid\nu;b\nv;a\nu;a\n");
  EXPECT_EQ(seen(imported.ratings), (std::vector<Seen>{{"u", "b", 4, 4, 1}, {"v", "a", 4, 4, 2}, {"u", "a", 4, 4, 3}}));
  ASSERT_EQ(imported.report.notes.size(), 2u);
  EXPECT_NE(imported.report.notes[0].find("counts as liked"), std::string::npos);
  DataOptions days = csv_options();
  days.latency_unit = LatencyUnit::kDays;
  expect_failure(64, {"data.latency_unit", "log.csv"}, [&] { import_log("uid,iid\nu,b\n", days); });
}

TEST(Csv, ItemsAreAFileOfTheirOwn) {
  const TemporaryFolder folder;
  write_file(folder.path() / "log.csv", "user_id,product_id,stars\nu,1,5\nu,2,0\nu,3,4\n");
  write_file(folder.path() / "products.tsv", "id\tname\tyear\n1\tHeat\t1995\n2\tAlien\t\n1\tAgain\t\n");
  DataOptions options = csv_options("products.tsv");
  options.columns.item = "product_id";  // the items' column is called otherwise
  const Imported imported = import_folder("csv", folder.path(), 0, options);
  EXPECT_EQ(imported.ratings.interactions.size(), 2u);
  EXPECT_EQ(imported.ratings.items[0].title, "Heat (1995)");
  EXPECT_EQ(imported.ratings.items[2].title, "");
  EXPECT_EQ(imported.report.dropped.at("lines of items that were there already"), 1);
  EXPECT_EQ(imported.report.dropped.at("ratings of 0 or below"), 1);
  options.items = "none.csv";
  expect_failure(65, {"data.items = none.csv"}, [&] { import_folder("csv", folder.path(), 0, options); });
  options.interactions = "";
  expect_failure(64, {"data.interactions"}, [&] { import_folder("csv", folder.path(), 0, options); });
}

TEST(Csv, BadValuesAreNamedWithLineAndColumn) {
  const std::string header = "user,item,rating,when\n";
  DataOptions options = csv_options();
  options.columns.time = "when";
  expect_failure(65, {"log.csv:3: column 4 (when): time '31.12.2017' is neither seconds, milliseconds nor ISO 8601"},
                 [&] { import_log(header + "u,1,5,7\nu,2,5,31.12.2017\n", options); });
  expect_failure(65, {"log.csv:2: column 3 (rating): rating 'good' is not a number"},
                 [&] { import_log(header + "u,1,good,7\n", options); });
  expect_failure(65, {"log.csv:2: the user is empty"}, [&] { import_log(header + ",1,4,7\n", options); });
  EXPECT_EQ(import_log("user;item;rating\nu;1;4,5\n").ratings.interactions[0].rating, 4.5);  // a decimal comma
}

TEST(Times, SecondsMillisecondsAndIso8601) {
  EXPECT_EQ(seconds("881250949"), 881250949);
  EXPECT_EQ(seconds("881250949.75"), 881250949);
  EXPECT_EQ(seconds("-5"), -5);
  EXPECT_EQ(seconds("881250949123"), 881250949);
  EXPECT_EQ(seconds("1.5e12"), 1500000000);
  EXPECT_EQ(parse_any_time("881250949123").form, TimeForm::kMilliseconds);
  EXPECT_EQ(seconds("2001-09-09"), 1000000000 - 6400);
  for (const char* text : {"2001-09-09T01:46:40", "2001-09-09 01:46:40", "2001-09-09T01:46:40Z",
                           "2001-09-09T01:46:40.999Z", "2001-09-09T03:46:40+02:00", "2001-09-09T03:46:40,5+0200",
                           "2001-09-08T20:16:40-05:30", "2001-09-09 02:46:40+01"})
    EXPECT_EQ(seconds(text), 1000000000) << text;
  EXPECT_EQ(seconds("2001-09-09T01:46"), 1000000000 - 40);
  EXPECT_EQ(parse_any_time("2001-09-09").form, TimeForm::kIso8601);
}

TEST(Times, OthersAreRefused) {
  for (const char* text :
       {"", "yesterday", "09/09/2001", "31.12.2017", "2017-13-01", "2017-02-29", "2017-12-31T24:00", "2017-12-31T23:60",
        "2017-12-31T23:59:61", "2017-12-31T", "2017-12-31T23:59:58.", "2017-12-31T23:59:58 UTC",
        "2017-12-31T23:59:58+1", "2017-12-31T23:59:58+01:", "2017-12-31x", "1e14", "nan", "17000000000000000"})
    EXPECT_THROW(seconds(text), BadLine) << text;
}

TEST(Sample, TheTopQuarterOfAScaleIsLiked) {
  const auto liked = [](std::vector<double> ratings) { return scale_of(std::move(ratings)).liked; };
  EXPECT_EQ(liked({1, 2, 3, 4, 5}), 4);
  EXPECT_EQ(liked({2, 5}), 4);
  EXPECT_EQ(liked({0.5, 3.5, 5}), 4);
  EXPECT_EQ(liked({1, 10}), 8);
  EXPECT_EQ(liked({1, 3}), 3);
  EXPECT_EQ(liked({5, 100}), 76);
  EXPECT_EQ(liked({1, 1}), 1);
  EXPECT_DOUBLE_EQ(liked({0.2, 1}), 0.8);
  EXPECT_EQ(liked({1, 2, 3, 4, 5, 6, 7, 1000}), 7);  // counts
}

}  // namespace recpo::data
