// rows.h5: the same rows come back, and nothing broken is ever read or left behind.

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <functional>

#include "src/support/file.hpp"
#include "src/support/folder.hpp"
#include "src/support/hdf5.hpp"
#include "tests/data/expect_error.hpp"
#include "tests/data/prepared_rows.hpp"
#include "tests/support/as_nobody.hpp"

namespace recpo::data {

TEST(RowsFile, ReadsBackWhatWasWritten) {
  const SmallData data;
  const TemporaryFolder folder;
  const auto path = folder.path() / "new/rows.h5";
  const RowFile written = data.prepare().rows;
  EXPECT_FALSE(read_rows_hash(path));
  write_rows(path, written);
  const RowFile read = read_rows(path);
  EXPECT_EQ(read_rows_hash(path), written.hash);
  EXPECT_EQ(read.hash, written.hash);
  EXPECT_EQ(read.tokenizer_hash, written.tokenizer_hash);
  EXPECT_EQ(read.end_id, written.end_id);
  EXPECT_EQ(read.default_rating, 3.0);
  EXPECT_EQ(read.default_latency, 11.0);
  ASSERT_EQ(read.rows.size(), written.rows.size());
  for (std::size_t i = 0; i < read.rows.size(); ++i) expect_equal(read.rows[i], written.rows[i]);
  std::size_t in_splits = 0;
  for (const Split split : {Split::kTrain, Split::kValid, Split::kTest, Split::kAdherence, Split::kAvoidance})
    in_splits += read.of_split(split).size();
  EXPECT_EQ(in_splits, read.rows.size());
}

TEST(RowsFile, RowsWithoutTokensToo) {
  const SmallData data;
  const TemporaryFolder folder;
  const RowFile written = data.draw().rows;
  write_rows(folder.path() / "rows.h5", written);
  const RowFile read = read_rows(folder.path() / "rows.h5");
  for (std::size_t i = 0; i < read.rows.size(); ++i) expect_equal(read.rows[i], written.rows[i]);
}

TEST(RowsFile, FlippedBitsAreFound) {
  const SmallData data;
  const TemporaryFolder folder;
  const auto path = folder.path() / "rows.h5";
  RowFile written = data.prepare().rows;
  written.rows.resize(3);
  write_rows(path, written);
  const std::string whole = read_file(path);
  int refused = 0;
  for (std::size_t byte = 0; byte < whole.size(); byte += 83) {
    std::string broken = whole;
    broken[byte] = static_cast<char>(broken[byte] ^ (1 << (byte % 8)));
    std::ofstream(path, std::ios::binary) << broken;
    try {
      const RowFile read = read_rows(path);
      ASSERT_EQ(read.rows.size(), 3u) << byte;
      EXPECT_EQ(read.hash, written.hash) << byte;
      for (std::size_t i = 0; i < 3; ++i) expect_equal(read.rows[i], written.rows[i]);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kBadInput) << error.what();
      ++refused;
    }
  }
  EXPECT_GT(refused, 20);
  write_file(path, whole.substr(0, whole.size() / 2));
  expect_failure(65, {"rows.h5", "not a whole"}, [&] { read_rows(path); });
  EXPECT_FALSE(read_rows_hash(path));
}

// A valid HDF5 file whose indices point outside.
TEST(RowsFile, IndicesAreChecked) {
  const SmallData data;
  const TemporaryFolder folder;
  const auto path = folder.path() / "rows.h5";
  RowFile rows = data.draw().rows;
  rows.rows.resize(2);
  const auto refuse = [&](const char* part, const std::function<void(Row&)>& damage) {
    RowFile damaged = rows;
    damage(damaged.rows[1]);
    write_rows(path, damaged);
    expect_failure(65, {part}, [&] { read_rows(path); });
  };
  refuse("rows/preferred", [](Row& row) { row.preferred = 20; });
  refuse("rows/preferred", [](Row& row) { row.preferred = -1; });
  refuse("rows/negatives", [](Row& row) { row.negatives[0] = 20; });
  refuse("rows/split", [](Row& row) { row.split = static_cast<Split>(5); });
  {
    auto other = hdf5::File::create(path);
    other.write_attribute("kind", "something else");
    other.close();
  }
  expect_failure(65, {"no file of rows"}, [&] { read_rows(path); });
}

// They would be made again, over those that are there.
TEST(RowsFile, OneThatCannotBeReadIsNotMissing) {
  const SmallData data;
  const TemporaryFolder folder;
  const auto path = folder.path() / "rows.h5";
  write_rows(path, data.prepare().rows);
  expect_failure(65, {"rows.h5", "Not a directory"}, [&] { read_rows_hash(path / "rows.h5"); });
  ASSERT_EQ(::chmod(folder.path().c_str(), 0755), 0);
  ASSERT_EQ(::chmod(path.c_str(), 0), 0);
  const AsNobody nobody;
  expect_failure(65, {"rows.h5: Permission denied"}, [&] { read_rows_hash(path); });
}

TEST(RowsFile, FullDiskLeavesTheOldFile) {
  const SmallData data;
  const TemporaryFolder folder;
  const auto path = folder.path() / "rows.h5";
  RowFile rows = data.prepare().rows;
  write_rows(path, rows);
  const std::string before = rows.hash;
  rows.hash = "another";
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit unlimited{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &unlimited), 0);
  rlimit small = unlimited;
  small.rlim_cur = 20000;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string write_failure = failure_of([&] { write_rows(path, rows); });
  const std::string export_failure = failure_of([&] { export_rows(folder.path() / "x.jsonl", rows); });
  setrlimit(RLIMIT_FSIZE, &unlimited);
  EXPECT_TRUE(write_failure.starts_with("73: ")) << write_failure;
  EXPECT_TRUE(export_failure.starts_with("73: ")) << export_failure;
  EXPECT_EQ(read_rows_hash(path), before);
  EXPECT_EQ(read_rows(path).rows.size(), rows.rows.size());
  EXPECT_EQ(list_folder(folder.path()), std::vector{path});
}

}  // namespace recpo::data
