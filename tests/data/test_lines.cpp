#include <gtest/gtest.h>
#include <zlib.h>

#include <fstream>

#include "src/data/lines.hpp"
#include "src/support/file.hpp"
#include "tests/data/expect_error.hpp"
#include "tests/support/temporary_folder.hpp"

namespace recpo::data {
namespace {
std::vector<std::string> lines_of(const std::filesystem::path& path) {
  std::vector<std::string> lines;
  ImportReport report;
  read_lines(path, {}, report, [&](std::string_view line, std::int64_t number) {
    lines.push_back(std::to_string(number) + ":" + std::string(line));
  });
  return lines;
}

void write_gzip(const std::filesystem::path& path, const std::string& content) {
  gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, content.data(), static_cast<unsigned>(content.size()));
  gzclose(file);
}

// Reads `lines` numbered lines of which the first `bad` are bad, with a limit.
ImportReport read_with_bad(int lines, int bad, double limit) {
  const TemporaryFolder folder;
  std::string content;
  for (int i = 0; i < lines; ++i) content += i < bad ? "x\n" : "1\n";
  write_file(folder.path() / "f", content);
  ImportReport report;
  read_lines(folder.path() / "f", {limit}, report,
             [](std::string_view line, std::int64_t) { parse_real(line, "rating"); });
  return report;
}
}  // namespace

TEST(Lines, AnyLineEndWillDo) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "f";
  const std::vector<std::string> expected{"1:a", "2:b", "4:c"};
  write_file(path, "a\nb\n\nc\n");
  EXPECT_EQ(lines_of(path), expected);
  write_file(path, "a\r\nb\r\n\r\nc\r\n");
  EXPECT_EQ(lines_of(path), expected);
  write_file(path, "a\nb\n \nc");
  EXPECT_EQ(lines_of(path), expected);
  write_gzip(path, "a\nb\n\nc");
  EXPECT_EQ(lines_of(path), expected);
  write_file(path, "");
  EXPECT_TRUE(lines_of(path).empty());
}

TEST(Lines, LongFilesAreReadWhole) {
  const TemporaryFolder folder;
  std::string content;
  for (int i = 0; i < 200000; ++i) content += std::to_string(i) + "\n";  // several blocks
  write_gzip(folder.path() / "f.gz", content);
  const auto lines = lines_of(*find_file(folder.path(), "f"));
  ASSERT_EQ(lines.size(), 200000u);
  EXPECT_EQ(lines[123456], "123457:123456");
}

TEST(Lines, DamagedFilesAreRefused) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "f.gz";
  std::string content;
  for (int i = 0; i < 100000; ++i) content += std::to_string(i * 7919) + "\n";
  write_gzip(path, content);
  const std::string whole = read_file(path);
  write_file(path, whole.substr(0, whole.size() / 2));
  expect_failure(65, {"f.gz", "after line"}, [&] { lines_of(path); });
  std::string broken = whole;
  broken[whole.size() / 2] = static_cast<char>(broken[whole.size() / 2] ^ 0x10);
  write_file(path, broken);
  expect_failure(65, {"f.gz", "after line"}, [&] { lines_of(path); });
  write_file(path, std::string(kMaxLineBytes + 10, 'a'));
  expect_failure(65, {"f.gz:1", "longer"}, [&] { lines_of(path); });
  expect_failure(65, {"missing"}, [&] { lines_of(folder.path() / "missing"); });
  expect_failure(65, {folder.path().string()}, [&] { lines_of(folder.path()); });
}

TEST(Lines, BadLinesAreCountedUpToTheLimit) {
  const ImportReport report = read_with_bad(3000, 3, 0.001);
  EXPECT_EQ(report.files.at(0).bad_lines, 3);
  EXPECT_EQ(report.files.at(0).lines, 3000);
  EXPECT_EQ(report.first_bad_lines.at(1), "f:2: rating 'x' is not a number");
  expect_failure(65, {"4 of 3000", "max_bad_lines", "f:1: rating 'x'"}, [] { read_with_bad(3000, 4, 0.001); });
  expect_failure(65, {"1 of 10"}, [] { read_with_bad(10, 1, 0.0999); });
}

TEST(Lines, NumbersAreReadWholeAndInRange) {
  EXPECT_EQ(parse_real("4.5", "rating"), 4.5);
  EXPECT_EQ(parse_time("881250949"), 881250949);
  EXPECT_EQ(parse_time("8.81250949e8"), 881250949);
  EXPECT_EQ(parse_time("-1.5"), -2);
  for (const char* bad : {"", " 4", "4 ", "4,5", "0x10", "nan", "inf", "1e999", "four"}) {
    EXPECT_THROW(parse_real(bad, "rating"), BadLine) << bad;
    EXPECT_THROW(parse_time(bad), BadLine) << bad;
  }
  EXPECT_THROW(parse_time("1e300"), BadLine);
  EXPECT_THROW(parse_rating("0"), BadLine);
  EXPECT_THROW(parse_rating("-3"), BadLine);
  EXPECT_EQ(split_fields("1::Title: x::", "::"), (std::vector<std::string_view>{"1", "Title: x", ""}));
  EXPECT_EQ(latin1_to_utf8("caf\xe9"), "café");
}

}  // namespace recpo::data
